import { deleteSession, endConnection } from '../../api/requests.ts';
import type { ClientDetail } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { href, navigate } from '../../app/router.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Needs } from '../../parts/needs.tsx';
import { bytes, plural } from '../../text/format.ts';

/** What happens to a client after its connection was closed. */
export const reconnectNote =
  'Each connection is closed now. Sessions, subscriptions and queued messages stay. Most clients reconnect by themselves at once.';

export function ClientActions({ client, refresh }: { client: ClientDetail; refresh: () => void }) {
  const { id, connected } = client;
  return (
    <div class="actions">
      <Needs role="operator" to="disconnect a client or delete its session">
        <button
          type="button"
          class="button"
          disabled={!connected}
          onClick={() => askToDisconnect(id, refresh)}
        >
          Disconnect
        </button>
        <button type="button" class="button button-danger" onClick={() => askToDelete(client)}>
          Delete session
        </button>
      </Needs>
      <a class="button" href={href(['trace'], { client: id })}>
        Trace
      </a>
    </div>
  );
}

function askToDisconnect(id: string, refresh: () => void): void {
  confirm({
    title: 'Disconnect this client?',
    body: (
      <>
        <p class="mono">{id}</p>
        <p>{reconnectNote}</p>
      </>
    ),
    action: 'Disconnect',
    isDangerous: true,
    run: async () => {
      const { ended } = await endConnection(id);
      announce(ended ? `The connection of ${id} was closed.` : `${id} had no connection.`);
      refresh();
    },
  });
}

function askToDelete({
  id,
  connected,
  subscriptions,
  queuedMessages,
  queuedBytes,
  will,
}: ClientDetail): void {
  confirm({
    title: 'Delete this session?',
    body: (
      <>
        <p class="mono">{id}</p>
        <p>
          {plural(subscriptions, 'subscription')} and {plural(queuedMessages, 'queued message')} (
          {bytes(queuedBytes)}) are deleted on all members. They cannot be restored.
        </p>
        {connected && <p>The client is connected. Its connection is closed as well.</p>}
        {will !== null && <p>The client has a will, which is published.</p>}
      </>
    ),
    action: 'Delete session',
    isDangerous: true,
    run: async () => {
      const { deleted } = await deleteSession(id);
      announce(deleted ? `The session of ${id} was deleted.` : `${id} has no session any more.`);
      navigate(['clients']);
    },
  });
}
