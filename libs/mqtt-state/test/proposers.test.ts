import type { Batch, Command } from '@mqtt-cluster/contracts';
import { encodeBatch } from '../src/index.ts';
import { openCommand, publishCommand, start, World } from './support/state-driver.ts';

const header = { member: 'a', storeId: 'store-a', incarnation: 1 };

function batch(sequence: number, changes: Partial<Batch> = {}, ...commands: Command[]): Uint8Array {
  return encodeBatch({ ...header, sequence, commands, ...changes });
}

function payload(text: string): Command {
  return publishCommand('t', text);
}

describe('numbered batches', () => {
  test('trace 3: a batch that comes again, or too early, is not applied', () => {
    const world = new World();
    world.raw(batch(1, {}, start));
    world.raw(batch(2, {}, payload('two')));
    expect(world.published()).toEqual(['two']);
    expect(world.raw(batch(2, {}, payload('two')))).toEqual([]);
    // 3 was lost with the leader: 4 is not taken for the next one.
    expect(world.raw(batch(4, {}, payload('four')))).toEqual([]);
    expect(world.state.proposer('a')).toEqual({ storeId: 'store-a', incarnation: 1, sequence: 2 });
    world.raw(batch(3, {}, payload('three')));
    expect(world.published()).toEqual(['three']);
    world.raw(batch(4, {}, payload('four')));
    expect(world.published()).toEqual(['four']);
  });

  test('trace 3: a restart in between: what the earlier incarnation still has under way is void', () => {
    const world = new World();
    world.raw(batch(1, {}, start));
    world.raw(batch(1, { incarnation: 2 }, start));
    expect(world.raw(batch(2, {}, payload('late')))).toEqual([]);
    expect(world.raw(batch(1, {}, start))).toEqual([]);
    expect(world.raw(batch(3, { incarnation: 3 }, start))).toEqual([]);
    expect(world.state.proposer('a')).toEqual({ storeId: 'store-a', incarnation: 2, sequence: 1 });
  });

  test('an incarnation begins with a start, and only there', () => {
    const world = new World();
    expect(world.raw(batch(1, {}, payload('x'))).map(({ kind }) => kind)).toEqual(['alarm']);
    expect(world.state.proposer('a')).toBeUndefined();
    world.raw(batch(1, {}, start));
    const kinds = world.raw(batch(2, {}, payload('x'), start)).map(({ kind }) => kind);
    expect(kinds).toEqual(['published', 'alarm', 'batchApplied']);
  });

  test('another store proposes only once the cluster names it', () => {
    const world = new World();
    const config = (storeId: string): void => {
      world.effects = world.state.applyConfig(world.state.index + 1, {
        members: [{ id: 'a', storeId, role: 'voter' }],
      });
    };
    config('store-a');
    world.connect('a', 'c');
    expect(world.raw(batch(1, { storeId: 'store-new', incarnation: 1 }, start))).toEqual([]);
    config('store-new');
    expect(world.ofKind('connectionEnded')).toMatchObject([{ client: 'c', reason: 'homeLost' }]);
    world.raw(batch(1, { storeId: 'store-new', incarnation: 1 }, start));
    expect(world.state.proposer('a')).toMatchObject({ storeId: 'store-new' });
    // Not the old one any more.
    expect(world.raw(batch(3, {}, payload('x')))).toEqual([]);
  });

  test('trace 13: a member that is taken back with its store goes on with its numbers', () => {
    const world = new World();
    world.start('a').start('b');
    world.propose('a', payload('1'));
    const config = (...ids: string[]): void => {
      world.state.applyConfig(world.state.index + 1, {
        members: ids.map((id) => ({ id, storeId: `store-${id}`, role: 'voter' })),
      });
    };
    config('b');
    config('a', 'b');
    world.propose('a', payload('2'));
    expect(world.published()).toEqual(['2']);
  });

  test('a member that left: its homes are closed and its proposals do not count', () => {
    const world = new World();
    world.start('a').start('b');
    world.connect('a', 'c', { will: { ...openWill(), delaySeconds: 0 } });
    world.connect('b', 'd');
    world.effects = world.state.applyConfig(world.state.index + 1, {
      members: [{ id: 'b', storeId: 'store-b', role: 'voter' }],
    });
    expect(world.ofKind('connectionEnded')).toMatchObject([{ client: 'c', home: 'a', reason: 'homeLost' }]);
    expect(world.ofKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: false }]);
    expect(world.propose('a', payload('x'))).toEqual([]);
    expect(world.propose('b', payload('x'))).toHaveLength(1);
  });

  test('entries that were applied already are left out', () => {
    const world = new World();
    world.start('a');
    const digest = world.state.digest();
    expect(world.state.apply(world.state.index, 5_000, batch(2)).map(({ kind }) => kind)).toEqual(['alarm']);
    expect(world.state.digest()).toBe(digest);
  });
});

function openWill(): { topic: string; payload: Uint8Array; qos: 1; retain: false } {
  return { topic: 'w', payload: new Uint8Array([1]), qos: 1, retain: false };
}

