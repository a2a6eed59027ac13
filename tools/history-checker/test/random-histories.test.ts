import fc from 'fast-check';
import type { DeliveryEvent, HistoryEvent, PublishEvent } from '../src/history/events.ts';
import { histories, unusedServer } from './random-histories.ts';
import { judge, testHeader, violated } from './history-builder.ts';

/** The model broker follows the standard when a client connects again. */
const header = {
  ...testHeader,
  servers: [...testHeader.servers, unusedServer],
  limits: { ...testHeader.limits, willAtTakeover: true },
};

type Events = readonly HistoryEvent[];
/** Changes the event of the history that the number `pick` selects; returns null if no event is suitable. */
type Mutation = (events: Events, lookup: EventLookup, pick: number) => HistoryEvent[] | null;

/** Finds the events that the mutations change. A lookup is built once for each history. */
class EventLookup {
  readonly #clients = new Map<number, string>();
  readonly #acked = new Set<number>();
  readonly #sends = new Map<number, PublishEvent[]>();
  readonly #copies = new Map<number, number>();
  readonly #watched: number[] = [];
  readonly #events: Events;

  constructor(events: Events) {
    this.#events = events;
    events.forEach((event, place) => {
      if (event.type === 'connect') this.#clients.set(event.connection, event.clientId);
      else if (event.type === 'acked') this.#acked.add(event.message);
      else if (event.type === 'publish') {
        this.#sends.set(event.message, [...this.sends(event.message), event]);
      } else if (event.type === 'delivery' && this.client(event.connection) === 'watcher') {
        if (event.retain || event.message === 0) return;
        this.#watched.push(place);
        this.#copies.set(event.message, this.copies(event.message) + 1);
      }
    });
  }

  client(connection: number): string {
    return this.#clients.get(connection) ?? '';
  }

  isAcked(message: number): boolean {
    return this.#acked.has(message);
  }

  sends(message: number): readonly PublishEvent[] {
    return this.#sends.get(message) ?? [];
  }

  /** @returns the number of deliveries of a message to the watcher */
  copies(message: number): number {
    return this.#copies.get(message) ?? 0;
  }

  /**
   * @returns the positions of the watcher's deliveries for which the condition is true, in the order of the
   * history
   */
  watched(where: (delivery: DeliveryEvent) => boolean): number[] {
    return this.#watched.filter((place) => where(this.#events[place] as DeliveryEvent));
  }
}

function one(places: readonly number[], pick: number): number | null {
  return places[pick % Math.max(1, places.length)] ?? null;
}

function without(events: Events, place: number): HistoryEvent[] {
  return events.filter((_, index) => index !== place);
}

function inserted(events: Events, place: number, event: HistoryEvent): HistoryEvent[] {
  return [...events.slice(0, place), event, ...events.slice(place)];
}

function timeOf(events: Events, place: number): number {
  return events[place]?.at ?? 0;
}

/** @returns the position and the delivery of the will of the client `mortal`, which dies at the end */
function lastWill(events: Events, lookup: EventLookup): [place: number, delivery: DeliveryEvent] {
  const place = lookup.watched(({ topic }) => topic === 'wills/mortal')[0] as number;
  return [place, events[place] as DeliveryEvent];
}

