import type { ConnectRequest, MemberEvent } from '@mqtt-cluster/contracts';
import { TestCluster } from './cluster.ts';

const ids = ['a', 'b', 'c'];

function request(client: string, more: Partial<ConnectRequest> = {}): ConnectRequest {
  return { client, clean: true, sessionExpirySeconds: 0, receiveMaximum: 100, ...more };
}

function publish(topic: string, packetId: number) {
  return { topic, payload: new Uint8Array([1]), qos: 1, retain: false, packetId } as const;
}

test('only the member that proposed a batch reports its commit duration, and only once', () => {
  const committed: number[] = [];
  const cluster = new TestCluster(ids, {
    measures: { committed: (durationMs) => committed.push(durationMs), delivering: () => {} },
  });
  cluster.serve();
  // Waits until the cluster has finalised the semantics version.
  cluster.run(1_000);
  cluster.member('a').input(1, { kind: 'connect', request: request('p') });
  cluster.run(100);
  committed.length = 0;
  cluster.member('a').input(1, { kind: 'publish', request: publish('x', 1) });
  cluster.until('the publish is acknowledged', () =>
    cluster.takeEffects('a', 1).some(({ kind }) => kind === 'puback'),
  );
  cluster.run(100);
  // All three members share the options, so one report means that only the member that proposed the batch
  // reported.
  expect(committed).toHaveLength(1);
  expect(committed[0]).toBeGreaterThanOrEqual(0);
});

test.each([
  ['clean', { clean: true, sessionExpirySeconds: 0 }],
  ['persistent', { clean: false, sessionExpirySeconds: 3_600 }],
])(
  'the first delivery of a message to a %s session reports when the home received the message',
  (_kind, session) => {
    const reported: number[] = [];
    const cluster = new TestCluster(ids, {
      measures: { committed: () => {}, delivering: (receivedMs) => reported.push(receivedMs) },
    });
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('p') });
    for (const connection of [2, 3]) {
      cluster.member('a').input(connection, { kind: 'connect', request: request(`s${connection}`, session) });
    }
    cluster.run(100);
    for (const connection of [2, 3]) {
      cluster
        .member('a')
        .input(connection, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    }
    cluster.run(100);
    const receivedMs = cluster.nowMs - 10; // the time of the last step of the test cluster
    cluster.member('a').input(1, { kind: 'publish', request: publish('x', 1) });
    cluster.member('a').input(1, { kind: 'publish', request: publish('without/subscriber', 2) });
    cluster.until('delivered', () => cluster.takeEffects('a', 3).some(({ kind }) => kind === 'deliver'));
    cluster.run(100);
    expect(reported).toEqual([receivedMs]);
  },
);

test('the home of a message that waited for room in the window reports its receive time only when it delivers the message', () => {
  const reported: { receivedMs: number; atMs: number }[] = [];
  let nowMs = (): number => 0;
  const cluster = new TestCluster(['a'], {
    measures: {
      committed: () => {},
      delivering: (receivedMs) => reported.push({ receivedMs, atMs: nowMs() }),
    },
  });
  nowMs = () => cluster.nowMs;
  cluster.serve();
  cluster.member('a').input(1, { kind: 'connect', request: request('p') });
  cluster.member('a').input(2, { kind: 'connect', request: request('s', { receiveMaximum: 1 }) });
  cluster.run(100);
  cluster.member('a').input(2, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
  cluster.run(100);
  cluster.member('a').input(1, { kind: 'publish', request: publish('x', 1) });
  cluster.run(50);
  const second = cluster.nowMs - 10;
  cluster.member('a').input(1, { kind: 'publish', request: publish('x', 2) });
  cluster.run(1_000);
  expect(reported).toHaveLength(1);
  const [first] = cluster.takeEffects('a', 2).filter((effect) => effect.kind === 'deliver');
  const ackedMs = cluster.nowMs;
  cluster.member('a').input(2, { kind: 'puback', packetId: first!.packetId });
  cluster.run(100);
  expect(reported).toHaveLength(2);
  expect(reported[1]!.receivedMs).toBe(second);
  expect(reported[1]!.atMs).toBeGreaterThanOrEqual(ackedMs - 10);
});

test('exactly one member counts the effects of a log entry in its metrics', () => {
  const cluster = new TestCluster(ids);
  cluster.serve();
  const will = { topic: 'w', payload: new Uint8Array([1]), qos: 1, retain: false, delaySeconds: 0 } as const;
  for (const [position, id] of ids.entries()) {
    cluster.member(id).input(1, { kind: 'connect', request: request(`c${position}`, { will }) });
  }
  cluster.run(200);
  for (const id of ids) cluster.member(id).input(1, { kind: 'disconnect', graceful: false });
  cluster.run(500);
  for (const kind of ['willFired', 'sessionEnded'] as const) {
    const seen = ids.map((id) => cluster.events.get(id)!.filter((event) => event.kind === kind));
    // All members emit all events; each member counts the event of its own client.
    expect(seen.map((events) => events.length)).toEqual([3, 3, 3]);
    expect(seen.map((events) => events.filter((event) => counts(event)).length)).toEqual([1, 1, 1]);
  }
});

function counts(event: MemberEvent): boolean {
  return 'counts' in event && event.counts;
}
