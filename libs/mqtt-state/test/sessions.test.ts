import { openCommand, publishCommand, World } from './support/state-driver.ts';

const will = { topic: 'wills', payload: new TextEncoder().encode('gone'), qos: 1, retain: false } as const;

describe('sessions', () => {
  test('[MQTT-3.2.2-2] session present also without subscriptions, at any member', () => {
    const world = new World();
    expect(world.one('a', openCommand('c'))).toMatchObject({ kind: 'opened', sessionPresent: false });
    world.close('a', 'c');
    expect(world.one('b', openCommand('c'))).toMatchObject({ kind: 'opened', sessionPresent: true });
  });

  test('[MQTT-3.1.2-4] clean forgets subscriptions and queue', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.close('a', 'c');
    world.propose('a', publishCommand('t', 'one'));
    expect(world.queued('c')).toEqual(['one']);
    expect(world.one('b', openCommand('c', { clean: true }))).toMatchObject({ sessionPresent: false });
    expect(world.ofKind('sessionEnded')).toHaveLength(1);
    world.propose('a', publishCommand('t', 'two'));
    expect(world.queued('c')).toEqual([]);
    expect(world.state.counts()).toMatchObject({ queuedMessages: 0, queuedBytes: 0, subscriptions: 0 });
  });

  test('a session without expiry ends with its connection', () => {
    const world = new World();
    world.connect('a', 'c', { clean: true, expirySeconds: 0 });
    expect(world.state.session('c')?.clean).toBe(true);
    world.close('a', 'c');
    expect(world.state.session('c')).toBeUndefined();
    expect(world.effects.map((effect) => effect.kind)).toEqual([
      'connectionEnded',
      'sessionEnded',
      'batchApplied',
    ]);
  });

  test('[MQTT-3.1.4-3] [MQTT-3.1.3-9] takeover: the earlier connection ends, its will never fires', () => {
    const world = new World();
    const epoch = world.connect('a', 'c', { will: { ...will, delaySeconds: 0 } });
    const later = world.connect('b', 'c');
    expect(later).toBeGreaterThan(epoch);
    const [ended] = world.ofKind('connectionEnded');
    expect(ended).toMatchObject({ epoch, home: 'a', incarnation: 1, reason: 'takenOver' });
    world.pass(10_000_000);
    expect(world.ofKind('willFired')).toEqual([]);
    expect(world.state.session('c')?.home).toMatchObject({ member: 'b' });
    expect([...world.state.connectedAt('a')]).toEqual([]);
  });

  test('trace 4: what a late home proposes for an old epoch is void', () => {
    const world = new World();
    const old = { client: 'c', epoch: world.connect('a', 'c', {}, 't') };
    world.connect('b', 'c');
    world.propose('b', publishCommand('t', 'kept'));
    const before = world.queued('c');
    const { number } = world.items('c')[0] ?? { number: 0 };
    const results = world.propose(
      'a',
      { kind: 'close', ...old, graceful: true },
      { kind: 'subscribe', ...old, subscriptions: [{ filter: 'x', qos: 1 }] },
      { kind: 'unsubscribe', ...old, filters: ['t'] },
      { kind: 'release', ...old, packetId: 1 },
      { kind: 'progress', sessions: [{ ...old, done: [number] }] },
      publishCommand('t', 'exactly once', 2, { ...old, packetId: 7 }),
      publishCommand('t', 'at least once', 1, old),
    );
    expect(results.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 6 }, () => 'void'),
      'published',
    ]);
    expect(world.state.session('c')?.home).toMatchObject({ member: 'b' });
    expect([...(world.state.session('c')?.subscriptions.keys() ?? [])]).toEqual(['t']);
    // A QoS 1 message that was acknowledged is never void.
    expect(world.queued('c')).toEqual([...before, 'at least once']);
  });

  test('trace 9: the session is reopened before its end is due', () => {
    const world = new World();
    world.connect('a', 'c', { expirySeconds: 10 }, 't');
    world.close('a', 'c');
    expect(world.state.nextDeadline()).toBe(world.timeMs + 10_000);
    world.pass(9_999);
    expect(world.one('b', openCommand('c', { expirySeconds: 10 }))).toMatchObject({ sessionPresent: true });
    world.pass(60_000);
    expect(world.state.session('c')).toBeDefined();
    world.close('b', 'c');
    world.pass(10_000);
    expect(world.effects).toContainEqual({ kind: 'sessionEnded', client: 'c' });
    expect(world.state.nextDeadline()).toBeNull();
  });

  test('trace 9: reopened by the very entry before which the end is due: the end comes first', () => {
    const world = new World();
    world.connect('a', 'c', { expirySeconds: 10 }, 't');
    world.close('a', 'c');
    world.timeMs += 10_000;
    expect(world.one('b', openCommand('c'))).toMatchObject({ sessionPresent: false });
  });

  test('a session may never expire, and the cluster may bound it', () => {
    const world = new World();
    world.connect('a', 'for-ever', { expirySeconds: 0xffffffff });
    world.close('a', 'for-ever');
    world.propose('a', { kind: 'settings', settings: { sessionExpirySecondsMax: 5 } });
    world.connect('a', 'bounded', { expirySeconds: 0xffffffff });
    world.close('a', 'bounded');
    world.pass(1_000_000_000);
    expect(world.state.session('for-ever')).toBeDefined();
    expect(world.state.session('bounded')).toBeUndefined();
  });

  test('DISCONNECT may change the expiry', () => {
    const world = new World();
    const epoch = world.connect('a', 'c');
    world.propose('a', { kind: 'close', client: 'c', epoch, graceful: true, expirySeconds: 0 });
    expect(world.state.session('c')).toBeUndefined();
  });

  test('beyond the most sessions a new one is refused, a known one is not', () => {
    const world = new World();
    world.propose('a', { kind: 'settings', settings: { sessionsMax: 1 } });
    world.connect('a', 'c');
    world.close('a', 'c');
    expect(world.one('a', openCommand('d'))).toEqual({ kind: 'refused', reason: 'quotaExceeded' });
    expect(world.one('a', openCommand('c', { clean: true })).kind).toBe('opened');
  });

  test('trace 12: adopted only if the client has no session anywhere', () => {
    const world = new World();
    const adopted = openCommand('c', { clean: true, expirySeconds: 0, adopt: true });
    expect(world.one('a', adopted).kind).toBe('opened');
    expect(world.one('b', adopted)).toEqual({ kind: 'refused', reason: 'elsewhere' });
    expect(world.state.session('c')?.home).toMatchObject({ member: 'a' });
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])(
    'client id %j is like any other',
    (client) => {
      const world = new World();
      expect(world.state.session(client)).toBeUndefined();
      world.connect('a', client, {}, '__proto__/constructor', 'prototype');
      world.propose('a', publishCommand('__proto__/constructor', 'x', 1, { retain: true }));
      expect(world.queued(client)).toEqual(['x']);
      expect(world.retained('__proto__/+')).toEqual(['__proto__/constructor=x']);
      expect(world.retained('constructor')).toEqual([]);
    },
  );
});
