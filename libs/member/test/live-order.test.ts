import type { LiveMessage, Message } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../src/context.ts';
import { Connection } from '../src/home/connections/connection.ts';
import { HeldLiveMessages } from '../src/home/live/held-live-messages.ts';
import { PeerInterest } from '../src/home/live/peer-interest.ts';
import { PublishOrder } from '../src/home/live/publish-order.ts';
import { RecentRetained } from '../src/home/live/recent-retained.ts';
import { Router } from '../src/home/router.ts';
import { request, text } from './cluster.ts';

const message = (value: string, more: Partial<Message> = {}): Message => ({
  topic: 'o',
  payload: text(value),
  qos: 0,
  retain: false,
  publisher: 'p',
  ...more,
});
const valueOf = ({ payload }: Message): string => new TextDecoder().decode(payload);
const connection = (id = 1): Connection => new Connection(id, request(`c${id}`), 100, 0);

function contextOf(): MemberContext & { state: { index: number }; isolated: boolean; hasMajority: boolean } {
  const context = { state: { index: 10 }, nowMs: 0, isolated: false, hasMajority: true, events: [] };
  return context as unknown as ReturnType<typeof contextOf>;
}

describe('live messages that wait for the log', () => {
  const live = (appliedIndex: number | undefined, ...messages: Message[]): LiveMessage => ({
    type: 'live',
    messages,
    direct: [],
    ...(appliedIndex !== undefined && { appliedIndex }),
  });
  let context: ReturnType<typeof contextOf>;
  let delivered: string[];
  let held: HeldLiveMessages;

  beforeEach(() => {
    context = contextOf();
    delivered = [];
    held = new HeldLiveMessages(context, ({ messages }) => delivered.push(...messages.map(valueOf)));
  });

  test('are delivered when the index of their sender is applied, in the order of each sender', () => {
    held.receive('a', live(12, message('1')), 0);
    held.receive('a', live(10, message('2')), 0);
    held.receive('b', live(10, message('3')), 0);
    expect(delivered).toEqual(['3']);
    Object.assign(context.state, { index: 12 });
    held.release();
    expect(delivered).toEqual(['3', '1', '2']);
  });

  test('are delivered after 100 ms, without a majority, and from older members, at once', () => {
    held.receive('old', live(undefined, message('old')), 0);
    held.receive('a', live(11, message('1')), 0);
    context.nowMs = 99;
    held.release();
    expect(delivered).toEqual(['old']);
    context.nowMs = 100;
    held.release();
    expect(delivered).toEqual(['old', '1']);
    held.receive('a', live(11, message('2')), 0);
    context.hasMajority = false;
    held.release();
    expect(delivered).toEqual(['old', '1', '2']);
  });

  test('are delivered at the bound of their number', () => {
    for (let count = 0; count < 11; count++)
      held.receive('a', live(11, ...Array.from({ length: 1_000 }, () => message(`${count}`))), 0);
    expect(delivered).toEqual(Array.from({ length: 1_000 }, () => '0'));
  });
});

describe('QoS 0 publishes behind a retained one', () => {
  test('are dropped and counted beyond the bound of their number', () => {
    const context = contextOf();
    const published: string[] = [];
    const order = new PublishOrder(context, (_connection, each) => published.push(valueOf(each)));
    const publisher = connection();
    order.proposed(publisher, 'o');
    const waits = Array.from({ length: 10_001 }, () => order.hold(publisher, message('x')));
    expect(waits.every(Boolean)).toBe(true);
    expect(context.events).toEqual([
      expect.objectContaining({ kind: 'dropped', reason: 'noMajority', count: 1 }),
    ]);
    expect(published).toEqual([]);
    order.applied(publisher, 'o');
    expect(published).toHaveLength(10_000);
    expect(order.size).toBe(0);
    expect(order.hold(publisher, message('x'))).toBe(false);
  });

  test('of another connection or topic do not wait', () => {
    const order = new PublishOrder(contextOf(), () => undefined);
    const publisher = connection();
    order.proposed(publisher, 'o');
    expect(order.hold(connection(2), message('x'))).toBe(false);
    expect(order.hold(publisher, message('x', { topic: 'other' }))).toBe(false);
  });
});

