import type { HistoryEvent } from '@mqtt-cluster/history-checker';
import { ClientGaps } from '../src/load/client-gaps.ts';

let nowMs = 0;
const unixAtZeroMs = 1_000_000;
const create = (): ClientGaps =>
  new ClientGaps(
    () => nowMs,
    () => unixAtZeroMs + nowMs,
  );

const event = (value: object): HistoryEvent => value as HistoryEvent;
const connect = (connection: number, clientId: string, server: string, at: number): HistoryEvent =>
  event({ type: 'connect', at, connection, clientId, server });
const connected = (connection: number, at: number): HistoryEvent =>
  event({ type: 'connected', at, connection });
const closed = (connection: number, at: number): HistoryEvent =>
  event({ type: 'closed', at, connection, how: 'lost' });
const publish = (connection: number, message: number, at: number): HistoryEvent =>
  event({ type: 'publish', at, connection, message, qos: 1, topic: 't', dup: false });
const acked = (connection: number, message: number, at: number): HistoryEvent =>
  event({ type: 'acked', at, connection, message, code: 0 });

function feed(gaps: ClientGaps, ...events: readonly HistoryEvent[]): void {
  for (const each of events) gaps.add(each);
}

beforeEach(() => (nowMs = 10_000));

test('a publisher has a gap from its first unacknowledged message to the next acknowledgement, at another member', () => {
  const gaps = create();
  feed(
    gaps,
    connect(1, 'x-steady-publisher-0-qos1', 'm1', 0),
    connected(1, 1),
    publish(1, 1, 100),
    acked(1, 1, 105),
    publish(1, 2, 200),
    closed(1, 300),
    connect(2, 'x-steady-publisher-0-qos1', 'm2', 600),
    connected(2, 700),
    publish(2, 2, 710),
    acked(2, 2, 900),
  );
  expect(gaps.view()).toEqual([
    {
      id: 'steady-publisher-0-qos1',
      role: 'publisher',
      qos: 1,
      member: 'm2',
      gaps: [{ startMs: unixAtZeroMs + 200, endMs: unixAtZeroMs + 900 }],
    },
  ]);
});

test('a subscriber has a gap while it has no connection, and the gap is open until it connects', () => {
  const gaps = create();
  feed(gaps, connect(1, 'x-steady-subscriber-0', 'm1', 0), connected(1, 1), closed(1, 9_000));
  expect(gaps.view()[0]).toMatchObject({
    role: 'subscriber',
    member: null,
    gaps: [{ startMs: unixAtZeroMs + 9_000, endMs: null }],
  });
  feed(gaps, connect(2, 'x-steady-subscriber-0', 'm3', 9_500), connected(2, 9_800));
  expect(gaps.view()[0]).toMatchObject({
    member: 'm3',
    gaps: [{ startMs: unixAtZeroMs + 9_000, endMs: unixAtZeroMs + 9_800 }],
  });
});

test('short waits are no gaps, other clients are not shown, and 100 gaps of a client are kept', () => {
  const gaps = create();
  feed(gaps, connect(1, 'x-steady-publisher-2-qos2', 'm1', 0), connected(1, 1), connect(9, 'other', 'm1', 2));
  for (let number = 0; number < 300; number++) {
    const atMs = 1_000 * number;
    const waitMs = number < 150 ? 99 : 100;
    feed(gaps, publish(1, number, atMs), acked(1, number, atMs + waitMs));
  }
  const [client, ...others] = gaps.view();
  expect(others).toEqual([]);
  expect(client!.gaps).toHaveLength(100);
  expect(client!.gaps[99]).toEqual({ startMs: unixAtZeroMs + 299_000, endMs: unixAtZeroMs + 299_100 });
});
