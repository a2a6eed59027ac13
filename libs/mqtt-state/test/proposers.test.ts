import type { Batch, Command } from '@mqtt-cluster/contracts';
import { encodeBatch } from '../src/index.ts';
import { openCommand, publishCommand, start, StateDriver } from './support/state-driver.ts';

const header = { member: 'a', storeId: 'store-a', incarnation: 1 };

function batch(sequence: number, changes: Partial<Batch> = {}, ...commands: Command[]): Uint8Array {
  return encodeBatch({ ...header, sequence, commands, ...changes });
}

function payload(text: string): Command {
  return publishCommand('t', text);
}

describe('the replicated state', () => {
  test('does not apply a repeated batch or a batch after a gap', () => {
    const driver = new StateDriver();
    driver.apply(batch(1, {}, start));
    driver.apply(batch(2, {}, payload('two')));
    expect(driver.published()).toEqual(['two']);
    expect(driver.apply(batch(2, {}, payload('two')))).toEqual([]);
    // Batch 3 was lost with the leader, so batch 4 is not the next one.
    expect(driver.apply(batch(4, {}, payload('four')))).toEqual([]);
    expect(driver.state.proposer('a')).toEqual({ storeId: 'store-a', incarnation: 1, sequence: 2 });
    driver.apply(batch(3, {}, payload('three')));
    expect(driver.published()).toEqual(['three']);
    driver.apply(batch(4, {}, payload('four')));
    expect(driver.published()).toEqual(['four']);
  });

  test('does not apply batches of an earlier incarnation after a restart', () => {
    const driver = new StateDriver();
    driver.apply(batch(1, {}, start));
    driver.apply(batch(1, { incarnation: 2 }, start));
    expect(driver.apply(batch(2, {}, payload('late')))).toEqual([]);
    expect(driver.apply(batch(1, {}, start))).toEqual([]);
    expect(driver.apply(batch(3, { incarnation: 3 }, start))).toEqual([]);
    expect(driver.state.proposer('a')).toEqual({ storeId: 'store-a', incarnation: 2, sequence: 1 });
  });

  test('applies batches of an incarnation only after a `start` command, and ignores a `start` command at any other position', () => {
    const driver = new StateDriver();
    expect(driver.apply(batch(1, {}, payload('x'))).map(({ kind }) => kind)).toEqual(['alarm']);
    expect(driver.state.proposer('a')).toBeUndefined();
    driver.apply(batch(1, {}, start));
    const kinds = driver.apply(batch(2, {}, payload('x'), start)).map(({ kind }) => kind);
    expect(kinds).toEqual(['published', 'alarm', 'batchApplied']);
  });

  test('applies batches of a new store only after the cluster configuration contains the store', () => {
    const driver = new StateDriver();
    const config = (storeId: string): void => {
      driver.effects = driver.state.applyConfig(driver.state.index + 1, {
        members: [{ id: 'a', storeId, role: 'voter' }],
      });
    };
    config('store-a');
    driver.connect('a', 'c');
    expect(driver.apply(batch(1, { storeId: 'store-new', incarnation: 1 }, start))).toEqual([]);
    config('store-new');
    expect(driver.effectsOfKind('connectionEnded')).toMatchObject([{ client: 'c', reason: 'homeLost' }]);
    driver.apply(batch(1, { storeId: 'store-new', incarnation: 1 }, start));
    expect(driver.state.proposer('a')).toMatchObject({ storeId: 'store-new' });
    // The replaced store can no longer propose.
    expect(driver.apply(batch(3, {}, payload('x')))).toEqual([]);
  });

  test('continues with the batch numbers of a member that is added again with its store', () => {
    const driver = new StateDriver();
    driver.start('a').start('b');
    driver.propose('a', payload('1'));
    const config = (...ids: string[]): void => {
      driver.state.applyConfig(driver.state.index + 1, {
        members: ids.map((id) => ({ id, storeId: `store-${id}`, role: 'voter' })),
      });
    };
    config('b');
    config('a', 'b');
    driver.propose('a', payload('2'));
    expect(driver.published()).toEqual(['2']);
  });

  test('ends the connections of a removed member and ignores its batches', () => {
    const driver = new StateDriver();
    driver.start('a').start('b');
    driver.connect('a', 'c', { will: { ...openWill(), delaySeconds: 0 } });
    driver.connect('b', 'd');
    driver.effects = driver.state.applyConfig(driver.state.index + 1, {
      members: [{ id: 'b', storeId: 'store-b', role: 'voter' }],
    });
    expect(driver.effectsOfKind('connectionEnded')).toMatchObject([
      { client: 'c', home: 'a', reason: 'homeLost' },
    ]);
    expect(driver.effectsOfKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: false }]);
    expect(driver.propose('a', payload('x'))).toEqual([]);
    expect(driver.propose('b', payload('x'))).toHaveLength(1);
  });

  test('ignores a log entry that was already applied', () => {
    const driver = new StateDriver();
    driver.start('a');
    const digest = driver.state.digest();
    expect(driver.state.apply(driver.state.index, 5_000, batch(2)).map(({ kind }) => kind)).toEqual([
      'alarm',
    ]);
    expect(driver.state.digest()).toBe(digest);
  });
});