test('a live message is late only behind a newer retained message of its publisher on its topic, for a second', () => {
  const recent = new RecentRetained();
  recent.add(message('1', { retain: true }), 20, 0);
  expect(recent.isLate(message('x'), 19)).toBe(true);
  expect(recent.isLate(message('x'), 20)).toBe(false);
  expect(recent.isLate(message('x', { publisher: 'other' }), 19)).toBe(false);
  expect(recent.isLate(message('x', { topic: 'other' }), 19)).toBe(false);
  recent.expire(1_001);
  expect(recent.isLate(message('x'), 19)).toBe(false);
});

describe('the interest of a peer', () => {
  const interest = (
    version: number,
    full: boolean,
    add: string[],
    remove: string[] = [],
    incarnation = 1,
  ) => ({
    type: 'interest' as const,
    storeId: 's',
    incarnation,
    full,
    version,
    add,
    remove,
  });

  test('is answered only while no message is missing', () => {
    const peers = new PeerInterest();
    expect(peers.receive('a', interest(1, false, ['x']))).toBe(false);
    expect(peers.receive('a', interest(4, true, ['x', 'y']))).toBe(true);
    expect(peers.receive('a', interest(5, false, ['z']))).toBe(true);
    expect(peers.receive('a', interest(7, false, [], ['z']))).toBe(false);
    expect(peers.receive('a', interest(8, false, ['w']))).toBe(false);
    expect(peers.receive('a', interest(8, true, ['w']))).toBe(true);
    expect([peers.matches('w'), peers.matches('x')]).toEqual([true, false]);
  });

  test('ignores a relayed message that arrives after a newer one, but not one of a new incarnation', () => {
    const peers = new PeerInterest();
    peers.receive('a', interest(5, true, ['x']));
    expect(peers.receive('a', interest(4, false, [], ['x']))).toBe(false);
    expect(peers.matches('x')).toBe(true);
    expect(peers.receive('a', interest(0, true, [], [], 2))).toBe(true);
    expect(peers.matches('x')).toBe(false);
  });

  test('begins again when the store of the peer was wiped, which begins its incarnations again', () => {
    const peers = new PeerInterest();
    peers.receive('a', interest(5, true, ['x']));
    expect(peers.receive('a', { ...interest(1, true, ['y']), storeId: 'new' })).toBe(true);
    expect([peers.matches('x'), peers.matches('y')]).toEqual([false, true]);
  });

  test('of an older version is used and not answered', () => {
    const peers = new PeerInterest();
    const older = { type: 'interest' as const, full: true, version: 1, add: ['x'], remove: [] };
    expect(peers.receive('a', older)).toBe(false);
    expect(peers.matches('x')).toBe(true);
  });
});

describe('the interest of this home', () => {
  test('contains an announced filter until its subscription is applied, and then the subscription', () => {
    const router = new Router();
    const subscriber = connection();
    router.announce(subscriber, 'x');
    expect(router.takeChanges()).toEqual({ version: 1, add: ['x'], remove: [] });
    router.add(subscriber, { filter: 'x', qos: 0 });
    router.retract(subscriber, 'x');
    expect(router.hasChanges).toBe(false);
    expect(router.interestVersion(['x'])).toBe(1);
    router.removeAll(subscriber);
    expect(router.takeChanges()).toEqual({ version: 2, add: [], remove: ['x'] });
  });

  test('loses the announced filters of a connection that ends', () => {
    const router = new Router();
    const subscriber = connection();
    router.announce(subscriber, 'x');
    router.announce(subscriber, 'x');
    router.takeChanges();
    router.removeAll(subscriber);
    expect(router.takeChanges()).toEqual({ version: 2, add: [], remove: ['x'] });
  });

  test('keeps its version when a filter is removed and added in one turn', () => {
    const router = new Router();
    const [first, second] = [connection(1), connection(2)];
    router.add(first, { filter: 'x', qos: 0 });
    router.takeChanges();
    router.removeAll(first);
    router.add(second, { filter: 'x', qos: 0 });
    expect(router.takeChanges()).toBeNull();
    expect(router.interestVersion(['x'])).toBe(1);
  });

  test('contains a filter that is removed and added in one turn, also in a full message between the two', () => {
    const router = new Router();
    const one = connection();
    const subscription = { filter: 'x', qos: 0 } as const;
    router.add(one, subscription);
    router.takeChanges();
    router.remove(one, 'x');
    expect([...router.filters()]).toEqual(['x']);
    router.add(one, subscription);
    expect(router.takeChanges()).toBeNull();
    router.remove(one, 'x');
    router.takeChanges();
    expect([...router.filters()]).toEqual([]);
  });
});
