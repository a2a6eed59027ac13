import type { ClientInput, PublishRequest, SettingsChange } from '@mqtt-cluster/contracts';
import { request, TestCluster } from './cluster.ts';

const large = 10_000;

describe('a large command beyond a bound', () => {
  let cluster: TestCluster;
  /** Bytes of the batches that the home has sent to the leader. */
  let proposedBytes: number;

  const input = (given: ClientInput, connection = 1): void => cluster.member('b').input(connection, given);

  const publish = (
    topic: string,
    bytes: number,
    packetId: number,
    rest: Partial<PublishRequest> = {},
  ): void =>
    input({
      kind: 'publish',
      request: { topic, payload: new Uint8Array(bytes), qos: 1, retain: true, packetId, ...rest },
    });

  const subscribe = (packetId: number, ...filters: string[]): void =>
    input({ kind: 'subscribe', packetId, subscriptions: filters.map((filter) => ({ filter, qos: 1 })) });

  const answers = (connection = 1): unknown[] =>
    cluster
      .takeEffects('b', connection)
      .map((effect) =>
        effect.kind === 'puback'
          ? [effect.packetId, effect.result]
          : effect.kind === 'suback'
            ? [effect.packetId, ...effect.codes]
            : effect.kind === 'refuse'
              ? effect.reason
              : effect.kind,
      );

  const start = (settings: SettingsChange): void => {
    cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.run(2_000);
    cluster.member('a').changeSettings(settings);
    proposedBytes = 0;
    cluster.onOutput('b', (output) => {
      for (const { message } of output.send)
        if (message.type === 'propose') for (const batch of message.batches) proposedBytes += batch.length;
      return output;
    });
    input({ kind: 'connect', request: { ...request('c'), clean: false, sessionExpirySeconds: 60 } });
    cluster.run(200);
    expect(answers()).toEqual(['connack']);
    expect(cluster.leader()).not.toBe('b');
  };

  test('is refused without the log if it is a retained message, after the answers to earlier publishes', () => {
    start({ retainedBytesMax: 3 * large });
    publish('x/1', large, 1);
    cluster.run(200);
    publish('x/2', 2 * large, 2, { retain: false });
    publish('x/3', 2 * large, 3);
    expect(answers()).toEqual([[1, 'ok']]);
    cluster.run(200);
    expect(answers()).toEqual([
      [2, 'ok'],
      [3, 'quotaExceeded'],
    ]);
    expect(proposedBytes).toBeLessThan(4 * large);
    publish('x/4', 2 * large, 4);
    cluster.run(50);
    expect(answers()).toEqual([[4, 'quotaExceeded']]);
    expect(proposedBytes).toBeLessThan(4 * large);
  });

  test('is refused between degraded acknowledgements in the order of the publishes', () => {
    start({ retainedBytesMax: 3 * large });
    cluster.cut('b');
    publish('x/1', 10, 1, { retain: false });
    publish('x/2', 4 * large, 2);
    publish('x/3', 10, 3, { retain: false });
    cluster.run(50);
    expect(answers()).toEqual([]);
    cluster.until('isolated', () => cluster.member('b').status().state === 'isolated');
    publish('x/4', 10, 4, { retain: false });
    cluster.run(500);
    expect(answers()).toEqual([
      [1, 'ok'],
      [2, 'quotaExceeded'],
      [3, 'ok'],
      [4, 'ok'],
    ]);
  });

  test('is decided by the log if an earlier publish of the connection makes room', () => {
    start({ retainedBytesMax: 3 * large });
    publish('x/1', large, 1);
    publish('x/2', large, 2);
    cluster.run(200);
    publish('x/1', 0, 3);
    publish('x/3', large, 4);
    cluster.run(200);
    expect(answers()).toEqual([1, 2, 3, 4].map((packetId) => [packetId, 'ok']));
  });

  test('is refused without the log if it is a filter', () => {
    start({ sessionSubscriptionBytesMax: 3 * large });
    const filter = (number: number): string => `${number}/${'f'.repeat(large)}`;
    subscribe(1, filter(1), filter(2));
    cluster.run(500);
    expect(answers()).toEqual([[1, 1, 1]]);
    const before = proposedBytes;
    expect(before).toBeGreaterThan(2 * large);
    subscribe(2, filter(3), 'short', filter(1));
    cluster.run(500);
    expect(answers()).toEqual([[2, 0x97, 1, 1]]);
    expect(proposedBytes - before).toBeLessThan(1.5 * large);
    input({ kind: 'unsubscribe', packetId: 3, filters: [filter(1)] });
    subscribe(4, filter(3));
    cluster.run(500);
    expect(answers()).toEqual(['unsuback', [4, 1]]);
  });

  test('is refused without the log if it is a will', () => {
    start({ willBytesMax: 3 * large });
    const connect = (connection: number): void =>
      input(
        {
          kind: 'connect',
          request: {
            ...request(`client-${connection}`),
            will: { topic: 'w', payload: new Uint8Array(large), qos: 1, retain: false, delaySeconds: 0 },
          },
        },
        connection,
      );
    connect(2);
    connect(3);
    cluster.run(200);
    expect([answers(2), answers(3)]).toEqual([['connack'], ['connack']]);
    const before = proposedBytes;
    connect(4);
    cluster.run(200);
    expect(answers(4)).toEqual(['quotaExceeded']);
    expect(proposedBytes - before).toBeLessThan(large);
  });
});