const mutations: Readonly<Record<string, readonly [rule: string, Mutation]>> = {
  'a delivery is missing': [
    'acked-but-lost',
    (events, lookup, pick) => {
      const place = one(
        lookup.watched(
          ({ message, qos }) => qos > 0 && lookup.isAcked(message) && lookup.copies(message) === 1,
        ),
        pick,
      );
      return place === null ? null : without(events, place);
    },
  ],
  'a QoS 2 message is delivered twice': [
    'qos2-duplicate',
    (events, lookup, pick) => {
      const place = one(
        lookup.watched(({ qos }) => qos === 2),
        pick,
      );
      return place === null ? null : inserted(events, place, events[place] as DeliveryEvent);
    },
  ],
  'two messages are delivered in the wrong order': [
    'order',
    (events, lookup, pick) => {
      const lane = (delivery: DeliveryEvent): string | null => {
        const [publish, again] = lookup.sends(delivery.message);
        if (!publish || again) return null;
        return `${publish.connection} ${publish.topic} ${publish.qos}`;
      };
      const places = lookup.watched(
        (delivery) => lookup.copies(delivery.message) === 1 && lane(delivery) !== null,
      );
      const pairs: (readonly [number, number])[] = [];
      const former = new Map<string | null, number>();
      for (const place of places) {
        const key = lane(events[place] as DeliveryEvent);
        const before = former.get(key);
        if (before !== undefined && timeOf(events, place) - timeOf(events, before) < 1_000)
          pairs.push([before, place]);
        former.set(key, place);
      }
      const pair = pairs[pick % Math.max(1, pairs.length)];
      if (!pair) return null;
      const [place, next] = pair;
      const { connection, at } = events[next] as DeliveryEvent;
      const late: DeliveryEvent = { ...(events[place] as DeliveryEvent), connection, at };
      return without(inserted(events, next + 1, late), place);
    },
  ],
  'a session is missing after a reconnect': [
    'session-lost',
    (events, lookup, pick) => {
      const places = events.flatMap((event, index) =>
        event.type === 'connected' && event.sessionPresent && lookup.client(event.connection) === 'idler'
          ? [index]
          : [],
      );
      const place = one(places, pick);
      if (place === null) return null;
      return events.map((event, index) =>
        index === place && event.type === 'connected' ? { ...event, sessionPresent: false } : event,
      );
    },
  ],
  'all servers send a replaced retained message at the end': [
    'retained',
    (events, lookup, pick) => {
      const writes = events.flatMap((event) => (event.type === 'publish' && event.retain ? [event] : []));
      const replaced = writes.filter(
        (write) =>
          !write.clear &&
          write.qos > 0 &&
          lookup.isAcked(write.message) &&
          writes.filter(({ message }) => message === write.message).length === 1 &&
          writes.some(
            (later) =>
              later.topic === write.topic &&
              later.qos > 0 &&
              !later.dup &&
              later.at > write.at &&
              later.message !== write.message &&
              lookup.isAcked(later.message),
          ),
      );
      const victim = replaced[pick % Math.max(1, replaced.length)];
      if (!victim) return null;
      return events.map((event) =>
        event.type === 'retained'
          ? {
              ...event,
              messages: [
                ...event.messages.filter(([topic]) => topic !== victim.topic),
                [victim.topic, victim.message] as const,
              ],
            }
          : event,
      );
    },
  ],
  'one server does not send a retained message': [
    'retained',
    (events) =>
      events.map((event) =>
        event.type === 'retained' && event.server === 'B'
          ? { ...event, messages: event.messages.filter(([topic]) => topic !== 'kept') }
          : event,
      ),
  ],
  'a will is not delivered': ['will', (events, lookup) => without(events, lastWill(events, lookup)[0])],
  'a will is published twice': ['will', (events, lookup) => inserted(events, ...lastWill(events, lookup))],
  'a will is published late': [
    'will',
    (events, lookup) => {
      const [place, delivery] = lastWill(events, lookup);
      const lateMs = 6_000;
      return events.map((event, index) =>
        index === place ? { ...delivery, at: delivery.at + lateMs } : event,
      );
    },
  ],
  'a will is published after a DISCONNECT': [
    'will',
    (events, lookup) =>
      events.map((event) =>
        event.type === 'closed' && lookup.client(event.connection) === 'mortal'
          ? { ...event, how: 'disconnect' }
          : event,
      ),
  ],
  'a will is not delivered after a takeover': [
    'will',
    (events, lookup) => {
      const wills = lookup.watched(({ topic }) => topic === 'wills/twin');
      return wills.length === 0 ? null : without(events, wills[0] as number);
    },
  ],
  'a takeover leaves the older connection open': [
    'two-connections',
    (events, lookup) => {
      const place = events.findIndex(
        (event) => event.type === 'closed' && lookup.client(event.connection) === 'twin',
      );
      return without(events, place);
    },
  ],
  'a new subscriber receives a replaced retained message': [
    'ack-taken-back',
    (events, lookup) => {
      const kept = events.flatMap((event) =>
        event.type === 'publish' && event.topic === 'kept' ? [event.message] : [],
      );
      return events.map((event) =>
        event.type === 'delivery' && event.retain && lookup.client(event.connection) === 'reader'
          ? { ...event, message: kept[0] as number }
          : event,
      );
    },
  ],
  'a delivery is late': [
    'served',
    (events, lookup, pick) => {
      const lateMs = 10_000;
      const rows = events.flatMap((event, index) => {
        const isKept = event.type === 'publish' && event.topic === 'kept' && event.qos > 0;
        return isKept && lookup.copies(event.message) === 1 ? [index] : [];
      });
      const sent = events[one(rows, pick) ?? -1];
      if (sent?.type !== 'publish') return null;
      return events.map((event) =>
        event.type === 'delivery' &&
        event.message === sent.message &&
        lookup.client(event.connection) === 'watcher'
          ? { ...event, at: event.at + lateMs }
          : event,
      );
    },
  ],
  'a message is delivered that was never published': [
    'phantom',
    (events, lookup, pick) => {
      const place = one(
        lookup.watched(() => true),
        pick,
      );
      const unknown = 1_000_000;
      return place === null
        ? null
        : inserted(events, place, { ...(events[place] as DeliveryEvent), message: unknown });
    },
  ],
};

const runsMax = 40;
/** Fixed seed, so that every run checks the same histories. */
const seed = 20_261_122;

describe('the checker on histories of the model broker', () => {
  test('reports no violation, and checks at least one event with every rule, except the rule for links', () => {
    const checked = new Map<string, number>();
    fc.assert(
      fc.property(histories, ({ events }) => {
        const verdict = judge(header, events);
        expect(verdict.rules.flatMap(({ findings }) => findings)).toEqual([]);
        for (const { rule, checked: count } of verdict.rules) {
          checked.set(rule, (checked.get(rule) ?? 0) + count);
        }
      }),
      { numRuns: runsMax * 3, seed },
    );
    // The model broker has no link.
    expect([...checked].filter(([, count]) => count === 0)).toEqual([['across-link', 0]]);
  });

  test.each(Object.entries(mutations))(
    'reports exactly the rule that a mutation violates: %s',
    (_, [rule, mutate]) => {
      fc.assert(
        fc.property(histories, fc.nat(), ({ events }, pick) => {
          const mutated = mutate(events, new EventLookup(events), pick);
          fc.pre(mutated !== null);
          expect(violated(judge(header, mutated ?? []))).toEqual([rule]);
        }),
        { numRuns: runsMax, seed },
      );
    },
  );
});
