import { jest } from '@jest/globals';
import { StateDigester } from '../../src/codec/state-digest.ts';
import type { MqttState } from '../../src/index.ts';
import { QueueHolders } from '../../src/session/queue-holders.ts';
import type { Session } from '../../src/session/session.ts';
import type { StateData } from '../../src/state-data.ts';

/** Returns the data of a state, which its digester receives. */
export function dataOf(state: MqttState): StateData {
  const spy = jest.spyOn(StateDigester.prototype, 'digest');
  try {
    state.digest();
    return spy.mock.calls[0]![0];
  } finally {
    spy.mockRestore();
  }
}

/**
 * Returns everything that a state derives from its replicated data, in an order that does not depend on the history.
 * A state that has just been decoded derives the same.
 */
export function derivedOf(data: StateData, topics: readonly string[]): unknown {
  const { usage, subscriptions, sharedSubscriptionTrie } = data;
  const sessions = [...data.sessions.values()].sort((left, right) => (left.client < right.client ? -1 : 1));
  return {
    sums: {
      queueBytes: usage.queueBytes,
      retainedBytes: usage.retainedBytes,
      subscriptionOwnBytes: usage.subscriptionOwnBytes,
      willBytes: usage.willBytes,
      orphanCount: data.orphanCount,
      subscriptionCount: data.subscriptionCount,
      queuedMessages: data.queuedMessages,
      queuedBytes: data.queuedBytes,
      retainedExpiry: data.retained.nextExpiry(),
    },
    tries: [subscriptions, sharedSubscriptionTrie].map(({ size, nodes }) => ({ size, nodes })),
    sessionsByHome: [...data.sessionsByHome.keys()]
      .sort()
      .map((member) => [member, data.sessionsHomedAt(member).map(clientOf)]),
    sessionsByClient: sessions.map((session) => derivedOfSession(data, session)),
    matches: topics.map((topic) =>
      subscriptions
        .matches(topic)
        .map(({ session, subscription }) => [isCurrent(data, session), session.client, subscription.filter])
        .sort(),
    ),
    shared: [...data.sharedSubscriptions.values()]
      .sort((left, right) => (left.key < right.key ? -1 : 1))
      .map((group) => ({
        key: group.key,
        members: [...group.sessions.values()].map((session) => [isCurrent(data, session), session.client]),
        choices: ([0, 1] as const).flatMap((qos) =>
          [true, false].map((connectedOnly) => group.chooseSession(qos, connectedOnly)?.session.client),
        ),
        connected: group.connectedSession(0)?.client,
      })),
    holders: largestOf(data.queueHolders ?? new QueueHolders(data.sessions.values())),
  };
}

function clientOf({ client }: Session): string {
  return client;
}

function isCurrent({ sessions }: StateData, session: Session): boolean {
  return sessions.get(session.client) === session;
}

function derivedOfSession({ usage }: StateData, session: Session): unknown {
  const { client, items, account, group, subscriptionBytes, willBytes, connected, home } = session;
  return {
    client,
    isHomed: home !== null,
    connected,
    group,
    sessionsOfGroup: usage.sessionsOf(group),
    subscriptionBytes,
    willBytes,
    account: { ...account },
    queue: [items.size, items.bytes, items.memory, items.retainedBytes],
    retainedItems: items.retainedItems().map(({ number }) => number),
    oldestDroppable: items.oldestDroppable()?.number,
  };
}

function largestOf({ largest, largestAbsent, connectedCount }: QueueHolders): unknown {
  return { largest: largest?.client, largestAbsent: largestAbsent?.client, connectedCount };
}
