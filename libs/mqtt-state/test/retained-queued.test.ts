import { retainedQueuedSemantics } from '@mqtt-cluster/contracts';
import type { Subscription } from '@mqtt-cluster/contracts';
import type { CommandResult } from '../src/index.ts';
import { openCommand, publishCommand, World } from './harness.ts';

const retain = { retain: true };

/** A cluster in which all members know of queued retained messages, unless told otherwise. */
function worldAt(semantics = retainedQueuedSemantics): World {
  const world = new World();
  for (let version = 2; version <= semantics; version++) world.propose('a', { kind: 'semantics', version });
  return world;
}

function subscribe(world: World, client: string, ...subscriptions: Subscription[]): CommandResult {
  return world.one('a', { kind: 'subscribe', client, epoch: world.epoch(client), subscriptions });
}

describe('what is retained when a session subscribes', () => {
  it('is queued with RETAIN set, in the order of the log [MQTT-3.3.1-6], [MQTT-3.3.1-8]', () => {
    const world = worldAt();
    world.propose('b', publishCommand('t/z', 'first', 1, retain));
    world.propose('b', publishCommand('t/b', 'third', 2, retain), publishCommand('t/a', 'second', 2, retain));
    world.connect('a', 'c');
    const answer = subscribe(world, 'c', { filter: 't/#', qos: 2, subscriptionIdentifier: 7 });
    expect(answer).toMatchObject({ codes: [2], retainedQueued: [true] });
    expect(world.queued('c')).toEqual(['first', 'second', 'third']);
    expect(world.items('c')).toMatchObject([
      { qos: 1, retain: true, subscriptionIdentifiers: [7] },
      { qos: 2, retain: true },
      { qos: 2, retain: true },
    ]);
  });

  it('outlives its home: whoever the client returns to has it', () => {
    const world = worldAt();
    world.propose('b', publishCommand('t', 'kept', 1, retain));
    world.connect('a', 'c');
    subscribe(world, 'c', { filter: 't', qos: 1 });
    world.start('a');
    world.connect('b', 'c');
    expect(world.queued('c')).toEqual(['kept']);
  });

  it('says nothing to the home before its answer, so that SUBACK comes first', () => {
    const world = worldAt();
    world.propose('b', publishCommand('t', 'kept', 1, retain));
    world.connect('a', 'c');
    subscribe(world, 'c', { filter: 't', qos: 1 });
    expect(world.ofKind('queued')).toEqual([]);
  });

  it('is not queued at QoS 0, which is its home’s affair', () => {
    const world = worldAt();
    world.propose('b', publishCommand('t/0', 'zero', 0, retain), publishCommand('t/1', 'one', 1, retain));
    world.connect('a', 'c');
    subscribe(world, 'c', { filter: 't/0', qos: 2 }, { filter: 't/1', qos: 0 });
    expect(world.queued('c')).toEqual([]);
  });

  it('comes as MQTT 5 Retain Handling says (3.8.3.1), and never to a shared subscription', () => {
    const world = worldAt();
    world.propose('b', publishCommand('t', 'kept', 1, retain));
    world.connect('a', 'c');
    const asked = (subscription: Partial<Subscription>): number => {
      const before = world.queued('c').length;
      subscribe(world, 'c', { filter: 't', qos: 1, ...subscription });
      return world.queued('c').length - before;
    };
    expect(asked({ retainHandling: 2 })).toBe(0);
    expect(asked({ retainHandling: 1 })).toBe(0);
    expect(asked({ retainHandling: 0 })).toBe(1);
    expect(asked({ filter: '+', retainHandling: 1 })).toBe(1);
    expect(asked({ filter: '$share/group/t' })).toBe(0);
    expect(asked({ filter: 'a#' })).toBe(0);
  });

  it('leaves out what has expired [MQTT-3.3.2-5]', () => {
    const world = worldAt();
    const expiring = { retain: true, properties: { messageExpiryInterval: 2 } };
    world.propose('b', publishCommand('t/1', 'short', 1, expiring), publishCommand('t/2', 'long', 1, retain));
    world.connect('a', 'c');
    world.pass(2_000);
    subscribe(world, 'c', { filter: 't/#', qos: 1 });
    expect(world.queued('c')).toEqual(['long']);
  });

  it.each([
    ['a session', { queuedMessagesMax: 3, connectedQueuedMessagesMax: 3 }],
    ['a session, in bytes', { queuedBytesMax: 15, connectedQueuedBytesMax: 15 }],
    ['the cluster', { clusterQueuedBytesMax: 15 }],
  ])('is left to the home when it goes beyond the bound of %s, and drops nothing', (_, settings) => {
    const world = worldAt();
    world.propose('b', ...['1', '2', '3'].map((name) => publishCommand(`t/${name}`, name, 1, retain)));
    world.connect('a', 'c', {}, 'other');
    world.propose('b', publishCommand('other', 'kept', 1));
    world.propose('b', { kind: 'settings', settings });
    expect(subscribe(world, 'c', { filter: 't/#', qos: 1 })).toMatchObject({ retainedQueued: [false] });
    expect(world.queued('c')).toEqual(['kept']);
    expect(subscribe(world, 'c', { filter: 't/1', qos: 1 })).toMatchObject({ retainedQueued: [true] });
    expect(world.queued('c')).toEqual(['kept', '1']);
  });

  it('has the room of the copies that it replaces', () => {
    const world = worldAt();
    world.propose('b', ...['1', '2', '3'].map((name) => publishCommand(`t/${name}`, name, 1, retain)));
    world.propose('b', {
      kind: 'settings',
      settings: { connectedQueuedMessagesMax: 3, queuedMessagesMax: 3 },
    });
    for (let time = 0; time < 2; time++) {
      world.connect('a', 'c');
      expect(subscribe(world, 'c', { filter: 't/#', qos: 1 })).toMatchObject({ retainedQueued: [true] });
    }
    expect(world.queued('c')).toEqual(['1', '2', '3']);
  });

  it('is there once, however often the client connects and subscribes without taking it', () => {
    const world = worldAt();
    const keeping = { filter: 't/+', qos: 2 as const, retainAsPublished: true };
    world.propose('b', publishCommand('t/1', 'one', 1, retain), publishCommand('t/2', 'two', 2, retain));
    world.connect('a', 'c', { receiveMaximum: 1 });
    for (let time = 0; time < 5; time++) {
      subscribe(world, 'c', keeping);
      world.propose('b', publishCommand('t/1', 'one', 1, retain));
      world.connect('a', 'c', { receiveMaximum: 1 });
    }
    const queued = world.items('c').map(({ message, origin }) => [message.topic, origin === undefined]);
    const copies = (topic: string, isCopy: boolean): number =>
      queued.filter(([of, copy]) => of === topic && copy === isCopy).length;
    expect([copies('t/1', true), copies('t/1', false)]).toEqual([1, 5]);
    // The first has begun as QoS 2 and stays.
    expect(copies('t/2', true)).toBe(2);
  });

  it('comes again at once when the same connection asks again [MQTT-3.8.4-4]', () => {
    const world = worldAt();
    world.propose('b', publishCommand('t', 'kept', 1, retain));
    world.connect('a', 'c');
    subscribe(world, 'c', { filter: 't', qos: 1 });
    subscribe(world, 'c', { filter: 't', qos: 1 });
    expect(world.queued('c')).toEqual(['kept', 'kept']);
  });

  it('is left to the home while a member may not know of it', () => {
    const world = worldAt(1);
    world.propose('b', publishCommand('t', 'kept', 1, retain));
    world.one('a', openCommand('c'));
    expect(subscribe(world, 'c', { filter: 't', qos: 1 })).toMatchObject({ retainedQueued: [false] });
    expect(world.queued('c')).toEqual([]);
  });
});
