import fc from 'fast-check';
import type { Delivery, HistoryEvent, Publish } from '../src/history/events.ts';
import { histories } from './random-histories.ts';
import { judge, testHeader, violated } from './history-builder.ts';

type Events = readonly HistoryEvent[];
/** Changes the history at a place that the number selects. */
type Mutation = (events: Events, look: Look, pick: number) => HistoryEvent[] | null;

/** The events that the mutations change, found once for each history. */
class Look {
  readonly #clients = new Map<number, string>();
  readonly #acked = new Set<number>();
  readonly #sends = new Map<number, Publish[]>();
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

  sends(message: number): readonly Publish[] {
    return this.#sends.get(message) ?? [];
  }

  /** Deliveries of a message to the watcher. */
  copies(message: number): number {
    return this.#copies.get(message) ?? 0;
  }

  /** Positions of the watcher's deliveries in the order of publication. */
  watched(where: (delivery: Delivery) => boolean): number[] {
    return this.#watched.filter((place) => where(this.#events[place] as Delivery));
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

/** The delivery of the will of the client that dies at the end. */
function lastWill(events: Events, look: Look): [place: number, delivery: Delivery] {
  const place = look.watched(({ topic }) => topic === 'wills/mortal')[0] as number;
  return [place, events[place] as Delivery];
}

const mutations: Readonly<Record<string, readonly [rule: string, Mutation]>> = {
  'a delivery gets lost': [
    'acked-but-lost',
    (events, look, pick) => {
      const place = one(
        look.watched(({ message, qos }) => qos > 0 && look.isAcked(message) && look.copies(message) === 1),
        pick,
      );
      return place === null ? null : without(events, place);
    },
  ],
  'a QoS 2 message is delivered twice': [
    'qos2-duplicate',
    (events, look, pick) => {
      const place = one(
        look.watched(({ qos }) => qos === 2),
        pick,
      );
      return place === null ? null : inserted(events, place, events[place] as Delivery);
    },
  ],
  'two messages are delivered in the wrong order': [
    'order',
    (events, look, pick) => {
      const lane = (delivery: Delivery): string | null => {
        const [publish, again] = look.sends(delivery.message);
        if (!publish || again) return null;
        return `${publish.connection} ${publish.topic} ${publish.qos}`;
      };
      const places = look.watched(
        (delivery) => look.copies(delivery.message) === 1 && lane(delivery) !== null,
      );
      const pairs: (readonly [number, number])[] = [];
      const former = new Map<string | null, number>();
      for (const place of places) {
        const key = lane(events[place] as Delivery);
        const before = former.get(key);
        if (before !== undefined && timeOf(events, place) - timeOf(events, before) < 1_000)
          pairs.push([before, place]);
        former.set(key, place);
      }
      const pair = pairs[pick % Math.max(1, pairs.length)];
      if (!pair) return null;
      const [place, next] = pair;
      const { connection, at } = events[next] as Delivery;
      const late: Delivery = { ...(events[place] as Delivery), connection, at };
      return without(inserted(events, next + 1, late), place);
    },
  ],
  'a session gets lost': [
    'session-lost',
    (events, look, pick) => {
      const places = events.flatMap((event, index) =>
        event.type === 'connected' && event.sessionPresent && look.client(event.connection) === 'idler'
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
  'a cleared retained message is back at the end': [
    'retained',
    (events, look, pick) => {
      const writes = events.flatMap((event) => (event.type === 'publish' && event.retain ? [event] : []));
      const replaced = writes.filter(
        (write) =>
          !write.clear &&
          write.qos > 0 &&
          look.isAcked(write.message) &&
          writes.filter(({ message }) => message === write.message).length === 1 &&
          writes.some(
            (later) =>
              later.topic === write.topic &&
              later.qos > 0 &&
              !later.dup &&
              later.at > write.at &&
              later.message !== write.message &&
              look.isAcked(later.message),
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
  'one server sends other retained messages': [
    'retained',
    (events) =>
      events.map((event) =>
        event.type === 'retained' && event.server === 'B'
          ? { ...event, messages: event.messages.filter(([topic]) => topic !== 'kept') }
          : event,
      ),
  ],
  'a will gets lost': ['will', (events, look) => without(events, lastWill(events, look)[0])],
  'a will is published twice': ['will', (events, look) => inserted(events, ...lastWill(events, look))],
  'a will is published late': [
    'will',
    (events, look) => {
      const [place, delivery] = lastWill(events, look);
      const lateMs = 6_000;
      return events.map((event, index) =>
        index === place ? { ...delivery, at: delivery.at + lateMs } : event,
      );
    },
  ],
  'a will is published after a DISCONNECT': [
    'will',
    (events, look) =>
      events.map((event) =>
        event.type === 'closed' && look.client(event.connection) === 'mortal'
          ? { ...event, how: 'disconnect' }
          : event,
      ),
  ],
  'a takeover leaves the older connection open': [
    'two-connections',
    (events, look) => {
      const place = events.findIndex(
        (event) => event.type === 'closed' && look.client(event.connection) === 'twin',
      );
      return without(events, place);
    },
  ],
  'a new subscriber receives a replaced retained message': [
    'ack-taken-back',
    (events, look) => {
      const kept = events.flatMap((event) =>
        event.type === 'publish' && event.topic === 'kept' ? [event.message] : [],
      );
      return events.map((event) =>
        event.type === 'delivery' && event.retain && look.client(event.connection) === 'looker'
          ? { ...event, message: kept[0] as number }
          : event,
      );
    },
  ],
  'a delivery is late': [
    'served',
    (events, look, pick) => {
      const lateMs = 10_000;
      const rows = events.flatMap((event, index) => {
        const isKept = event.type === 'publish' && event.topic === 'kept' && event.qos > 0;
        return isKept && look.copies(event.message) === 1 ? [index] : [];
      });
      const sent = events[one(rows, pick) ?? -1];
      if (sent?.type !== 'publish') return null;
      return events.map((event) =>
        event.type === 'delivery' &&
        event.message === sent.message &&
        look.client(event.connection) === 'watcher'
          ? { ...event, at: event.at + lateMs }
          : event,
      );
    },
  ],
  'a message is delivered that was never published': [
    'phantom',
    (events, look, pick) => {
      const place = one(
        look.watched(() => true),
        pick,
      );
      const unknown = 1_000_000;
      return place === null
        ? null
        : inserted(events, place, { ...(events[place] as Delivery), message: unknown });
    },
  ],
};

const runsMax = 40;
/** The seed is fixed: every run checks the same histories. Another seed checks others. */
const seed = 20_261_122;

describe('histories of the model broker', () => {
  test('violate no rule, and exercise every rule', () => {
    const checked = new Map<string, number>();
    fc.assert(
      fc.property(histories, ({ events }) => {
        const verdict = judge(testHeader, events);
        expect(verdict.rules.flatMap(({ findings }) => findings)).toEqual([]);
        for (const { rule, checked: count } of verdict.rules) {
          checked.set(rule, (checked.get(rule) ?? 0) + count);
        }
      }),
      { numRuns: runsMax * 3, seed },
    );
    expect([...checked.values()].every((count) => count > 0)).toBe(true);
  });

  test.each(Object.entries(mutations))(
    '%s: only the rule for it reports a violation',
    (_, [rule, mutate]) => {
      fc.assert(
        fc.property(histories, fc.nat(), ({ events }, pick) => {
          const mutated = mutate(events, new Look(events), pick);
          fc.pre(mutated !== null);
          expect(violated(judge(testHeader, mutated ?? []))).toEqual([rule]);
        }),
        { numRuns: runsMax, seed },
      );
    },
  );
});
