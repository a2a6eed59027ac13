import { openCommand, StateDriver, willOf } from './support/state-driver.ts';

describe('wills', () => {
  test('are deleted by a graceful end [3.1.1 MQTT-3.14.4-3] [5.0 MQTT-3.14.4-3]', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: willOf() });
    driver.close('a', 'c', true);
    driver.advanceTime(10_000_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    expect(driver.effectsOfKind('published')).toEqual([]);
  });

  test('are published immediately and only once when the home reports an ungraceful end [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8]', () => {
    const driver = new StateDriver();
    driver.connect('a', 's', {}, 'w');
    driver.connect('a', 'c', { will: willOf({ retain: true }) });
    driver.close('a', 'c', false);
    expect(driver.effectsOfKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: true }]);
    expect(driver.effectsOfKind('published')).toMatchObject([
      { member: null, message: { topic: 'w', publisher: 'c' } },
    ]);
    driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    expect(driver.queued('s')).toEqual(['gone']);
    expect(driver.retained('w')).toEqual(['w=gone']);
  });

  test('are published only once when the home dies, also if two leaders propose its `lost` command', () => {
    const driver = new StateDriver();
    const epoch = driver.connect('a', 'c', { will: willOf() });
    driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(driver.effects).toContainEqual({ kind: 'willFired', client: 'c', byHome: false });
    expect(driver.effectsOfKind('connectionEnded')).toMatchObject([
      { client: 'c', epoch, home: 'a', reason: 'homeLost' },
    ]);
    // The next leader proposes the same command again. Then the home restarts.
    driver.propose('d', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    driver.start('a');
    driver.advanceTime(10_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });

  test('are not published if the client connected to another member before the loss', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: willOf() });
    driver.connect('b', 'c');
    driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    driver.start('a');
    driver.advanceTime(10_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    expect(driver.state.session('c')?.home).toMatchObject({ member: 'b' });
  });

  test.each([
    [30, 60, 30],
    [60, 30, 30],
  ])(
    'with a delay of %i s and a session expiry of %i s are published after %i s [5.0 MQTT-3.1.2-8]',
    (delaySeconds, expirySeconds, after) => {
      const driver = new StateDriver();
      driver.connect('a', 'c', { will: willOf({ delaySeconds }), expirySeconds });
      driver.close('a', 'c', false);
      driver.advanceTime(after * 1_000 - 1);
      expect(driver.effectsOfKind('willFired')).toEqual([]);
      driver.advanceTime(1);
      expect(driver.effectsOfKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: true }]);
    },
  );

  test.each([false, true])(
    'are not published if the client reconnects during the delay (clean: %p)',
    (clean) => {
      const driver = new StateDriver();
      driver.connect('a', 'c', { will: willOf({ delaySeconds: 30 }) });
      driver.close('a', 'c', false);
      driver.applyOne('b', openCommand('c', { clean }));
      driver.advanceTime(60_000);
      expect(driver.effectsOfKind('willFired')).toEqual([]);
    },
  );

  test('are not published when the Will Delay of an earlier connection of the client is over', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: willOf({ delaySeconds: 30 }) });
    driver.close('a', 'c', false);
    driver.connect('b', 'c', { will: willOf() });
    driver.advanceTime(60_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });

  test('are published immediately, also with a Will Delay, when the session ends with its connection', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: willOf({ delaySeconds: 30 }), expirySeconds: 0 });
    driver.close('a', 'c', false);
    expect(driver.effectsOfKind('willFired')).toHaveLength(1);
  });

  test('are published in the order of their deadlines when one entry publishes several of them', () => {
    const driver = new StateDriver();
    driver.connect('a', 'late', { will: willOf({ delaySeconds: 20 }) });
    driver.connect('a', 'early', { will: willOf({ delaySeconds: 10 }) });
    driver.close('a', 'late', false);
    driver.close('a', 'early', false);
    driver.advanceTime(60_000);
    expect(driver.effectsOfKind('willFired').map(({ client }) => client)).toEqual(['early', 'late']);
  });
});
