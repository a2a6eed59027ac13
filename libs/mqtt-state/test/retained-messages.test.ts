import type { Will } from '@mqtt-cluster/contracts';
import { tombstonesMax } from '../src/topics/retained-messages.ts';
import { bytes, openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

const retain = { retain: true };

describe('retained messages', () => {
  test('trace 8: the last entry wins, whatever the clocks say; a clear stays', () => {
    const driver = new StateDriver();
    driver.propose('a', publishCommand('x', 'one', 1, retain));
    driver.propose('g', publishCommand('x', 'two', 0, retain));
    expect(driver.retained('x')).toEqual(['x=two']);
    driver.propose('g', publishCommand('x', '', 1, retain));
    expect(driver.retained('#')).toEqual([]);
    expect(driver.state.counts().retained).toBe(0);
  });

  test('[MQTT-4.7.2-1] departure 7: empty levels and $ topics', () => {
    const driver = new StateDriver();
    for (const topic of ['a', 'a/', 'a/b', '/a', '$SYS/a', '$SYS', 'b/$x']) {
      driver.propose('a', publishCommand(topic, '1', 1, retain));
    }
    expect(driver.retained('a/+')).toEqual(['a/=1', 'a/b=1']);
    expect(driver.retained('a/#')).toEqual(['a/=1', 'a/b=1', 'a=1']);
    expect(driver.retained('+/a')).toEqual(['/a=1']);
    expect(driver.retained('#')).toEqual(['/a=1', 'a/=1', 'a/b=1', 'a=1', 'b/$x=1']);
    expect(driver.retained('$SYS/#')).toEqual(['$SYS/a=1', '$SYS=1']);
    expect(driver.retained('b/+')).toEqual(['b/$x=1']);
  });

  test('[MQTT-3.3.2-5] expired ones are gone, at the latest with the next entry', () => {
    const driver = new StateDriver();
    driver.propose(
      'a',
      publishCommand('x', '1', 1, { retain: true, properties: { messageExpiryInterval: 1 } }),
    );
    driver.propose(
      'a',
      publishCommand('x', '2', 1, { retain: true, properties: { messageExpiryInterval: 5 } }),
    );
    driver.advanceTime(1_000);
    expect(driver.retained('x')).toEqual(['x=2']);
    driver.advanceTime(4_000);
    expect(driver.retained('x')).toEqual([]);
    expect(driver.state.counts().retained).toBe(0);
  });

  test('one more than the bound is refused; a change of one is not', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'settings', settings: { retainedMax: 1 } });
    driver.propose('a', publishCommand('x', '1', 1, retain));
    expect(driver.applyOne('a', publishCommand('y', '1', 1, retain))).toMatchObject({
      outcome: 'quotaExceeded',
    });
    expect(driver.applyOne('a', publishCommand('x', '2', 1, retain))).toMatchObject({ outcome: 'applied' });
  });

  describe('accepted without a majority (design, section 6)', () => {
    const since = (driver: StateDriver): { retain: true; isolatedSince: number } => ({
      retain: true,
      isolatedSince: driver.state.index,
    });

    test('trace 11: what was cleared, set or has expired meanwhile stays as it is', () => {
      const driver = new StateDriver();
      driver.start('g');
      for (const topic of ['cleared', 'same']) driver.propose('a', publishCommand(topic, 'old', 1, retain));
      const isolated = since(driver);
      driver.propose(
        'a',
        publishCommand('cleared', '', 1, retain),
        publishCommand('set', 'majority', 1, retain),
      );
      const expiring = { retain: true, properties: { messageExpiryInterval: 1 } };
      driver.propose('a', publishCommand('expired', 'majority', 1, expiring));
      driver.advanceTime(1_000);
      for (const topic of ['cleared', 'set', 'expired', 'same', 'new']) {
        driver.propose('g', publishCommand(topic, 'island', 1, isolated));
        expect(driver.published()).toEqual(['island']);
      }
      expect(driver.retained('#')).toEqual(['new=island', 'same=island', 'set=majority']);
    });

    test("its own isolated messages do not stand in each other's way; another store's do", () => {
      const driver = new StateDriver();
      driver.start('g').start('f');
      const isolated = since(driver);
      driver.propose('g', publishCommand('x', 'g1', 1, isolated));
      driver.propose('g', publishCommand('x', 'g2', 1, isolated));
      driver.propose('f', publishCommand('x', 'f1', 1, isolated));
      expect(driver.retained('x')).toEqual(['x=g2']);
      driver.propose('g', publishCommand('x', '', 1, isolated));
      driver.propose('f', publishCommand('x', 'f2', 1, isolated));
      expect(driver.retained('x')).toEqual([]);
    });

    test('clears that are not remembered one by one any more still count', () => {
      const driver = new StateDriver();
      driver.start('g');
      const isolated = since(driver);
      driver.propose('a', publishCommand('first', '', 1, retain));
      const many = Array.from({ length: tombstonesMax }, (_, number) =>
        publishCommand(`t/${number}`, '', 1, retain),
      );
      driver.propose('a', ...many);
      driver.propose('g', publishCommand('first', 'island', 1, isolated));
      expect(driver.retained('first')).toEqual([]);
    });
  });
});

