import type { ClusterEvent, EventKind } from '../api/types.ts';
import { href } from '../app/router.ts';
import { clock } from '../text/format.ts';
import { Empty } from './states.tsx';
import { Table } from './table.tsx';

const kindNames: Readonly<Record<EventKind, string>> = {
  connected: 'connected',
  disconnected: 'disconnected',
  takenOver: 'taken over',
  refused: 'refused',
  redirected: 'redirected',
  elected: 'elected',
  isolated: 'isolated',
  serving: 'serving',
  draining: 'draining',
  configChanged: 'members changed',
  snapshotInstalled: 'snapshot installed',
  alarm: 'alarm',
};

const troubles: ReadonlySet<EventKind> = new Set(['refused', 'isolated', 'alarm']);

export function kindName(kind: EventKind): string {
  return kindNames[kind] ?? kind;
}

export const eventKinds = Object.keys(kindNames) as readonly EventKind[];

/** Events, newest first. */
export function EventList({
  events,
  isForClient,
}: {
  events: readonly ClusterEvent[];
  isForClient?: boolean;
}) {
  if (events.length === 0) return <Empty title="No events." />;
  const rows = events.map((event, index) => ({ ...event, key: `${event.atMs} ${event.member} ${index}` }));
  return (
    <Table
      caption="Events, newest first"
      rows={rows}
      rowKey={({ key }) => key}
      columns={[
        { key: 'time', head: 'Time', cell: ({ atMs }) => <time class="tabular">{clock(atMs)}</time> },
        { key: 'member', head: 'Member', cell: ({ member }) => member },
        {
          key: 'kind',
          head: 'Event',
          cell: ({ kind }) => (
            <span class={troubles.has(kind) ? 'mark mark-bad' : undefined}>{kindName(kind)}</span>
          ),
        },
        ...(isForClient
          ? []
          : [
              {
                key: 'client',
                head: 'Client',
                cell: ({ client }: ClusterEvent) =>
                  client === undefined ? (
                    ''
                  ) : (
                    <a class="mono" href={href(['clients', client])}>
                      {client}
                    </a>
                  ),
              },
            ]),
        { key: 'text', head: 'What happened', isText: true, cell: ({ text }) => text },
      ]}
    />
  );
}
