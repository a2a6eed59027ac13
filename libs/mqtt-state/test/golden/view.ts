import { accessSemantics, conformanceSemantics } from '@mqtt-cluster/contracts';
import type { MqttState, SessionView } from '../../src/index.ts';

const clients = ['sub', 'shared-1', 'shared-2', 'clean', 'away', 'pub', 'adopted', 'lost-one', 'after-lost'];
/** Clients that exist from `conformanceSemantics` on. */
const conformingClients = ['cursor', 'former', 'expiring'];
/** Clients that exist from `accessSemantics` on. */
const ownedClients = ['of-ada', 'of-ada-denied', 'of-token', 'of-eve', 'of-anyone', 'revoked'];

/** The content of the recorded state through its public interface. */
export function viewOf(state: MqttState): unknown {
  const { index, timeMs, settings, semantics } = state;
  return {
    index,
    timeMs,
    settings,
    semantics,
    counts: state.counts(),
    nextDeadline: state.nextDeadline(),
    proposers: ['a', 'b', 'c'].map((member) => state.proposer(member) ?? null),
    retained: ['#', '$app/#'].flatMap((filter) => [...state.retained(filter)]),
    sessions: clients.map((client) => sessionOf(state.session(client))),
    ...(semantics >= conformanceSemantics && {
      conforming: conformingClients.map((client) => conformingSessionOf(state.session(client)!)),
    }),
    ...(semantics >= accessSemantics && {
      access: { ...state.access, users: [...state.access.users.values()] },
      owned: ownedClients.map((client) => ownedSessionOf(state.session(client))),
    }),
  };
}

function sessionOf(session: SessionView | undefined): unknown {
  if (session === undefined) return null;
  const { client, epoch, home, clean, expirySeconds, receiveMaximum, will } = session;
  return {
    client,
    epoch,
    home,
    clean,
    expirySeconds,
    receiveMaximum,
    will,
    subscriptions: [...session.subscriptions.values()],
    queue: [...session.queue()].map((item) => {
      const { number, message, qos, retain, subscriptionIdentifiers, packetId, received, group, origin } =
        item;
      return { number, message, qos, retain, subscriptionIdentifiers, packetId, received, group, origin };
    }),
    queuedMessages: session.queuedMessages,
    queuedBytes: session.queuedBytes,
    incoming: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].filter((packetId) => session.hasIncoming(packetId)),
    sentBelow: session.sentBelow,
  };
}

function conformingSessionOf(session: SessionView): unknown {
  const { retainedPending } = session;
  const takenOverWill = session.takenOver && without(session.takenOver, 'access');
  return { ...(sessionOf(session) as object), takenOverWill, retainedPending };
}

function without(value: object, name: string): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
}

function ownedSessionOf(session: SessionView | undefined): unknown {
  if (session === undefined) return null;
  const { owner, access } = session;
  const takenOverAccess = (session.takenOver as { readonly access?: unknown } | null)?.access ?? null;
  return { ...(conformingSessionOf(session) as object), owner, access, takenOverAccess };
}