function openWill(): { topic: string; payload: Uint8Array; qos: 1; retain: false } {
  return { topic: 'w', payload: new Uint8Array([1]), qos: 1, retain: false };
}

describe('the recovery of the outbox items of earlier incarnations', () => {
  const recover = (incarnation: number, sequence: number, ...texts: string[]): Command => ({
    kind: 'recover',
    incarnation,
    sequence,
    publishes: texts.map((text) => publishCommand('t', text)),
  });

  test('publishes each outbox item once, but no item whose batch was applied before', () => {
    const driver = new StateDriver();
    driver.start('a');
    driver.propose('a', payload('as batch 2'));
    driver.start('a', [1]);
    driver.propose('a', recover(1, 2, 'as batch 2'), recover(1, 3, 'x', 'y'), recover(1, 3, 'x', 'y'));
    expect(driver.published()).toEqual(['x', 'y']);
    expect(
      driver
        .effectsOfKind('published')
        .map((effect) => [effect.incarnation, effect.sequence, effect.command]),
    ).toEqual([
      [1, 3, 0],
      [1, 3, 1],
    ]);
    driver.propose('a', recover(1, 3, 'x', 'y'), recover(1, 4, 'z'));
    expect(driver.published()).toEqual(['z']);
  });

  test('keeps the number of the last applied outbox item of an incarnation while each `start` command lists this incarnation', () => {
    const driver = new StateDriver();
    driver.start('a');
    driver.start('a', [1]);
    driver.propose('a', recover(1, 5, 'x'));
    driver.start('a', [1, 2]);
    driver.propose('a', recover(1, 5, 'x'), recover(2, 2, 'applied before'), recover(2, 3, 'y'));
    expect(driver.published()).toEqual(['y']);
  });

  test('ignores a recover command for an incarnation that is not earlier', () => {
    const driver = new StateDriver();
    driver.start('a');
    driver.propose('a', recover(1, 9, 'x'));
    expect(driver.effects.map(({ kind }) => kind)).toEqual(['alarm', 'batchApplied']);
  });

  test('publishes a message with a degraded acknowledgement even when a queue bound is reached', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', {
      kind: 'settings',
      settings: {
        clusterQueuedBytesMax: 0,
        queuedMessagesMax: 1,
        connectedQueuedMessagesMax: 1,
        queueFull: 'refuse',
      },
    });
    expect(driver.applyOne('a', payload('refused'))).toEqual({ kind: 'published', outcome: 'quotaExceeded' });
    driver.start('b').start('b', [1]);
    driver.propose('b', recover(1, 2, 'one', 'two'));
    expect(driver.queued('c')).toEqual(['one', 'two']);
    const isolated = publishCommand('t', 'three', 1, { isolatedSince: 1 });
    expect(driver.applyOne('b', isolated)).toEqual({ kind: 'published', outcome: 'applied' });
    expect(driver.queued('c')).toEqual(['one', 'two', 'three']);
  });
});

