import type { DeliverEffect } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const payload = (effect: DeliverEffect): string => new TextDecoder().decode(effect.message.payload);
const never = 0xffffffff;

function publish(topic: string, value: string, packetId: number, qos: 0 | 1 | 2 = 1, retain = false) {
  return { topic, payload: text(value), qos, retain, packetId };
}

describe('a cluster of one', () => {
  test('founds itself, serves, acks and delivers', () => {
    const cluster = new TestCluster(['a']);
    cluster.serve();
    const a = cluster.member('a');
    a.input(1, { kind: 'connect', request: request('subscriber') });
    a.input(2, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    a.input(1, { kind: 'subscribe', packetId: 7, subscriptions: [{ filter: 'x/#', qos: 1 }] });
    a.input(2, { kind: 'publish', request: publish('x/y', 'hello', 3) });
    cluster.run(100);
    const [connack, suback, deliver] = cluster.heard('a', 1);
    expect(connack).toMatchObject({ kind: 'connack', sessionPresent: false });
    expect(suback).toMatchObject({ kind: 'suback', packetId: 7, codes: [1] });
    expect(deliver).toMatchObject({ kind: 'deliver', qos: 1, dup: false, retain: false });
    expect(cluster.heard('a', 2).at(-1)).toMatchObject({ kind: 'puback', packetId: 3, result: 'ok' });
  });
});

describe('a cluster of three', () => {
  test('nobody is isolated while the founders are still waited for', () => {
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

  test('delivers QoS 0, 1 and 2 between members, exactly once each', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('subscriber') });
    cluster.member('b').input(1, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    cluster
      .member('a')
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 2 }] });
    cluster.run(100);
    cluster.heard('a', 1);
    for (const qos of [0, 1, 2] as const) {
      cluster.member('b').input(1, { kind: 'publish', request: publish('x', `qos ${qos}`, qos, qos) });
      cluster.run(50);
    }
    const heard = cluster.heard('a', 1).filter((effect) => effect.kind === 'deliver');
    expect(heard.map((effect) => [payload(effect), effect.qos])).toEqual([
      ['qos 0', 0],
      ['qos 1', 1],
      ['qos 2', 2],
    ]);
    expect(cluster.heard('b', 1).map((effect) => effect.kind)).toEqual(['connack', 'puback', 'pubrec']);
  });

  test('[MQTT-3.1.4-3] a client id that connects elsewhere is closed at its first home', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('same') });
    cluster.run(100);
    cluster.member('b').input(1, { kind: 'connect', request: request('same') });
    cluster.run(100);
    expect(cluster.heard('a', 1).at(-1)).toEqual({ kind: 'close', connection: 1, reason: 'takenOver' });
    expect(cluster.heard('b', 1).at(-1)).toMatchObject({ kind: 'connack' });
  });

  test('QoS 0 goes to one member of each group that shares a subscription, wherever it is', () => {
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
    const heard = ['a', 'b'].map((id) => cluster.heard(id, 1).filter((effect) => effect.kind === 'deliver'));
    expect(heard.map((deliveries) => deliveries.length)).toEqual([2, 2]);
    expect(heard.flat().map(payload).sort()).toEqual(['0', '1', '2', '3']);
  });

  test('a persistent session roams with its queue, in order, once each at QoS 2', () => {
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
    const heard = cluster.heard('c', 9);
    expect(heard[0]).toMatchObject({ kind: 'connack', sessionPresent: true });
    const delivered = heard.filter((effect) => effect.kind === 'deliver');
    expect(delivered.map(payload)).toEqual(['1', '2', '3', '4', '5']);
    expect(delivered.every((effect) => !effect.dup)).toBe(true);
    for (const { packetId } of delivered) cluster.member('c').input(9, { kind: 'pubrec', packetId });
    cluster.run(100);
    const released = cluster.heard('c', 9).filter((effect) => effect.kind === 'pubrel');
    expect(released).toHaveLength(5);
    for (const { packetId } of delivered) cluster.member('c').input(9, { kind: 'pubcomp', packetId });
    cluster.run(100);
    expect(cluster.member('a').status().queuedMessages).toBe(0);
  });

  test('retained messages reach later subscribers at any member, and a delete is a delete', () => {
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
    const delivered = cluster.heard('b', 1).filter((effect) => effect.kind === 'deliver');
    expect(delivered.map((effect) => [payload(effect), effect.retain])).toEqual([['kept', true]]);
  });

  test('what is retained reaches a session that lost its home before it had all of it', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    // Until all members are known to know of it.
    cluster.run(1_000);
    cluster.member('a').input(1, { kind: 'connect', request: request('publisher') });
    cluster.member('b').input(1, { kind: 'connect', request: request('subscriber', never) });
    cluster.run(100);
    for (const [place, qos] of ([0, 1, 2] as const).entries())
      cluster
        .member('a')
        .input(1, { kind: 'publish', request: publish(`r/${qos}`, `at ${qos}`, place + 1, qos, true) });
    cluster.run(100);
    cluster.heard('b', 1);
    cluster
      .member('b')
      .input(1, { kind: 'subscribe', packetId: 9, subscriptions: [{ filter: 'r/+', qos: 2 }] });
    cluster.run(100);
    const heard = cluster.heard('b', 1);
    expect(heard[0]).toMatchObject({ kind: 'suback', packetId: 9, codes: [2] });
    const first = heard.filter((effect) => effect.kind === 'deliver');
    expect(first.map(payload).sort()).toEqual(['at 0', 'at 1', 'at 2']);
    expect(first.every(({ retain, dup }) => retain && !dup)).toBe(true);
    cluster.cut('b');
    cluster.member('c').input(1, { kind: 'connect', request: request('subscriber', never) });
    cluster.run(500);
    const again = cluster.heard('c', 1).filter((effect) => effect.kind === 'deliver');
    expect(again.map((effect) => [payload(effect), effect.retain, effect.dup])).toEqual([
      ['at 1', true, true],
      ['at 2', true, true],
    ]);
  });

  test('a member cut off accepts QoS 1, says so, and everybody gets it after the heal', () => {
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
    cluster.heard('c', 2);
    cluster.member('c').input(2, { kind: 'publish', request: publish('x', 'island', 5) });
    cluster.run(200);
    expect(cluster.heard('c', 2).at(-1)).toMatchObject({ kind: 'puback', packetId: 5, result: 'ok' });
    expect(cluster.events.get('c')).toContainEqual({ kind: 'degradedAcks', count: 1 });
    cluster.heal('c');
    cluster.until('c serves', () => cluster.member('c').status().state === 'serving');
    cluster.run(1_000);
    const near = cluster.heard('c', 1).filter((effect) => effect.kind === 'deliver');
    const far = cluster.heard('a', 1).filter((effect) => effect.kind === 'deliver');
    expect(near.map(payload)).toEqual(['island']);
    expect(far.map(payload)).toEqual(['island']);
  });

  test('without a majority and with `hold` nothing is acked', () => {
    const cluster = new TestCluster(['a', 'b', 'c'], { whenIsolated: 'hold' });
    cluster.serve();
    cluster.member('c').input(2, { kind: 'connect', request: request('publisher') });
    cluster.run(100);
    cluster.heard('c', 2);
    cluster.cut('c');
    cluster.member('c').input(2, { kind: 'publish', request: publish('x', 'waits', 5) });
    cluster.run(5_000);
    expect(cluster.heard('c', 2)).toEqual([]);
    cluster.heal('c');
    cluster.run(3_000);
    expect(cluster.heard('c', 2)).toContainEqual({
      kind: 'puback',
      connection: 2,
      packetId: 5,
      result: 'ok',
    });
  });

  test('a will is published once when the home is cut off, and not again at the heal', () => {
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
    const before = cluster.heard('a', 1).filter((effect) => effect.kind === 'deliver');
    expect(before.map(payload)).toEqual(['died']);
    cluster.heal('c');
    cluster.run(5_000);
    expect(cluster.heard('a', 1).filter((effect) => effect.kind === 'deliver')).toEqual([]);
    expect(cluster.heard('c', 1).at(-1)).toMatchObject({ kind: 'close' });
  });
});
