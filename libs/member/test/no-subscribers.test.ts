import type { ClientEffect, QoS } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

/** The publisher's connection, at member a. */
const publisher = 1;
/** The subscriber's connection. */
const subscriber = 2;

describe('the answer to a publish of an MQTT 5 client (MQTT 5, 3.4.2.1, 3.5.2.1)', () => {
  let cluster: TestCluster;
  let lastPacketId = 0;

  /** Returns the result in the PUBACK or PUBREC of a publish at member a. */
  const publish = (topic: string, qos: QoS = 1, retain = false): string | undefined => {
    const packetId = ++lastPacketId;
    const publish = { topic, payload: text('x'), qos, retain, packetId };
    cluster.member('a').input(publisher, { kind: 'publish', request: publish });
    cluster.run(100);
    const answer = cluster
      .takeEffects('a', publisher)
      .find(
        (effect): effect is Extract<ClientEffect, { kind: 'puback' | 'pubrec' }> =>
          (effect.kind === 'puback' || effect.kind === 'pubrec') && effect.packetId === packetId,
      );
    expect(answer?.kind).toBe(qos === 1 ? 'puback' : 'pubrec');
    return answer?.result;
  };

  const connect = (at: string, connection: number, client: string, expirySeconds = 0, more = {}): void => {
    cluster
      .member(at)
      .input(connection, { kind: 'connect', request: { ...request(client, expirySeconds), ...more } });
    cluster.run(100);
  };

  const subscribe = (at: string, filter: string, more = {}): void => {
    cluster
      .member(at)
      .input(subscriber, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter, qos: 1, ...more }] });
    cluster.run(200);
  };

  beforeEach(() => {
    lastPacketId = 0;
    cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    // Each member announces its filters to all peers at least every ten seconds.
    cluster.run(11_000);
    connect('a', publisher, 'publisher', 0, { reportsNoSubscribers: true });
  });

  test.each([1, 2] as const)('is 0x10 at QoS %d if no subscription of the cluster matches', (qos) => {
    connect('b', subscriber, 's');
    subscribe('b', 'other/#');
    expect(publish('x', qos)).toBe('noSubscribers');
    expect(publish('x', qos, true)).toBe('noSubscribers');
  });

  test('is 0x00 if a clean session of the same home subscribes, and 0x10 after it has left', () => {
    connect('a', subscriber, 's');
    subscribe('a', '+');
    expect(publish('x')).toBe('ok');
    cluster.member('a').input(subscriber, { kind: 'disconnect', graceful: true });
    cluster.run(100);
    expect(publish('x')).toBe('noSubscribers');
  });

  test('is 0x10 if a client of an isolated home has left before its SUBSCRIBE with a shared filter was handled', () => {
    cluster.cut('a');
    cluster.run(5_000);
    connect('a', subscriber, 's');
    const subscriptions = ['$share/g/y', 'x'].map((filter) => ({ filter, qos: 1 as const }));
    cluster.member('a').input(subscriber, { kind: 'subscribe', packetId: 1, subscriptions });
    cluster.member('a').input(subscriber, { kind: 'disconnect', graceful: true });
    cluster.run(100);
    cluster.heal('a');
    cluster.run(11_000);
    expect(publish('x')).toBe('noSubscribers');
  });

  test('is 0x00 if a clean session of another member subscribes, and 0x10 after its UNSUBSCRIBE', () => {
    connect('b', subscriber, 's');
    subscribe('b', 'x/#');
    expect(publish('x')).toBe('ok');
    cluster.member('b').input(subscriber, { kind: 'unsubscribe', packetId: 2, filters: ['x/#'] });
    cluster.run(200);
    expect(publish('x')).toBe('noSubscribers');
  });

  test('is 0x00 if the persistent session of an absent client subscribes, also at QoS 0', () => {
    connect('b', subscriber, 's', 1_000);
    subscribe('b', 'x', { qos: 0 });
    cluster.member('b').input(subscriber, { kind: 'disconnect', graceful: true });
    cluster.run(100);
    expect(publish('x')).toBe('ok');
  });

  test('is 0x00 if a shared subscription matches, and 0x10 after its last session has left', () => {
    connect('b', subscriber, 's');
    subscribe('b', '$share/group/x');
    expect(publish('x')).toBe('ok');
    cluster.member('b').input(subscriber, { kind: 'disconnect', graceful: true });
    cluster.run(100);
    expect(publish('x')).toBe('noSubscribers');
  });

  test('is 0x00 while a link is down, and until its peer has announced its subscriptions again', () => {
    const cut = ['b', 'c'].find((id) => id !== cluster.leader())!;
    cluster.cut(cut);
    cluster.run(100);
    expect(publish('x')).toBe('ok');
    cluster.hanging.add(cut);
    cluster.heal(cut);
    expect(publish('x')).toBe('ok');
    cluster.hanging.delete(cut);
    cluster.run(11_000);
    expect(publish('x')).toBe('noSubscribers');
  });

  test('is 0x00 for a repeated QoS 2 publish: the result of the first one is not stored', () => {
    expect(publish('x', 2)).toBe('noSubscribers');
    lastPacketId--;
    expect(publish('x', 2)).toBe('ok');
  });

  test('is 0x00 for a client whose protocol version has no such reason code', () => {
    connect('a', 3, 'old');
    cluster.member('a').input(3, {
      kind: 'publish',
      request: { topic: 'x', payload: text('x'), qos: 1, retain: false, packetId: 1 },
    });
    cluster.run(100);
    expect(cluster.takeEffects('a', 3)).toContainEqual(
      expect.objectContaining({ kind: 'puback', result: 'ok' }),
    );
  });
});
