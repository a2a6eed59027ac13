import { retainedQueuedSemantics } from '@mqtt-cluster/contracts';
import type { Command, Subscription } from '@mqtt-cluster/contracts';
import type { CommandResult } from '../src/index.ts';
import { openCommand, publishCommand, World } from './support/state-driver.ts';

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

  it('wakes no home by itself: the answer does, after SUBACK', () => {
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
    ['of a session', { queuedMessagesMax: 5 }],
    ['of a session, in bytes', { queuedBytesMax: 23 }],
    ['of the cluster', { clusterQueuedBytesMax: 37 }],
  ])('is left to the home when it takes more than half of the bound %s', (_, settings) => {
    const world = worldAt();
    // Four bytes each.
    world.propose('b', ...['1', '2', '3'].map((name) => publishCommand(`t/${name}`, name, 1, retain)));
    world.connect('a', 'c', {}, 'other');
    // Ten bytes; they count for the cluster.
    world.propose('b', publishCommand('other', 'kept!', 1));
    world.propose('b', { kind: 'settings', settings });
    expect(subscribe(world, 'c', { filter: 't/#', qos: 1 })).toMatchObject({ retainedQueued: [false] });
    expect(world.queued('c')).toEqual(['kept!']);
    expect(subscribe(world, 'c', { filter: 't/1', qos: 1 })).toMatchObject({ retainedQueued: [true] });
    expect(world.queued('c')).toEqual(['kept!', '1']);
  });

  it('drops nothing of what was published to a session whose queue is full', () => {
    const world = worldAt();
    world.propose('b', {
      kind: 'settings',
      settings: { queuedMessagesMax: 4, connectedQueuedMessagesMax: 4 },
    });
    world.propose('b', publishCommand('t', 'shown', 1, retain));
    world.connect('a', 'c', {}, 'other');
    world.propose('b', ...['1', '2', '3', '4'].map((name) => publishCommand('other', name, 1)));
    expect(subscribe(world, 'c', { filter: 't', qos: 1 })).toMatchObject({ retainedQueued: [false] });
    expect(world.queued('c')).toEqual(['1', '2', '3', '4']);
  });

  it('has the room of what it replaces', () => {
    const world = worldAt();
    world.propose('b', ...['1', '2', '3'].map((name) => publishCommand(`t/${name}`, name, 1, retain)));
    world.propose('b', { kind: 'settings', settings: { queuedMessagesMax: 6 } });
    for (let time = 0; time < 3; time++) {
      world.connect('a', 'c');
      expect(subscribe(world, 'c', { filter: 't/#', qos: 1 })).toMatchObject({ retainedQueued: [true] });
    }
    expect(world.queued('c')).toEqual(['1', '2', '3']);
  });

  it('is there once, however often the client connects and subscribes without taking it', () => {
    const world = worldAt();
    world.propose('b', publishCommand('t/1', 'one', 1, retain), publishCommand('t/2', 'two', 2, retain));
    for (let time = 0; time < 5; time++) {
      world.connect('a', 'c', { receiveMaximum: 1 });
      subscribe(world, 'c', { filter: 't/+', qos: 2 });
    }
    // The first of QoS 2 has begun and stays.
    expect(world.queued('c')).toEqual(['two', 'one', 'two']);
  });

  it('keeps what another subscription was shown before it changed, and what was published', () => {
    const world = worldAt();
    const kept = { filter: 't', qos: 1 as const, retainAsPublished: true };
    world.propose('b', publishCommand('t', 'same', 1, retain));
    world.connect('a', 'c');
    subscribe(world, 'c', kept);
    world.propose('b', publishCommand('t', 'same', 1, retain));
    world.connect('a', 'c');
    subscribe(world, 'c', kept);
    expect(world.items('c').map(({ retain: flag }) => flag)).toEqual([true, true, true]);
    // A will is nobody's publish and looks like what was shown.
    const will = { topic: 't', payload: new Uint8Array([1]), qos: 1 as const, retain: true, delaySeconds: 0 };
    world.connect('b', 'mortal', { will });
    world.close('b', 'mortal', false);
    world.connect('a', 'c');
    subscribe(world, 'c', kept);
    expect(world.items('c')).toHaveLength(5);
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

  it('is left to the home to the end of the entry that brings the version', () => {
    const world = worldAt(1);
    world.propose('b', publishCommand('t', 'kept', 1, retain));
    const epoch = world.connect('a', 'c');
    const asked: Command = {
      kind: 'subscribe',
      client: 'c',
      epoch,
      subscriptions: [{ filter: 't', qos: 1 }],
    };
    const [, first] = world.propose('a', { kind: 'semantics', version: 2 }, asked);
    expect(first).toMatchObject({ retainedQueued: [false] });
    expect(world.one('a', asked)).toMatchObject({ retainedQueued: [true] });
  });
});
