import type { DeliverEffect, PeerMessage } from '@mqtt-cluster/contracts';
import { LiveMessageAges } from '../src/home/live/live-message-ages.ts';
import { request, TestCluster, text } from './cluster.ts';

const run = { storeId: 's', incarnation: 3 };
const live = (sentAtMs: number) => ({ type: 'live' as const, ...run, sentAtMs, messages: [], direct: [] });
const hello = (sentAtMs: number) => ({ ...run, sentAtMs }) as Parameters<LiveMessageAges['observe']>[1];

describe('QoS 0 messages on a stalled link', () => {
  let cluster: TestCluster;

  const publish = (at: string, value: string): void =>
    cluster
      .member(at)
      .input(1, { kind: 'publish', request: { topic: 'x', payload: text(value), qos: 0, retain: false } });

  const delivered = (at: string, connection: number): string[] =>
    cluster
      .takeEffects(at, connection)
      .filter((effect): effect is DeliverEffect => effect.kind === 'deliver')
      .map((effect) => new TextDecoder().decode(effect.message.payload));

  beforeEach(() => {
    cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    cluster.member('a').input(1, { kind: 'connect', request: request('publisher') });
    for (const id of ['a', 'b'])
      cluster.member(id).input(2, { kind: 'connect', request: request(`subscriber-${id}`) });
    cluster.run(100);
    for (const id of ['a', 'b'])
      cluster
        .member(id)
        .input(2, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 0 }] });
    cluster.run(100);
  });

  test('are not delivered again to a client that received them at its last home', () => {
    cluster.stalled = 'a';
    publish('a', 'first');
    cluster.run(100);
    expect(delivered('a', 2)).toEqual(['first']);
    cluster.member('a').input(2, { kind: 'disconnect', graceful: false });
    cluster.member('b').input(3, { kind: 'connect', request: request('subscriber-a') });
    cluster.run(100);
    cluster
      .member('b')
      .input(3, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 0 }] });
    cluster.run(100);
    cluster.flow();
    publish('a', 'second');
    cluster.run(100);
    expect(delivered('b', 3)).toEqual(['second']);
    expect(delivered('b', 2)).toEqual(['first', 'second']);
  });

  test('are dropped and counted when they are older than the bound', () => {
    cluster.stalled = 'a';
    publish('a', 'first');
    cluster.run(3_000);
    cluster.flow();
    publish('a', 'second');
    cluster.run(100);
    expect(delivered('b', 2)).toEqual(['second']);
    const drops = cluster.events.get('b')!.filter((event) => event.kind === 'dropped');
    expect(drops).toEqual([expect.objectContaining({ reason: 'slowBridge', count: 1 })]);
  });
});

describe('the estimated age of a live message', () => {
  test('is the difference between its delay and the shortest delay of all messages, whatever the offset between the clocks of both members', () => {
    const ages = new LiveMessageAges();
    ages.observe('p', hello(1_000_000), 50);
    expect(ages.sentAtMs('p', live(1_000_100), 150)).toBe(150);
    expect(ages.sentAtMs('p', live(1_000_100), 350)).toBe(150);
    expect(ages.sentAtMs('p', live(1_000_100), 1_351)).toBeNull();
  });

  test('is unknown (null) for a message from another incarnation of the peer', () => {
    const ages = new LiveMessageAges();
    expect(ages.sentAtMs('p', live(5), 10)).toBeNull();
    ages.observe('p', hello(5), 10);
    expect(ages.sentAtMs('p', { ...live(5), incarnation: 2 }, 10)).toBeNull();
    expect(ages.sentAtMs('p', { ...live(5), storeId: 'other' }, 10)).toBeNull();
  });

  test('does not grow when the clocks of both members drift apart', () => {
    const ages = new LiveMessageAges();
    // The peer's clock is slow by a thousandth: 3.6 s an hour.
    for (let nowMs = 0; nowMs <= 3_600_000; nowMs += 10_000) ages.observe('p', hello(nowMs * 0.999), nowMs);
    expect(ages.sentAtMs('p', live(3_600_000 * 0.999), 3_600_000)).not.toBeNull();
  });

  test("is correct again within ten seconds after the peer's clock stood still with its machine (P7)", () => {
    const ages = new LiveMessageAges();
    const stoodMs = 30_000;
    ages.observe('p', hello(0), 0);
    const acceptedMs: number[] = [];
    for (let nowMs = 40_000; nowMs <= 60_000; nowMs += 100)
      if (ages.sentAtMs('p', live(nowMs - stoodMs), nowMs) !== null) acceptedMs.push(nowMs);
    expect(acceptedMs[0]).toBeLessThanOrEqual(50_000);
    expect(acceptedMs.at(-1)).toBe(60_000);
    expect(acceptedMs).toHaveLength((60_000 - acceptedMs[0]!) / 100 + 1);
  });

  test('is zero for a message from a peer of an older version, which reports no send times', () => {
    const ages = new LiveMessageAges();
    ages.observe('p', run, 5);
    expect(ages.sentAtMs('p', {}, 10)).toBe(10);
  });

  test('is computed with the former clock offset after a long time without messages from the peer', () => {
    const ages = new LiveMessageAges();
    ages.observe('p', hello(0), 0);
    expect(ages.sentAtMs('p', live(10), 300_000)).toBeNull();
    expect(ages.sentAtMs('p', live(20), 300_000)).toBeNull();
    expect(ages.sentAtMs('p', live(300_000), 300_000)).toBe(300_000);
  });
});

test('the answer to an interest is not relayed, because an older relay refuses its type', () => {
  const cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
  for (const id of ['a', 'b'])
    cluster.member(id).input(1, { kind: 'connect', request: request(`subscriber-${id}`) });
  cluster.run(100);
  const a = cluster.member('a');
  const take = a.take.bind(a);
  const sent: PeerMessage[] = [];
  a.take = () => {
    const output = take();
    sent.push(...output.send.map(({ message }) => message));
    return output;
  };
  a.link('b', 'down');
  const subscriptions = [{ filter: 'y', qos: 0 as const }];
  for (const id of ['a', 'b']) cluster.member(id).input(1, { kind: 'subscribe', packetId: 1, subscriptions });
  cluster.run(300);
  expect(cluster.takeEffects('b', 1).map(({ kind }) => kind)).toContain('suback');
  const relayed = sent.flatMap((message) => (message.type === 'relay' ? message.message.type : []));
  expect(relayed).toContain('interest');
  expect(relayed).not.toContain('interestAnswer');
});
