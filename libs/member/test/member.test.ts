import type { DeliverEffect } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const payload = (effect: DeliverEffect): string => new TextDecoder().decode(effect.message.payload);
const never = 0xffffffff;

function publish(topic: string, value: string, packetId: number, qos: 0 | 1 | 2 = 1, retain = false) {
  return { topic, payload: text(value), qos, retain, packetId };
}

describe('a cluster of one member', () => {
  test('bootstraps, becomes serving, acknowledges a publish and delivers it to a subscriber', () => {
    const cluster = new TestCluster(['a']);
    cluster.serve();
    const a = cluster.member('a');
    a.input(1, { kind: 'connect', request: request('subscriber') });
    a.input(2, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    a.input(1, { kind: 'subscribe', packetId: 7, subscriptions: [{ filter: 'x/#', qos: 1 }] });
    a.input(2, { kind: 'publish', request: publish('x/y', 'hello', 3) });
    cluster.run(100);
    const [connack, suback, deliver] = cluster.takeEffects('a', 1);
    expect(connack).toMatchObject({ kind: 'connack', sessionPresent: false });
    expect(suback).toMatchObject({ kind: 'suback', packetId: 7, codes: [1] });
    expect(deliver).toMatchObject({ kind: 'deliver', qos: 1, dup: false, retain: false });
    expect(cluster.takeEffects('a', 2).at(-1)).toMatchObject({ kind: 'puback', packetId: 3, result: 'ok' });
  });
});

describe('a cluster of three members', () => {
  test('no member becomes isolated while the bootstrap waits for a member', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.cut('c');
    cluster.run(20_000);
    expect(cluster.member('a').status()).toMatchObject({
      state: 'joining',
      reason: expect.stringContaining('c'),
    });
    cluster.heal('c');
    cluster.serve();
    for (const id of ['a', 'b', 'c']) {
      const states = cluster.events.get(id)!.filter((event) => event.kind === 'state');
      expect(states.map((event) => event.state)).toEqual(['serving']);
    }
  });

  test('delivers messages of QoS 0, 1 and 2 between members, each exactly once', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('subscriber') });
    cluster.member('b').input(1, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    cluster
      .member('a')
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 2 }] });
    cluster.run(100);
    cluster.takeEffects('a', 1);
    for (const qos of [0, 1, 2] as const) {
      cluster.member('b').input(1, { kind: 'publish', request: publish('x', `qos ${qos}`, qos, qos) });
      cluster.run(50);
    }
    const effects = cluster.takeEffects('a', 1).filter((effect) => effect.kind === 'deliver');
    expect(effects.map((effect) => [payload(effect), effect.qos])).toEqual([
      ['qos 0', 0],
      ['qos 1', 1],
      ['qos 2', 2],
    ]);
    expect(cluster.takeEffects('b', 1).map((effect) => effect.kind)).toEqual(['connack', 'puback', 'pubrec']);
  });

  test('closes the connection at the first home when the client id connects elsewhere [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3]', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('same') });
    cluster.run(100);
    cluster.member('b').input(1, { kind: 'connect', request: request('same') });
    cluster.run(100);
    expect(cluster.takeEffects('a', 1).at(-1)).toEqual({ kind: 'close', connection: 1, reason: 'takenOver' });
    expect(cluster.takeEffects('b', 1).at(-1)).toMatchObject({ kind: 'connack' });
  });

  test('delivers a QoS 0 message to one subscriber of each shared subscription, at any member', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    for (const [id, client] of [
      ['a', 'left'],
      ['b', 'right'],
      ['c', 'publisher'],
    ] as const) {
      cluster.member(id).input(1, { kind: 'connect', request: request(client) });
    }
    cluster.run(100);
    for (const id of ['a', 'b'])
      cluster
        .member(id)
        .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: '$share/g/x', qos: 1 }] });
    cluster.run(100);
    for (let number = 0; number < 4; number++)
      cluster.member('c').input(1, { kind: 'publish', request: publish('x', `${number}`, 0, 0) });
    cluster.run(100);
    const effects = ['a', 'b'].map((id) =>
      cluster.takeEffects(id, 1).filter((effect) => effect.kind === 'deliver'),
    );
    expect(effects.map((deliveries) => deliveries.length)).toEqual([2, 2]);
    expect(effects.flat().map(payload).sort()).toEqual(['0', '1', '2', '3']);
  });

  test('delivers the queue of a persistent session at another member in order, and each QoS 2 message exactly once', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('roamer', never) });
    cluster.member('b').input(1, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    cluster
      .member('a')
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 2 }] });
    cluster.run(100);
    cluster.member('a').input(1, { kind: 'disconnect', graceful: false });
    for (let number = 1; number <= 5; number++)
      cluster.member('b').input(1, { kind: 'publish', request: publish('x', `${number}`, number, 2) });
    cluster.run(200);
    cluster.member('c').input(9, { kind: 'connect', request: request('roamer', never) });
    cluster.run(200);
    const effects = cluster.takeEffects('c', 9);
    expect(effects[0]).toMatchObject({ kind: 'connack', sessionPresent: true });
    const delivered = effects.filter((effect) => effect.kind === 'deliver');
    expect(delivered.map(payload)).toEqual(['1', '2', '3', '4', '5']);
    expect(delivered.every((effect) => !effect.dup)).toBe(true);
    for (const { packetId } of delivered) cluster.member('c').input(9, { kind: 'pubrec', packetId });
    cluster.run(100);
    const released = cluster.takeEffects('c', 9).filter((effect) => effect.kind === 'pubrel');
    expect(released).toHaveLength(5);
    for (const { packetId } of delivered) cluster.member('c').input(9, { kind: 'pubcomp', packetId });
    cluster.run(100);
    expect(cluster.member('a').status().queuedMessages).toBe(0);
  });

  test('delivers a retained message to later subscribers at any member, but not after the message was deleted', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('publisher') });
    cluster.member('b').input(1, { kind: 'connect', request: request('subscriber') });
    cluster.run(100);
    cluster.member('a').input(1, { kind: 'publish', request: publish('r/1', 'kept', 1, 1, true) });
    cluster.member('a').input(1, { kind: 'publish', request: publish('r/2', 'gone', 2, 1, true) });
    cluster.member('a').input(1, { kind: 'publish', request: publish('r/2', '', 3, 1, true) });
    cluster.run(100);
    cluster
      .member('b')
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'r/+', qos: 1 }] });
    cluster.run(100);
    const delivered = cluster.takeEffects('b', 1).filter((effect) => effect.kind === 'deliver');
    expect(delivered.map((effect) => [payload(effect), effect.retain])).toEqual([['kept', true]]);
  });

  test('delivers all retained messages to a session whose home died during their delivery', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    // Waits until the cluster has finalised the semantics version.
    cluster.run(1_000);
    cluster.member('a').input(1, { kind: 'connect', request: request('publisher') });
    cluster.member('b').input(1, { kind: 'connect', request: request('subscriber', never) });
    cluster.run(100);
    for (const [place, qos] of ([0, 1, 2] as const).entries())
      cluster
        .member('a')
        .input(1, { kind: 'publish', request: publish(`r/${qos}`, `at ${qos}`, place + 1, qos, true) });
    cluster.run(100);
    cluster.takeEffects('b', 1);
    cluster
      .member('b')
      .input(1, { kind: 'subscribe', packetId: 9, subscriptions: [{ filter: 'r/+', qos: 2 }] });
    cluster.run(100);
    const effects = cluster.takeEffects('b', 1);
    expect(effects[0]).toMatchObject({ kind: 'suback', packetId: 9, codes: [2] });
    const first = effects.filter((effect) => effect.kind === 'deliver');
    expect(first.map(payload).sort()).toEqual(['at 0', 'at 1', 'at 2']);
    expect(first.every(({ retain, dup }) => retain && !dup)).toBe(true);
    cluster.cut('b');
    cluster.member('c').input(1, { kind: 'connect', request: request('subscriber', never) });
    cluster.run(500);
    const again = cluster.takeEffects('c', 1).filter((effect) => effect.kind === 'deliver');
    expect(again.map((effect) => [payload(effect), effect.retain, effect.dup])).toEqual([
      ['at 1', true, true],
      ['at 2', true, true],
    ]);
  });

  test('delivers the messages with a degraded acknowledgement of an isolated member to all subscribers after the heal', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('far', never) });
    cluster.member('c').input(1, { kind: 'connect', request: request('near') });
    cluster.member('c').input(2, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    cluster
      .member('a')
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    cluster
      .member('c')
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    cluster.run(100);
    cluster.cut('c');
    cluster.until('c is isolated', () => cluster.member('c').status().state === 'isolated');
    cluster.takeEffects('c', 2);
    cluster.member('c').input(2, { kind: 'publish', request: publish('x', 'island', 5) });
    cluster.run(200);
    expect(cluster.takeEffects('c', 2).at(-1)).toMatchObject({ kind: 'puback', packetId: 5, result: 'ok' });
    expect(cluster.events.get('c')).toContainEqual({ kind: 'degradedAcks', count: 1 });
    cluster.heal('c');
    cluster.until('c serves', () => cluster.member('c').status().state === 'serving');
    cluster.run(1_000);
    const near = cluster.takeEffects('c', 1).filter((effect) => effect.kind === 'deliver');
    const far = cluster.takeEffects('a', 1).filter((effect) => effect.kind === 'deliver');
    expect(near.map(payload)).toEqual(['island']);
    expect(far.map(payload)).toEqual(['island']);
  });

  test('does not acknowledge a publish at a member without a majority if the setting `whenIsolated` is `hold`', () => {
    const cluster = new TestCluster(['a', 'b', 'c'], { whenIsolated: 'hold' });
    cluster.serve();
    cluster.member('c').input(2, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    cluster.takeEffects('c', 2);
    cluster.cut('c');
    cluster.member('c').input(2, { kind: 'publish', request: publish('x', 'waits', 5) });
    cluster.run(5_000);
    expect(cluster.takeEffects('c', 2)).toEqual([]);
    cluster.heal('c');
    cluster.run(3_000);
    expect(cluster.takeEffects('c', 2)).toContainEqual({
      kind: 'puback',
      connection: 2,
      packetId: 5,
      result: 'ok',
    });
  });

  test('publishes a will once when the home of the client is isolated, and does not publish the will again after the heal', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    const will = { topic: 'will', payload: text('died'), qos: 1 as const, retain: false, delaySeconds: 0 };
    cluster.member('a').input(1, { kind: 'connect', request: request('watcher', never) });
    cluster.member('c').input(1, { kind: 'connect', request: { ...request('mortal', never), will } });
    cluster.run(100);
    cluster
      .member('a')
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'will', qos: 1 }] });
    cluster.run(100);
    cluster.cut('c');
    cluster.run(5_000);
    const before = cluster.takeEffects('a', 1).filter((effect) => effect.kind === 'deliver');
    expect(before.map(payload)).toEqual(['died']);
    cluster.heal('c');
    cluster.run(5_000);
    expect(cluster.takeEffects('a', 1).filter((effect) => effect.kind === 'deliver')).toEqual([]);
    expect(cluster.takeEffects('c', 1).at(-1)).toMatchObject({ kind: 'close' });
  });
});