describe('outbox items of earlier incarnations', () => {
  const recover = (incarnation: number, sequence: number, ...texts: string[]): Command => ({
    kind: 'recover',
    incarnation,
    sequence,
    publishes: texts.map((text) => publishCommand('t', text)),
  });

  test('what was applied as a batch is not applied again; the rest is, once', () => {
    const world = new World();
    world.start('a');
    world.propose('a', payload('as batch 2'));
    world.start('a', [1]);
    world.propose('a', recover(1, 2, 'as batch 2'), recover(1, 3, 'x', 'y'), recover(1, 3, 'x', 'y'));
    expect(world.published()).toEqual(['x', 'y']);
    expect(
      world.ofKind('published').map((effect) => [effect.incarnation, effect.sequence, effect.command]),
    ).toEqual([
      [1, 3, 0],
      [1, 3, 1],
    ]);
    world.propose('a', recover(1, 3, 'x', 'y'), recover(1, 4, 'z'));
    expect(world.published()).toEqual(['z']);
  });

  test('the cursor outlives further restarts as long as the incarnation is listed', () => {
    const world = new World();
    world.start('a');
    world.start('a', [1]);
    world.propose('a', recover(1, 5, 'x'));
    world.start('a', [1, 2]);
    world.propose('a', recover(1, 5, 'x'), recover(2, 2, 'applied before'), recover(2, 3, 'y'));
    expect(world.published()).toEqual(['y']);
  });

  test('an incarnation that is not earlier is refused', () => {
    const world = new World();
    world.start('a');
    world.propose('a', recover(1, 9, 'x'));
    expect(world.effects.map(({ kind }) => kind)).toEqual(['alarm', 'batchApplied']);
  });

  test('trace 12: never refused at the heal, whatever the bounds', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.propose('a', {
      kind: 'settings',
      settings: {
        clusterQueuedBytesMax: 0,
        queuedMessagesMax: 1,
        connectedQueuedMessagesMax: 1,
        queueFull: 'refuse',
      },
    });
    expect(world.one('a', payload('refused'))).toEqual({ kind: 'published', outcome: 'quotaExceeded' });
    world.start('b').start('b', [1]);
    world.propose('b', recover(1, 2, 'one', 'two'));
    expect(world.queued('c')).toEqual(['one', 'two']);
    const isolated = publishCommand('t', 'three', 1, { isolatedSince: 1 });
    expect(world.one('b', isolated)).toEqual({ kind: 'published', outcome: 'applied' });
    expect(world.queued('c')).toEqual(['one', 'two', 'three']);
  });
});

describe('a home that is gone', () => {
  test('a restarted member orphans its sessions; those that return keep their will', () => {
    const world = new World();
    world.connect('a', 'returns', { will: { ...openWill(), delaySeconds: 0 } });
    world.connect('a', 'stays away', { will: { ...openWill(), delaySeconds: 0 } });
    world.start('a');
    expect(world.ofKind('connectionEnded')).toEqual([]);
    expect(world.state.counts().connected).toBe(0);
    expect([...world.state.connectedAt('a')]).toEqual([]);
    expect(world.state.nextDeadline()).toBe(world.timeMs + world.state.settings.orphanGraceMs);
    expect(world.one('b', openCommand('returns')).kind).toBe('opened');
    world.pass(world.state.settings.orphanGraceMs);
    expect(world.ofKind('connectionEnded')).toMatchObject([{ client: 'stays away', reason: 'homeLost' }]);
    expect(world.ofKind('willFired')).toEqual([{ kind: 'willFired', client: 'stays away', byHome: false }]);
    expect(world.state.session('stays away')?.home).toBeNull();
    expect(world.state.session('returns')?.home).toMatchObject({ member: 'b' });
  });

  test('lost: up to that incarnation only', () => {
    const world = new World();
    world.start('a').start('a');
    world.connect('a', 'c');
    world.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(world.state.session('c')?.home).not.toBeNull();
    world.propose('b', { kind: 'lost', member: 'a', incarnation: 2 });
    expect(world.ofKind('connectionEnded')).toMatchObject([{ client: 'c', home: 'a', reason: 'homeLost' }]);
    expect(world.state.session('c')?.home).toBeNull();
    // Its home lives after all: what it says of that connection is void.
    expect(world.close('a', 'c')).toEqual({ kind: 'void' });
  });

  test('lost: what opened after the member was given up stays', () => {
    const world = new World();
    world.start('a');
    world.connect('a', 'before');
    const epochMax = world.state.session('before')?.epoch ?? 0;
    world.connect('a', 'since');
    world.propose('b', { kind: 'lost', member: 'a', incarnation: 1, epochMax });
    expect(world.state.session('before')?.home).toBeNull();
    expect(world.state.session('since')?.home).not.toBeNull();
  });
});

describe('settings and versions', () => {
  test('what makes no sense is left out with an alarm', () => {
    const world = new World();
    world.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 5, sessionsMax: -1, retainedMax: 1.5, incomingMax: Infinity },
    });
    expect(world.ofKind('alarm')).toHaveLength(3);
    expect(world.state.settings).toMatchObject({
      queuedMessagesMax: 5,
      sessionsMax: 100_000,
      incomingMax: 100,
    });
  });

  test('trace 16: the version only rises, one at a time', () => {
    const world = new World();
    world.propose('a', { kind: 'semantics', version: 2 }, { kind: 'semantics', version: 1 });
    expect(world.state.semantics).toBe(2);
    expect(world.ofKind('alarm')).toEqual([]);
    world.propose('a', { kind: 'semantics', version: 99 });
    expect(world.state.semantics).toBe(2);
    expect(world.ofKind('alarm')).toHaveLength(1);
  });

  test('cluster time never goes back, and no clock can break it', () => {
    const world = new World();
    world.pass(500);
    for (const timeMs of [0, -5, Number.NaN, 1_499.9]) {
      world.state.apply(world.state.index + 1, timeMs, null);
      expect(world.state.timeMs).toBe(1_500);
    }
    world.state.apply(world.state.index + 1, Infinity, null);
    expect(Number.isSafeInteger(world.state.timeMs)).toBe(true);
  });
});
