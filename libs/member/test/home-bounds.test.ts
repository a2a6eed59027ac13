import type { Message } from '@mqtt-cluster/contracts';
import { defaultLimits } from '../src/index.ts';
import { Connection } from '../src/home/connections/connection.ts';
import { LocalQueues } from '../src/home/delivery/local-queues.ts';
import { TestCluster } from './cluster.ts';

function messageOf(bytes: number): Message {
  return { topic: 't', payload: new Uint8Array(bytes), qos: 1, retain: false };
}

function connectionOf(id: number): Connection {
  const request = { client: `c${id}`, clean: true, sessionExpirySeconds: 0, receiveMaximum: 10 };
  return new Connection(id, request, 10, 0);
}

describe('local queues of clean sessions', () => {
  const limits = {
    ...defaultLimits,
    cleanQueueMax: 100,
    cleanQueueBytesMax: 20_000,
    homeQueueBytesMax: 60_000,
  };
  const item = (bytes: number) => ({ message: messageOf(bytes), qos: 1 as const, retain: false });

  function fill(queues: LocalQueues, connection: Connection, count: number): number {
    let dropped = 0;
    for (let number = 0; number < count; number++) queues.push(connection, item(1_000), () => dropped++);
    return dropped;
  }

  test('drop their oldest messages at their bound in bytes', () => {
    const queues = new LocalQueues(limits);
    const connection = connectionOf(1);
    expect(fill(queues, connection, 20)).toBeGreaterThan(5);
    expect(connection.local.length).toBeGreaterThan(10);
    expect(queues.bytes).toBeLessThanOrEqual(20_000);
  });

  test('drop a message that alone is larger than the bound', () => {
    const queues = new LocalQueues(limits);
    const connection = connectionOf(1);
    let dropped = 0;
    queues.push(connection, item(30_000), () => dropped++);
    expect([dropped, connection.local.length, queues.bytes]).toEqual([1, 0, 0]);
  });

  test('of greedy clients leave room for a modest client, and release their bytes at the end', () => {
    const queues = new LocalQueues({ ...limits, cleanQueueBytesMax: 1_000_000 });
    const greedy = connectionOf(1);
    const modest = connectionOf(2);
    expect(fill(queues, greedy, 90)).toBeGreaterThan(20);
    expect(fill(queues, modest, 2)).toBe(0);
    queues.remove(greedy);
    queues.remove(modest);
    expect(queues.bytes).toBe(0);
  });
});

describe('filters of clean sessions', () => {
  const connect = (cluster: TestCluster, connection: number, client: string): void => {
    const request = { client, clean: true, sessionExpirySeconds: 0, receiveMaximum: 10 };
    cluster.member('a').input(connection, { kind: 'connect', request });
    cluster.run(200);
  };
  const subscribe = (
    cluster: TestCluster,
    connection: number,
    filters: readonly string[],
  ): readonly number[] => {
    const subscriptions = filters.map((filter) => ({ filter, qos: 1 as const }));
    cluster.member('a').input(connection, { kind: 'subscribe', packetId: 1, subscriptions });
    cluster.run(200);
    const suback = cluster.effects
      .get('a')!
      .findLast((effect) => effect.kind === 'suback' && effect.connection === connection);
    return suback?.kind === 'suback' ? suback.codes : [];
  };

  test('get the code 0x97 at the bounds of the client and of the member, and other clients still subscribe', () => {
    const limits = { ...defaultLimits, homeSubscriptionBytesMax: 20_000 };
    const cluster = new TestCluster(['a'], { limits });
    cluster.run(3_000);
    connect(cluster, 1, 'greedy');
    const codes = subscribe(
      cluster,
      1,
      Array.from({ length: 40 }, (_, number) => `${'x'.repeat(500)}${number}`),
    );
    expect(codes.filter((code) => code === 1).length).toBeGreaterThan(10);
    expect(codes.at(-1)).toBe(0x97);
    expect(cluster.member('a').status().homeBytes.subscriptions.bytes).toBeLessThanOrEqual(20_000);
    connect(cluster, 2, 'modest');
    expect(subscribe(cluster, 2, ['a/b'])).toEqual([1]);
    cluster.member('a').input(1, { kind: 'disconnect', graceful: true });
    cluster.member('a').input(2, { kind: 'disconnect', graceful: true });
    cluster.run(200);
    expect(cluster.member('a').status().homeBytes.subscriptions.bytes).toBe(0);
  });
});
