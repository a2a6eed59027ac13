import { openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

const will = { topic: 'wills', payload: new TextEncoder().encode('gone'), qos: 1, retain: false } as const;

describe('sessions', () => {
  test('are resumed with Session Present set at any member, also if they have no subscriptions [3.1.1 MQTT-3.2.2-2] [5.0 MQTT-3.2.2-3]', () => {
    const driver = new StateDriver();
    expect(driver.applyOne('a', openCommand('c'))).toMatchObject({ kind: 'opened', sessionPresent: false });
    driver.close('a', 'c');
    expect(driver.applyOne('b', openCommand('c'))).toMatchObject({ kind: 'opened', sessionPresent: true });
  });

  test('have no subscriptions and an empty queue after a clean start [3.1.1 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-4]', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.close('a', 'c');
    driver.propose('a', publishCommand('t', 'one'));
    expect(driver.queued('c')).toEqual(['one']);
    expect(driver.applyOne('b', openCommand('c', { clean: true }))).toMatchObject({ sessionPresent: false });
    expect(driver.effectsOfKind('sessionEnded')).toHaveLength(1);
    driver.propose('a', publishCommand('t', 'two'));
    expect(driver.queued('c')).toEqual([]);
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 0, queuedBytes: 0, subscriptions: 0 });
  });

  test('end with their connection if their expiry is 0', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { clean: true, expirySeconds: 0 });
    expect(driver.state.session('c')?.clean).toBe(true);
    driver.close('a', 'c');
    expect(driver.state.session('c')).toBeUndefined();
    expect(driver.effects.map((effect) => effect.kind)).toEqual([
      'connectionEnded',
      'sessionEnded',
      'batchApplied',
    ]);
  });

  test('end the earlier connection at a takeover, and the `open` alone publishes no will [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3]', () => {
    const driver = new StateDriver();
    const epoch = driver.connect('a', 'c', { will: { ...will, delaySeconds: 0 } });
    const later = driver.connect('b', 'c');
    expect(later).toBeGreaterThan(epoch);
    const [ended] = driver.effectsOfKind('connectionEnded');
    expect(ended).toMatchObject({ epoch, home: 'a', incarnation: 1, reason: 'takenOver' });
    driver.advanceTime(10_000_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    expect(driver.state.session('c')?.home).toMatchObject({ member: 'b' });
    expect([...driver.state.connectedSessions('a')]).toEqual([]);
  });

  test('ignore commands with an old epoch from a former home, but publish QoS 1 messages from that home', () => {
    const driver = new StateDriver();
    const old = { client: 'c', epoch: driver.connect('a', 'c', {}, 't') };
    driver.connect('b', 'c');
    driver.propose('b', publishCommand('t', 'kept'));
    const before = driver.queued('c');
    const { number } = driver.items('c')[0] ?? { number: 0 };
    const results = driver.propose(
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
    expect(driver.state.session('c')?.home).toMatchObject({ member: 'b' });
    expect([...(driver.state.session('c')?.subscriptions.keys() ?? [])]).toEqual(['t']);
    // A QoS 1 message is never void, because it may be acknowledged.
    expect(driver.queued('c')).toEqual([...before, 'at least once']);
  });

  test('do not expire if they are opened again before the Session Expiry Interval is over', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { expirySeconds: 10 }, 't');
    driver.close('a', 'c');
    expect(driver.state.nextDeadline()).toBe(driver.timeMs + 10_000);
    driver.advanceTime(9_999);
    expect(driver.applyOne('b', openCommand('c', { expirySeconds: 10 }))).toMatchObject({
      sessionPresent: true,
    });
    driver.advanceTime(60_000);
    expect(driver.state.session('c')).toBeDefined();
    driver.close('b', 'c');
    driver.advanceTime(10_000);
    expect(driver.effects).toContainEqual({ kind: 'sessionEnded', client: 'c', expired: true });
    expect(driver.state.nextDeadline()).toBeNull();
  });

  test('expire before the `open` of the same entry is applied', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { expirySeconds: 10 }, 't');
    driver.close('a', 'c');
    driver.timeMs += 10_000;
    expect(driver.applyOne('b', openCommand('c'))).toMatchObject({ sessionPresent: false });
  });

  test('never expire if their expiry is 0xFFFFFFFF, unless a cluster setting shortens the expiry', () => {
    const driver = new StateDriver();
    driver.connect('a', 'for-ever', { expirySeconds: 0xffffffff });
    driver.close('a', 'for-ever');
    driver.propose('a', { kind: 'settings', settings: { sessionExpirySecondsMax: 5 } });
    driver.connect('a', 'bounded', { expirySeconds: 0xffffffff });
    driver.close('a', 'bounded');
    driver.advanceTime(1_000_000_000);
    expect(driver.state.session('for-ever')).toBeDefined();
    expect(driver.state.session('bounded')).toBeUndefined();
  });

  test('expire after the Session Expiry Interval of DISCONNECT', () => {
    const driver = new StateDriver();
    const epoch = driver.connect('a', 'c');
    driver.propose('a', { kind: 'close', client: 'c', epoch, graceful: true, expirySeconds: 0 });
    expect(driver.state.session('c')).toBeUndefined();
  });

  test('are rejected for a new client id when the bound on sessions is reached, but not for a known client id', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'settings', settings: { sessionsMax: 1 } });
    driver.connect('a', 'c');
    driver.close('a', 'c');
    expect(driver.applyOne('a', openCommand('d'))).toEqual({ kind: 'refused', reason: 'quotaExceeded' });
    expect(driver.applyOne('a', openCommand('c', { clean: true })).kind).toBe('opened');
  });

  test('are opened by a conditional `open` (adopt) only if the client has no session at another home', () => {
    const driver = new StateDriver();
    const adopted = openCommand('c', { clean: true, expirySeconds: 0, adopt: true });
    expect(driver.applyOne('a', adopted).kind).toBe('opened');
    expect(driver.applyOne('b', adopted)).toEqual({ kind: 'refused', reason: 'elsewhere' });
    expect(driver.state.session('c')?.home).toMatchObject({ member: 'a' });
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])(
    'work for the client id %j',
    (client) => {
      const driver = new StateDriver();
      expect(driver.state.session(client)).toBeUndefined();
      driver.connect('a', client, {}, '__proto__/constructor', 'prototype');
      driver.propose('a', publishCommand('__proto__/constructor', 'x', 1, { retain: true }));
      expect(driver.queued(client)).toEqual(['x']);
      expect(driver.retained('__proto__/+')).toEqual(['__proto__/constructor=x']);
      expect(driver.retained('constructor')).toEqual([]);
    },
  );
});
