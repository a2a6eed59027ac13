import type { ClientId, StateView, Subscription } from '@mqtt-cluster/contracts';

/** Kind of the question for the parts of sessions that only the home of a client has. */
export const sessionsQuestion = 'api.sessions';

/** Clients of one question. */
const clientsMax = 500;

/** The part of a session at its home. */
export interface HomeSession {
  readonly client: ClientId;
  readonly subscriptions: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly inFlight: number;
  readonly dropped: number;
  /** Only in the answer for a single client. */
  readonly subscriptionList?: readonly Subscription[];
}

/** Answers the question: the sessions of these clients that are connected to this member. */
export function homeSessions(view: StateView, body: unknown): HomeSession[] {
  const { ids, list } = body as { readonly ids: readonly ClientId[]; readonly list?: boolean };
  return ids.slice(0, clientsMax).flatMap((id) => {
    const session = view.session(id);
    if (session?.atHome == null) return [];
    const { client, subscriptions, queuedMessages, queuedBytes, atHome, subscriptionList } = session;
    const { inFlight, dropped } = atHome;
    const counts = { client, subscriptions, queuedMessages, queuedBytes, inFlight, dropped };
    return [{ ...counts, ...(list === true && { subscriptionList: shortened(subscriptionList) }) }];
  });
}

/** Bytes of the filters of an answer, which must be below 256 KiB. */
const listBytesMax = 200 * 1024;

function shortened(subscriptions: readonly Subscription[]): Subscription[] {
  let bytes = 0;
  return subscriptions.filter(({ filter }) => (bytes += Buffer.byteLength(filter) + 100) <= listBytesMax);
}
