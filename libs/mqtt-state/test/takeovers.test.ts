import { conformanceSemantics, handoverSemantics } from '@mqtt-cluster/contracts';
import { bytes, openCommand, publishCommand, StateDriver, willOf } from './support/state-driver.ts';

function newDriver(): StateDriver {
  return new StateDriver().raiseSemantics(conformanceSemantics);
}

/** Connects a client with a will at member a, then the same client at member b. @returns the first epoch */
function takeOver(
  driver: StateDriver,
  first: Parameters<typeof openCommand>[1],
  second: Parameters<typeof openCommand>[1] = {},
): number {
  const epoch = driver.connect('a', 'c', first);
  driver.connect('b', 'c', second);
  return epoch;
}

describe('the will of a connection that was taken over', () => {
  test.each([
    ['without a delay', { will: willOf() }, {}],
    [
      'with a delay, if Clean Start ends the session',
      { will: willOf({ delaySeconds: 20 }) },
      { clean: true },
    ],
    [
      'with a delay, if the session ends with its connection',
      { will: willOf({ delaySeconds: 20 }), expirySeconds: 0 },
      {},
    ],
    [
      'of a clean session',
      { will: willOf(), clean: true, expirySeconds: 0 },
      { clean: true, expirySeconds: 0 },
    ],
  ])(
    '%s is published once, when the former home reports that the client sent no DISCONNECT [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8]',
    (_, first, second) => {
      const driver = newDriver();
      driver.connect('d', 's', {}, 'w');
      const epoch = takeOver(driver, first, second);
      expect(driver.state.session('c')?.takenOver).toMatchObject({ epoch, home: { member: 'a' } });
      expect(driver.effectsOfKind('willFired')).toEqual([]);
      const close = { kind: 'close', client: 'c', epoch, graceful: false } as const;
      expect(driver.applyOne('a', close)).toEqual({ kind: 'done' });
      expect(driver.effectsOfKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: true }]);
      expect(driver.effects).toContainEqual({ kind: 'takeoverSettled', client: 'c' });
      expect(driver.state.session('c')).toMatchObject({ takenOver: null, home: { member: 'b' } });
      // The new home gave up waiting and reports as well.
      expect(driver.applyOne('b', close)).toEqual({ kind: 'void' });
      driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
      driver.advanceTime(10_000_000);
      expect(driver.queued('s')).toEqual(['gone']);
    },
  );

  test('is discarded if the client sent DISCONNECT, although the `close` follows the `open` in the log [3.1.1 MQTT-3.1.2-10] [5.0 MQTT-3.14.4-3]', () => {
    const driver = newDriver();
    const epoch = takeOver(driver, { will: willOf() });
    driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: true });
    expect(driver.effects).toContainEqual({ kind: 'takeoverSettled', client: 'c' });
    driver.advanceTime(10_000_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    expect(driver.state.session('c')?.takenOver).toBeNull();
  });

  test('is not published if it has a delay and the session goes on [5.0 MQTT-3.1.3-9]', () => {
    const driver = newDriver();
    const epoch = takeOver(driver, { will: willOf({ delaySeconds: 20 }) });
    expect(driver.state.session('c')?.takenOver).toBeNull();
    driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: false });
    driver.advanceTime(10_000_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });

  test('has the QoS, the RETAIN flag and the properties of CONNECT [3.1.1 MQTT-3.1.2-17] [5.0 MQTT-3.1.2-15]', () => {
    const driver = newDriver();
    driver.connect('d', 's', {}, 'w');
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 9,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: bytes('17'),
      userProperties: [['unit', 'bar'] as const],
    };
    const epoch = takeOver(driver, { will: willOf({ qos: 2, retain: true, properties }) });
    driver.timeMs += 5_000;
    driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: false });
    const message = { topic: 'w', qos: 2, retain: true, properties, expiresAt: driver.timeMs + 9_000 };
    expect(driver.effectsOfKind('published')).toMatchObject([{ message }]);
    expect(driver.items('s')).toMatchObject([{ qos: 2, message }]);
    expect(driver.retained('w')).toEqual(['w=gone']);
  });

  test('stays the will of the connection that received CONNACK if a third connection takes over before the report', () => {
    const driver = newDriver();
    driver.connect('d', 's', {}, 'w');
    const epoch = takeOver(driver, { will: willOf({ payload: bytes('first') }) }, { will: willOf() });
    driver.connect('d', 'c');
    expect(driver.state.session('c')?.takenOver).toMatchObject({ epoch, home: { member: 'a' } });
    driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: false });
    expect(driver.queued('s')).toEqual(['first']);
  });

  test('is discarded if the new connection ends before the report', () => {
    const driver = newDriver();
    const epoch = takeOver(driver, { will: willOf() });
    driver.propose('d', { kind: 'lost', member: 'b', incarnation: 1 });
    expect(driver.state.session('c')?.takenOver).toBeNull();
    expect(driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: false }).kind).toBe('void');
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });

  test('is deleted, as by older programs, before the semantics version of the standard is in force', () => {
    const driver = new StateDriver().raiseSemantics(conformanceSemantics - 1);
    const epoch = takeOver(driver, { will: willOf() });
    expect(driver.state.session('c')?.takenOver).toBeNull();
    expect(driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: false }).kind).toBe('void');
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });
});

