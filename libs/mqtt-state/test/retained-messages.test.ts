import { tombstonesMax } from '../src/topics/retained-messages.ts';
import { publishCommand, StateDriver } from './support/state-driver.ts';

const retain = { retain: true };

describe('retained messages', () => {
  test('have the payload of the last log entry for their topic, and are not restored after their deletion', () => {
    const driver = new StateDriver();
    driver.propose('a', publishCommand('x', 'one', 1, retain));
    driver.propose('g', publishCommand('x', 'two', 0, retain));
    expect(driver.retained('x')).toEqual(['x=two']);
    driver.propose('g', publishCommand('x', '', 1, retain));
    expect(driver.retained('#')).toEqual([]);
    expect(driver.state.counts().retained).toBe(0);
  });

  test('match filters with empty levels; on $ topics they match only filters that start with $ [3.1.1 MQTT-4.7.2-1] [5.0 MQTT-4.7.2-1]', () => {
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

  test('expire with the first entry after their Message Expiry Interval [5.0 MQTT-3.3.2-5]', () => {
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

  test('are rejected on a new topic when their number has reached the bound, but existing retained messages can still be changed', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'settings', settings: { retainedMax: 1 } });
    driver.propose('a', publishCommand('x', '1', 1, retain));
    expect(driver.applyOne('a', publishCommand('y', '1', 1, retain))).toMatchObject({
      outcome: 'quotaExceeded',
    });
    expect(driver.applyOne('a', publishCommand('x', '2', 1, retain))).toMatchObject({ outcome: 'applied' });
  });

  describe('that an isolated member accepted', () => {
    const since = (driver: StateDriver): { retain: true; isolatedSince: number } => ({
      retain: true,
      isolatedSince: driver.state.index,
    });

    test('do not change a topic whose retained message was deleted, set or has expired since the member became isolated', () => {
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

    test('replace retained messages that the same store accepted while isolated, but not those of another store', () => {
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

    test('do not set the retained message of a cleared topic whose tombstone was discarded', () => {
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
