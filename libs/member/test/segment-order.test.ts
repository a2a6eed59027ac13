import type { DeliverEffect, MemberId, QoS } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;

/** Inputs that a test passes to a member without a turn between them arrive as packets of one segment do. */
describe('packets of one segment', () => {
  let cluster: TestCluster;
  let nextPacketId = 10;

  const connect = (at: MemberId, connection: number, client: string, expirySeconds = 0): void =>
    cluster.member(at).input(connection, { kind: 'connect', request: request(client, expirySeconds) });

  const publish = (
    at: MemberId,
    connection: number,
    topic: string,
    value: string,
    { qos = 0, retain = false }: { qos?: QoS; retain?: boolean } = {},
  ): void => {
    const packet = qos === 0 ? {} : { packetId: nextPacketId++ };
    const message = { topic, payload: text(value), qos, retain, ...packet };
    cluster.member(at).input(connection, { kind: 'publish', request: message });
  };

  const subscribe = (at: MemberId, connection: number, filter: string, qos: QoS = 0): void =>
    cluster
      .member(at)
      .input(connection, { kind: 'subscribe', packetId: nextPacketId++, subscriptions: [{ filter, qos }] });

  const arrivals = (at: MemberId, connection: number): string[] =>
    cluster
      .takeEffects(at, connection)
      .filter((effect): effect is DeliverEffect => effect.kind === 'deliver')
      .map(({ message, retain }) => new TextDecoder().decode(message.payload) + (retain ? ' retained' : ''));

  const kinds = (at: MemberId, connection: number): string[] =>
    cluster.takeEffects(at, connection).map(({ kind }) => kind);

  beforeEach(() => {
    cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    connect('a', 1, 'publisher');
    connect('a', 2, 'near');
    connect('b', 3, 'far');
    cluster.run(100);
    for (const [at, connection] of [['a', 2] as const, ['b', 3] as const]) subscribe(at, connection, 'o');
    cluster.run(100);
    for (const [at, connection] of [['a', 2] as const, ['b', 3] as const]) arrivals(at, connection);
  });

  describe('QoS 0 messages with and without RETAIN on one topic', () => {
    test('arrive in their order at all members [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]', () => {
      for (const [value, retain] of [
        ['1', true],
        ['2', false],
        ['3', true],
        ['4', true],
        ['5', false],
        ['6', false],
      ] as const)
        publish('a', 1, 'o', value, { retain });
      cluster.run(100);
      const expected = ['1', '2', '3', '4', '5', '6'];
      expect([arrivals('a', 2), arrivals('b', 3)]).toEqual([expected, expected]);
    });

    test('arrive also when their client disconnects at once', () => {
      publish('a', 1, 'o', '1', { retain: true });
      publish('a', 1, 'o', '2');
      cluster.member('a').input(1, { kind: 'disconnect', graceful: true });
      cluster.run(100);
      expect([arrivals('a', 2), arrivals('b', 3)]).toEqual([
        ['1', '2'],
        ['1', '2'],
      ]);
    });

    test('do not delay messages on other topics', () => {
      publish('a', 1, 'other', '1', { retain: true });
      publish('a', 1, 'o', '2');
      const { effects } = cluster.member('a').take();
      expect(effects).toEqual([expect.objectContaining({ kind: 'deliver', connection: 2 })]);
    });

    test('never arrive out of order when the link of live messages is slower than the log [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]', () => {
      cluster.stalled = 'a';
      publish('a', 1, 'o', '1');
      publish('a', 1, 'o', '2', { retain: true });
      cluster.run(100);
      cluster.flow();
      publish('a', 1, 'o', '3');
      cluster.run(100);
      expect(arrivals('a', 2)).toEqual(['1', '2', '3']);
      expect(arrivals('b', 3)).toEqual(['2', '3']);
    });

    test('do not wait for the log at an isolated member', () => {
      cluster.cut('a');
      publish('a', 1, 'o', '1', { retain: true });
      publish('a', 1, 'o', '2');
      cluster.until('isolated', () => cluster.member('a').status().state === 'isolated');
      cluster.run(10);
      expect(arrivals('a', 2)).toEqual(['2']);
      publish('a', 1, 'o', '3');
      cluster.run(10);
      expect(arrivals('a', 2)).toEqual(['3']);
      cluster.heal('a');
      cluster.run(3_000);
      expect(arrivals('a', 2)).toEqual(['1']);
    });
  });

  describe.each([
    ['clean', 0],
    ['persistent', never],
  ])('SUBSCRIBE of a %s session', (_kind, expirySeconds) => {
    beforeEach(() => {
      connect('a', 4, 'both', expirySeconds);
      cluster.run(100);
    });

    test.each([0, 1, 2] as const)(
      'behind a retained PUBLISH of QoS %i gets the message once, with RETAIN 1 [3.1.1 MQTT-3.3.1-8] [5.0 MQTT-3.3.1-9]',
      (qos) => {
        publish('a', 4, 'z', '1', { qos, retain: true });
        subscribe('a', 4, 'z', qos);
        cluster.run(200);
        expect(arrivals('a', 4)).toEqual(['1 retained']);
      },
    );

    test.each([0, 1, 2] as const)(
      'behind a PUBLISH of QoS %i without RETAIN does not get the message',
      (qos) => {
        publish('a', 4, 'z', '1', { qos });
        subscribe('a', 4, 'z', qos);
        cluster.run(200);
        expect(arrivals('a', 4)).toEqual([]);
      },
    );

    test.each([0, 1, 2] as const)(
      'in front of a retained PUBLISH of QoS %i gets the message once, with RETAIN 0 [3.1.1 MQTT-3.3.1-9] [5.0 MQTT-3.3.1-12]',
      (qos) => {
        subscribe('a', 4, 'z', qos);
        publish('a', 4, 'z', '1', { qos, retain: true });
        cluster.run(200);
        expect(arrivals('a', 4)).toEqual(['1']);
      },
    );

    test.each([1, 2] as const)('of QoS 0 in front of a PUBLISH of QoS %i gets the message', (qos) => {
      subscribe('a', 4, 'z', 0);
      publish('a', 4, 'z', '1', { qos });
      cluster.run(200);
      expect(arrivals('a', 4)).toEqual(['1']);
    });

    test.each([1, 2] as const)('between two retained PUBLISHes of QoS %i gets both in order', (qos) => {
      publish('a', 4, 'z', '1', { qos, retain: true });
      subscribe('a', 4, 'z', qos);
      publish('a', 4, 'y', '2', { qos, retain: true });
      subscribe('a', 4, 'y', qos);
      publish('a', 4, 'z', '3', { qos, retain: true });
      cluster.run(200);
      expect(arrivals('a', 4).sort()).toEqual(['1 retained', '2 retained', '3']);
    });
  });

  test('SUBSCRIBE of a clean session behind a PUBLISH does not wait at an isolated member', () => {
    cluster.cut('a');
    publish('a', 2, 'z', '1', { qos: 2 });
    subscribe('a', 2, 'z');
    publish('a', 2, 'z', '2');
    cluster.until('isolated', () => cluster.member('a').status().state === 'isolated');
    cluster.run(10);
    expect(kinds('a', 2)).toEqual(['suback', 'deliver']);
    publish('a', 2, 'y', '3', { qos: 2 });
    subscribe('a', 2, 'y');
    cluster.run(10);
    expect(kinds('a', 2)).toEqual(['suback']);
  });

  test('SUBSCRIBE of a clean session behind a PUBLISH waits no longer when too many bytes wait behind it', () => {
    const large = 'x'.repeat(256 * 1024);
    publish('a', 2, 'z', '1', { qos: 1 });
    subscribe('a', 2, 'z');
    for (let count = 0; count < 3; count++) publish('a', 2, 'o', large);
    expect(kinds('a', 2)).toEqual([]);
    expect(cluster.member('a').take().effects).toEqual([]);
    for (let count = 0; count < 2; count++) publish('a', 2, 'o', large);
    expect(cluster.member('a').take().effects).toHaveLength(5);
  });

  test('UNSUBSCRIBE behind a PUBLISH of a clean session: the client gets its own message', () => {
    connect('a', 4, 'both');
    cluster.run(100);
    subscribe('a', 4, 'z', 1);
    cluster.run(100);
    publish('a', 4, 'z', '1', { qos: 1 });
    cluster.member('a').input(4, { kind: 'unsubscribe', packetId: 5, filters: ['z'] });
    publish('a', 4, 'z', '2', { qos: 1 });
    cluster.run(100);
    expect(arrivals('a', 4)).toEqual(['1']);
  });

  describe('behind CONNECT', () => {
    test.each([
      ['clean', 0],
      ['persistent', never],
    ])('are handled when the client of a %s session has already left', (_kind, expirySeconds) => {
      for (const round of [1, 2]) {
        const connection = 10 + round;
        connect('a', connection, 'hasty', expirySeconds);
        for (const qos of [0, 1, 2] as const) publish('a', connection, 'o', `${round}${qos}`, { qos });
        cluster.member('a').input(connection, { kind: 'disconnect', graceful: true });
        cluster.run(200);
        const expected = [`${round}0`, `${round}1`, `${round}2`];
        expect([arrivals('a', 2), arrivals('b', 3)]).toEqual([expected, expected]);
      }
      expect(cluster.member('a').status().sessions).toBe(expirySeconds === 0 ? 3 : 4);
    });

    test('are handled behind a SUBSCRIBE too when the client of a clean session has already left', () => {
      connect('a', 11, 'hasty');
      publish('a', 11, 'o', '1', { qos: 1 });
      subscribe('a', 11, 'z');
      publish('a', 11, 'o', '2', { qos: 2 });
      publish('a', 11, 'o', '3', { qos: 1, retain: true });
      cluster.member('a').input(11, { kind: 'disconnect', graceful: true });
      cluster.run(200);
      expect(arrivals('b', 3)).toEqual(['1', '2', '3']);
      subscribe('b', 3, 'o');
      cluster.run(200);
      expect(arrivals('b', 3)).toEqual(['3 retained']);
    });

    test.each(['waits', 'has left'])(
      'are discarded with the CONNECT when the member becomes isolated and the client %s [3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-6]',
      (what) => {
        cluster.cut('a');
        connect('a', 11, 'roaming', never);
        publish('a', 11, 'o', '1', { qos: 1 });
        if (what === 'has left') cluster.member('a').input(11, { kind: 'disconnect', graceful: false });
        cluster.until('isolated', () => cluster.member('a').status().state === 'isolated');
        cluster.run(10);
        expect(kinds('a', 11)).toEqual(what === 'waits' ? ['refuse'] : []);
        connect('b', 12, 'roaming', never);
        cluster.run(200);
        expect(kinds('b', 12)).toEqual(['connack']);
        cluster.heal('a');
        cluster.run(3_000);
        expect(kinds('b', 12)).toEqual([]);
        expect(arrivals('b', 3)).toEqual([]);
      },
    );

    test('are handled in order when the client stays', () => {
      connect('a', 11, 'eager');
      publish('a', 11, 'z', '1', { qos: 1, retain: true });
      subscribe('a', 11, 'z');
      publish('a', 11, 'o', '2');
      cluster.run(200);
      expect(kinds('a', 11).sort()).toEqual(['connack', 'deliver', 'puback', 'suback']);
      expect(arrivals('b', 3)).toEqual(['2']);
    });

    test('subscribe a persistent session whose client has already left', () => {
      connect('a', 11, 'hasty', never);
      subscribe('a', 11, 'z', 1);
      cluster.member('a').input(11, { kind: 'disconnect', graceful: true });
      cluster.run(200);
      publish('a', 1, 'z', 'while away', { qos: 1 });
      cluster.run(100);
      connect('b', 12, 'hasty', never);
      cluster.run(100);
      expect(arrivals('b', 12)).toEqual(['while away']);
      expect(cluster.member('a').status().homeSubscriptions).toBe(1);
    });

    test('are discarded when the server rejects CONNECT [3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-6]', () => {
      cluster.member('a').changeSettings({ sessionsMax: 3 });
      cluster.run(100);
      connect('a', 11, 'rejected');
      for (const qos of [0, 1, 2] as const) publish('a', 11, 'o', `${qos}`, { qos });
      cluster.run(200);
      expect(kinds('a', 11)).toEqual(['refuse']);
      connect('a', 12, 'rejected too');
      publish('a', 12, 'o', '3');
      cluster.member('a').input(12, { kind: 'disconnect', graceful: true });
      cluster.run(200);
      expect([arrivals('a', 2), arrivals('b', 3)]).toEqual([[], []]);
    });
  });
});