describe('a will whose delay is running', () => {
  const delayed = { will: willOf({ delaySeconds: 20 }), expirySeconds: 300 };

  test('is due at once when Clean Start ends the session [5.0 MQTT-3.1.2-8]', () => {
    const driver = newDriver();
    driver.connect('d', 's', {}, 'w');
    driver.connect('a', 'c', delayed);
    driver.close('a', 'c', false);
    driver.advanceTime(500);
    expect(driver.queued('s')).toEqual([]);
    driver.applyOne('b', openCommand('c', { clean: true, will: willOf({ payload: bytes('next') }) }));
    expect(driver.effectsOfKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: true }]);
    expect(driver.queued('s')).toEqual(['gone']);
    driver.close('b', 'c', true);
    driver.advanceTime(10_000_000);
    expect(driver.queued('s')).toEqual(['gone']);
  });

  test('is deleted when the client resumes its session [5.0 MQTT-3.1.3-9]', () => {
    const driver = newDriver();
    driver.connect('a', 'c', delayed);
    driver.close('a', 'c', false);
    driver.advanceTime(500);
    expect(driver.applyOne('b', openCommand('c'))).toMatchObject({ sessionPresent: true });
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    driver.close('b', 'c', false);
    driver.advanceTime(10_000_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });
});

describe('a session that ends with its connection', () => {
  test.each(['a', 'b'])(
    'is not present for the next CONNECT at member %s, although the `close` is not yet applied [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-3] [5.0 MQTT-3.2.2-3]',
    (member) => {
      const driver = newDriver();
      const epoch = driver.connect('a', 'c', { clean: true, expirySeconds: 0 }, '$share/g/t');
      driver.connect('d', 'other', { receiveMaximum: 1 }, '$share/g/t');
      for (const payload of ['1', '2']) driver.propose('d', publishCommand('t', payload, 1));
      const shares = [driver.queued('c'), driver.queued('other')];
      expect(shares.map(({ length }) => length)).toEqual([1, 1]);
      expect(driver.applyOne(member, openCommand('c'))).toMatchObject({ sessionPresent: false });
      expect(driver.effects.map(({ kind }) => kind)).toContain('sessionEnded');
      expect(driver.state.session('c')).toMatchObject({ queuedMessages: 0, expirySeconds: 3_600 });
      expect(driver.state.session('c')?.subscriptions.size).toBe(0);
      // MQTT 5, 4.8.2: another client of the shared subscription gets the messages of the ended session.
      expect(driver.queued('other').sort()).toEqual(['1', '2']);
      expect(driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: true }).kind).toBe('void');
      expect(driver.state.session('c')).toBeDefined();
    },
  );

  test('is present before the semantics version of the standard is in force', () => {
    const driver = new StateDriver().raiseSemantics(conformanceSemantics - 1);
    driver.connect('a', 'c', { clean: true, expirySeconds: 0 });
    expect(driver.applyOne('b', openCommand('c'))).toMatchObject({ sessionPresent: true });
  });
});

describe('the granted Session Expiry Interval', () => {
  test('is the requested one, or the bound of the cluster if that is shorter [5.0 3.2.2.3.2]', () => {
    const driver = newDriver();
    driver.propose('a', { kind: 'settings', settings: { sessionExpirySecondsMax: 100 } });
    const granted = [5, 100, 0xffffffff].map((expirySeconds) =>
      driver.applyOne('a', openCommand('c', { expirySeconds })),
    );
    expect(granted).toMatchObject([{ expirySeconds: 5 }, { expirySeconds: 100 }, { expirySeconds: 100 }]);
  });
});

describe('a session that begins anew because the former connection has ended it', () => {
  /** The home of the new connection restarts, and then the former home reports the end of the session. */
  function endedByFormerHome(semantics: number): StateDriver {
    const driver = new StateDriver().raiseSemantics(semantics);
    driver.connect('d', 's', {}, 'w');
    const epoch = takeOver(driver, {}, { will: willOf(), expirySeconds: 600 });
    driver.start('b');
    driver.advanceTime(1_000);
    driver.applyOne('a', { kind: 'close', client: 'c', epoch, graceful: true, expirySeconds: 0 });
    expect(driver.effects).toContainEqual({ kind: 'takeoverSettled', client: 'c', sessionEnded: true });
    return driver;
  }

  test('stays an orphan of its restarted home: its will is published at the deadline of the orphan (P6)', () => {
    const driver = endedByFormerHome(handoverSemantics);
    expect(driver.state.session('c')).toMatchObject({ home: { member: 'b' }, connected: false });
    const { orphanGraceMs } = driver.state.settings;
    driver.advanceTime(orphanGraceMs - 1_001);
    expect(driver.queued('s')).toEqual([]);
    driver.advanceTime(1);
    expect(driver.effectsOfKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: false }]);
    expect(driver.queued('s')).toEqual(['gone']);
    driver.advanceTime(600_000);
    expect(driver.state.session('c')).toBeUndefined();
  });

  test('looks connected, as with older programs, before the semantics version is in force', () => {
    const driver = endedByFormerHome(handoverSemantics - 1);
    driver.advanceTime(2_000_000);
    expect(driver.state.session('c')).toMatchObject({ home: { member: 'b' }, connected: true });
    // The next restart of the home makes the session an orphan.
    driver.raiseSemantics(handoverSemantics).start('b');
    driver.advanceTime(driver.state.settings.orphanGraceMs);
    expect(driver.queued('s')).toEqual(['gone']);
  });
});