describe('the loss of a home', () => {
  test('publishes, after a restart of the home, the wills of clients that do not reconnect in time', () => {
    const driver = new StateDriver();
    driver.connect('a', 'returns', { will: { ...openWill(), delaySeconds: 0 } });
    driver.connect('a', 'stays away', { will: { ...openWill(), delaySeconds: 0 } });
    driver.start('a');
    expect(driver.effectsOfKind('connectionEnded')).toEqual([]);
    expect(driver.state.counts().connected).toBe(0);
    expect([...driver.state.connectedSessions('a')]).toEqual([]);
    expect(driver.state.nextDeadline()).toBe(driver.timeMs + driver.state.settings.orphanGraceMs);
    expect(driver.applyOne('b', openCommand('returns')).kind).toBe('opened');
    driver.advanceTime(driver.state.settings.orphanGraceMs);
    expect(driver.effectsOfKind('connectionEnded')).toMatchObject([
      { client: 'stays away', reason: 'homeLost' },
    ]);
    expect(driver.effectsOfKind('willFired')).toEqual([
      { kind: 'willFired', client: 'stays away', byHome: false },
    ]);
    expect(driver.state.session('stays away')?.home).toBeNull();
    expect(driver.state.session('returns')?.home).toMatchObject({ member: 'b' });
  });

  test('ends only the connections that were opened by the incarnation in the `lost` command or by an earlier incarnation', () => {
    const driver = new StateDriver();
    driver.start('a').start('a');
    driver.connect('a', 'c');
    driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(driver.state.session('c')?.home).not.toBeNull();
    driver.propose('b', { kind: 'lost', member: 'a', incarnation: 2 });
    expect(driver.effectsOfKind('connectionEnded')).toMatchObject([
      { client: 'c', home: 'a', reason: 'homeLost' },
    ]);
    expect(driver.state.session('c')?.home).toBeNull();
    // The home is still running. The commands of this home for that connection are void.
    expect(driver.close('a', 'c')).toEqual({ kind: 'void' });
  });

  test('keeps connections that opened after the leader proposed the `lost` command', () => {
    const driver = new StateDriver();
    driver.start('a');
    driver.connect('a', 'before');
    const epochMax = driver.state.session('before')?.epoch ?? 0;
    driver.connect('a', 'since');
    driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1, epochMax });
    expect(driver.state.session('before')?.home).toBeNull();
    expect(driver.state.session('since')?.home).not.toBeNull();
  });
});

describe('settings and versions', () => {
  test('the state ignores an invalid value of a setting and raises an alarm', () => {
    const driver = new StateDriver();
    driver.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 5, sessionsMax: -1, retainedMax: 1.5, incomingMax: Infinity },
    });
    expect(driver.effectsOfKind('alarm')).toHaveLength(3);
    expect(driver.state.settings).toMatchObject({
      queuedMessagesMax: 5,
      sessionsMax: 100_000,
      incomingMax: 100,
    });
  });

  test('the semantics version increases only by one and never decreases', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'semantics', version: 2 }, { kind: 'semantics', version: 1 });
    expect(driver.state.semantics).toBe(2);
    expect(driver.effectsOfKind('alarm')).toEqual([]);
    driver.propose('a', { kind: 'semantics', version: 99 });
    expect(driver.state.semantics).toBe(2);
    expect(driver.effectsOfKind('alarm')).toHaveLength(1);
  });

  test('cluster time never decreases, and the state applies an entry with any stamp', () => {
    const driver = new StateDriver();
    driver.advanceTime(500);
    for (const timeMs of [0, -5, Number.NaN, 1_499.9]) {
      driver.state.apply(driver.state.index + 1, timeMs, null);
      expect(driver.state.timeMs).toBe(1_500);
    }
    driver.state.apply(driver.state.index + 1, Infinity, null);
    expect(Number.isSafeInteger(driver.state.timeMs)).toBe(true);
  });
});