describe('wills', () => {
  const will = (changes: Partial<Will> = {}): Will => ({
    topic: 'w',
    payload: bytes('gone'),
    qos: 1,
    retain: false,
    delaySeconds: 0,
    ...changes,
  });

  test('[MQTT-3.14.4-3] none after a graceful end', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: will() });
    driver.close('a', 'c', true);
    driver.advanceTime(10_000_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    expect(driver.effectsOfKind('published')).toEqual([]);
  });

  test('[MQTT-3.1.2-8] trace 10: one, at once, when the home tells of the loss', () => {
    const driver = new StateDriver();
    driver.connect('a', 's', {}, 'w');
    driver.connect('a', 'c', { will: will({ retain: true }) });
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

  test('trace 10: the home dies: one will, fired once, and the home that wakes is told', () => {
    const driver = new StateDriver();
    const epoch = driver.connect('a', 'c', { will: will() });
    driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(driver.effects).toContainEqual({ kind: 'willFired', client: 'c', byHome: false });
    expect(driver.effectsOfKind('connectionEnded')).toMatchObject([
      { client: 'c', epoch, home: 'a', reason: 'homeLost' },
    ]);
    // The leader that fired died half-way; the next one says it again. Then the home restarts.
    driver.propose('d', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    driver.start('a');
    driver.advanceTime(10_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });

  test('trace 10: the client is back elsewhere before: none', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: will() });
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
  ])('[MQTT-3.1.3-9] delay %i s, expiry %i s: after %i s', (delaySeconds, expirySeconds, after) => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: will({ delaySeconds }), expirySeconds });
    driver.close('a', 'c', false);
    driver.advanceTime(after * 1_000 - 1);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    driver.advanceTime(1);
    expect(driver.effectsOfKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: true }]);
  });

  test.each([false, true])(
    'a delayed will does not fire after the client has come back (clean: %p)',
    (clean) => {
      const driver = new StateDriver();
      driver.connect('a', 'c', { will: will({ delaySeconds: 30 }) });
      driver.close('a', 'c', false);
      driver.applyOne('b', openCommand('c', { clean }));
      driver.advanceTime(60_000);
      expect(driver.effectsOfKind('willFired')).toEqual([]);
    },
  );

  test('the delay of an earlier will does not set off that of the new connection', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: will({ delaySeconds: 30 }) });
    driver.close('a', 'c', false);
    driver.connect('b', 'c', { will: will() });
    driver.advanceTime(60_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
  });

  test('a session that ends with its connection fires its will at once, whatever the delay', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { will: will({ delaySeconds: 30 }), expirySeconds: 0 });
    driver.close('a', 'c', false);
    expect(driver.effectsOfKind('willFired')).toHaveLength(1);
  });

  test('timers that are due together run in the order of their deadlines', () => {
    const driver = new StateDriver();
    driver.connect('a', 'late', { will: will({ delaySeconds: 20 }) });
    driver.connect('a', 'early', { will: will({ delaySeconds: 10 }) });
    driver.close('a', 'late', false);
    driver.close('a', 'early', false);
    driver.advanceTime(60_000);
    expect(driver.effectsOfKind('willFired').map(({ client }) => client)).toEqual(['early', 'late']);
  });
});
