import type { ClientEffect, MemberId } from '@mqtt-cluster/contracts';
import type { MemberOptions } from '../src/index.ts';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;
const payload = (effect: Extract<ClientEffect, { kind: 'deliver' }>): string =>
  new TextDecoder().decode(effect.message.payload);

function servingCluster(options: Partial<MemberOptions> = {}): {
  cluster: TestCluster;
  away: MemberId;
  other: MemberId;
} {
  const cluster = new TestCluster(['a', 'b', 'c'], options);
  cluster.serve();
  const away = ['a', 'b', 'c'].find((id) => id !== cluster.leader())!;
  const other = ['a', 'b', 'c'].find((id) => id !== away)!;
  return { cluster, away, other };
}

const kinds = (effects: readonly ClientEffect[]): string[] => effects.map((effect) => effect.kind);

function delivered(cluster: TestCluster, id: MemberId, connection: number): string[] {
  const effects = cluster.takeEffects(id, connection);
  return effects.filter((effect) => effect.kind === 'deliver').map(payload);
}

describe('an isolated member', () => {
  test('delivers the messages that were published before and after the loss of quorum in order, each exactly once', () => {
    const { cluster, away, other } = servingCluster();
    cluster.member(other).input(1, { kind: 'connect', request: request('far', never) });
    cluster.member(away).input(1, { kind: 'connect', request: request('publisher') });
    cluster.member(away).input(2, { kind: 'connect', request: request('near') });
    cluster.run(100);
    cluster
      .member(other)
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    cluster
      .member(away)
      .input(2, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    cluster.run(100);
    const numbers = Array.from({ length: 30 }, (_, position) => position + 1);
    for (const number of numbers) {
      const message = { topic: 'x', payload: text(`${number}`), qos: 1 as const, retain: false };
      cluster.member(away).input(1, { kind: 'publish', request: { ...message, packetId: number } });
      // The member has sent the first batch when the link fails. The member proposes this batch again with
      // the same sequence number, marked as isolated.
      if (number === 1) cluster.cut(away);
      cluster.run(200);
    }
    expect(cluster.events.get(away)!.some((event) => event.kind === 'degradedAcks')).toBe(true);
    cluster.heal(away);
    cluster.run(5_000);
    const effects = cluster.takeEffects(away, 1);
    const acks = effects.flatMap((effect) => (effect.kind === 'puback' ? [effect.packetId] : []));
    expect(acks).toEqual(numbers);
    expect(delivered(cluster, away, 2)).toEqual(numbers.map(String));
    expect(delivered(cluster, other, 1)).toEqual(numbers.map(String));
    expect(cluster.member(away).status().outboxItems).toBe(0);
  });

  test.each([
    ['accept', [1, 0, 3]],
    ['hold', [1, 1, 3]],
  ] as const)(
    'with whenIsolated %s holds publishes until it has a majority, and counts them by QoS (P1)',
    (whenIsolated, expected) => {
      const { cluster, away } = servingCluster({ whenIsolated });
      cluster.member(away).input(1, { kind: 'connect', request: request('before') });
      cluster.run(100);
      const publish = (connection: number, qos: 0 | 1 | 2, packetId: number, retain = false): void =>
        cluster.member(away).input(connection, {
          kind: 'publish',
          request: { topic: 'x', payload: text('1'), qos, retain, ...(qos === 0 ? {} : { packetId }) },
        });
      publish(1, 2, 1);
      cluster.run(100);
      expect(kinds(cluster.takeEffects(away, 1))).toEqual(['connack', 'pubrec']);
      cluster.cut(away);
      cluster.until('isolated', () => cluster.member(away).status().state === 'isolated');
      expect(cluster.member(away).status().heldPublishes).toEqual([0, 0, 0]);
      publish(1, 0, 0, true);
      publish(1, 1, 2);
      publish(1, 2, 3);
      publish(1, 2, 4);
      cluster.member(away).input(2, { kind: 'connect', request: request('meanwhile') });
      publish(whenIsolated === 'accept' ? 2 : 1, 2, 5);
      cluster.run(200);
      expect(cluster.member(away).status().heldPublishes).toEqual(expected);
      expect(kinds(cluster.takeEffects(away, 1))).not.toContain('pubrec');
      cluster.heal(away);
      cluster.run(3_000);
      expect(cluster.member(away).status().heldPublishes).toEqual([0, 0, 0]);
    },
  );

  describe('without a majority', () => {
    const results = (cluster: TestCluster, away: string, connection: number): string[] =>
      cluster
        .takeEffects(away, connection)
        .flatMap((effect) => (effect.kind === 'puback' ? [effect.result] : []));

    /** An isolated member of a cluster with small bounds, with the clients 1 and 2. */
    function isolatedWith(bounds: { retainedBytesMax: number; retainedMax: number }): {
      cluster: TestCluster;
      away: string;
      other: string;
      publish: (connection: number, packetId: number, topic: string, bytes: number) => void;
    } {
      const { cluster, away, other } = servingCluster();
      cluster.until('the bounds are in force', () => {
        cluster.member(other).changeSettings(bounds);
        return cluster.member(away).settings().retainedBytesMax === bounds.retainedBytesMax;
      });
      for (const connection of [1, 2])
        cluster.member(away).input(connection, { kind: 'connect', request: request(`client-${connection}`) });
      cluster.run(100);
      cluster.cut(away);
      cluster.until('isolated', () => cluster.member(away).status().state === 'isolated');
      const publish = (connection: number, packetId: number, topic: string, bytes: number): void => {
        const message = { topic, payload: new Uint8Array(bytes), qos: 1 as const, retain: true, packetId };
        cluster.member(away).input(connection, { kind: 'publish', request: message });
        cluster.run(20);
      };
      return { cluster, away, other, publish };
    }

    test('refuses retained messages beyond its part of the bounds instead of acknowledging them alone (P1)', () => {
      const { cluster, away, other, publish } = isolatedWith({ retainedBytesMax: 60_000, retainedMax: 90 });
      for (let packetId = 1; packetId <= 40; packetId++) publish(1, packetId, `r/${packetId}`, 1_000);
      publish(1, 41, 'r/1', 1_000);
      publish(1, 42, 'r/2', 0);
      const answers = results(cluster, away, 1);
      expect(answers).toHaveLength(42);
      expect(answers.slice(0, 8)).toEqual(Array(8).fill('ok'));
      expect(answers.slice(20, 40)).toEqual(Array(20).fill('quotaExceeded'));
      // A message that replaces another one, and one that deletes, need no room.
      expect(answers.slice(40)).toEqual(['ok', 'ok']);
      cluster.heal(away);
      cluster.run(3_000);
      expect(cluster.member(other).status().stateBytes.retained.bytes).toBeLessThanOrEqual(20_000);
    });

    test('refuses more retained messages than its part of their bound', () => {
      const { cluster, away, publish } = isolatedWith({ retainedBytesMax: 600_000, retainedMax: 90 });
      for (let packetId = 1; packetId <= 40; packetId++) publish(1, packetId, `r/${packetId}`, 1);
      const answers = results(cluster, away, 1);
      expect(answers).toEqual([...Array(30).fill('ok'), ...Array(10).fill('quotaExceeded')]);
    });

    test('accepts retained messages of one client after another one has used its share of the room', () => {
      const { cluster, away, publish } = isolatedWith({ retainedBytesMax: 90_000, retainedMax: 900 });
      for (let packetId = 1; packetId <= 60; packetId++) publish(1, packetId, `r/${packetId}`, 1_000);
      publish(2, 1, 's', 1_000);
      expect(results(cluster, away, 1).at(-1)).toBe('quotaExceeded');
      expect(results(cluster, away, 2)).toEqual(['ok']);
    });
  });

  test('closes, after the heal, a clean session whose client has connected to another member meanwhile', () => {
    const { cluster, away, other } = servingCluster();
    cluster.cut(away);
    cluster.until('isolated', () => cluster.member(away).status().state === 'isolated');
    cluster.member(away).input(1, { kind: 'connect', request: request('roamer') });
    cluster.run(100);
    cluster.member(other).input(2, { kind: 'connect', request: request('roamer') });
    cluster.run(100);
    cluster.heal(away);
    cluster.run(3_000);
    expect(kinds(cluster.takeEffects(away, 1))).toEqual(['connack', 'close']);
    expect(kinds(cluster.takeEffects(other, 2))).toEqual(['connack']);
  });
});

test('the cluster keeps only one of three simultaneous connections with one client id [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3]', () => {
  const { cluster } = servingCluster();
  cluster.member('a').input(1, { kind: 'connect', request: request('same') });
  cluster.member('a').input(2, { kind: 'connect', request: request('same') });
  cluster.member('b').input(3, { kind: 'connect', request: request('same') });
  cluster.run(500);
  const effects = [cluster.takeEffects('a', 1), cluster.takeEffects('a', 2), cluster.takeEffects('b', 3)].map(
    kinds,
  );
  expect(effects.filter((each) => each.join() === 'connack')).toHaveLength(1);
  for (const id of ['a', 'b', 'c']) expect(cluster.member(id).status().sessions).toBe(1);
});
