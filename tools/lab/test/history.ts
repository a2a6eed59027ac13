import type { History, QoS, SentMessage, Stream, SubscriberHistory } from '../src/load/history.ts';

/** Messages 1 to count, a millisecond apart, all acked on the connection they were sent on. */
export function streamOf(qos: QoS, count: number, changes: Partial<SentMessage>[] = []): Stream {
  const messages = Array.from({ length: count }, (_, index): SentMessage => ({
    number: index + 1,
    sentAtMs: 100 + index,
    firstConnection: 1,
    ackedAtMs: qos === 0 ? null : 200 + index,
    ackConnection: qos === 0 ? null : 1,
    ...changes[index],
  }));
  return { id: 'p', qos, messages, stays: [] };
}

export function subscriberOf(
  numbers: readonly number[],
  changes: Partial<Omit<SubscriberHistory, 'sessions'>> & {
    ended?: boolean;
    wills?: [string, number][];
  } = {},
): SubscriberHistory {
  const { ended = false, wills = [], ...rest } = changes;
  return {
    id: 's',
    persistent: true,
    qos: 2,
    stays: [],
    ...rest,
    sessions: [
      {
        subscribedAtMs: 0,
        ended,
        deliveries: numbers.map((number, index) => ({ stream: 'p', number, atMs: 300 + index })),
        wills: new Map(wills),
      },
    ],
  };
}

/** A history in which all went well, but for what `changes` say. */
export function historyOf(changes: Partial<History>): History {
  return {
    streams: [],
    subscribers: [],
    wills: [],
    retained: { expected: new Map(), views: [] },
    sessionsLost: [],
    problems: [],
    mayDegrade: false,
    droppedAtBound: 0,
    gapsMs: [],
    gapsAtKilledMs: [],
    latenciesMs: [],
    ...changes,
  };
}
