import { accessSemantics } from '@mqtt-cluster/contracts';
import type { PublishCommand, QoS, SettingsChange } from '@mqtt-cluster/contracts';
import { publishCommand, StateDriver, willOf } from '../support/state-driver.ts';

function driverWith(settings: SettingsChange): StateDriver {
  const driver = new StateDriver().raiseSemantics(accessSemantics);
  driver.propose('a', { kind: 'settings', settings });
  return driver;
}

function retain(client: string, topic: string, payload: string, qos: QoS = 1): PublishCommand {
  return publishCommand(topic, payload, qos, { client, retain: true });
}

function outcome(driver: StateDriver, command: PublishCommand): string {
  const result = driver.applyOne('a', command);
  return result.kind === 'published' ? result.outcome : result.kind;
}

describe('bounds on retained messages', () => {
  test('one client with large retained messages fills its own bound and no other publisher is refused', () => {
    const driver = driverWith({ retainedBytesMax: 300_000, userRetainedBytesMax: 100_000 });
    const large = 'x'.repeat(20_000);
    const outcomes = ['1', '2', '3', '4', '5', '6'].map((topic) =>
      outcome(driver, retain('greedy', topic, large)),
    );
    expect(outcomes).toEqual([
      ...Array.from({ length: 4 }, () => 'applied'),
      'quotaExceeded',
      'quotaExceeded',
    ]);
    expect(driver.state.counts().retainedBytes).toBeLessThan(100_000);
    expect(outcome(driver, retain('modest', 'm', 'value'))).toBe('applied');
  });

  test('a retained message of the same size replaces the one of its topic at the bound, and a clear makes room', () => {
    const driver = driverWith({ userRetainedBytesMax: 3_000 });
    for (const topic of ['1', '2', '3']) driver.propose('a', retain('c', topic, 'x'.repeat(1_000)));
    expect(driver.state.counts().retained).toBe(2);
    expect(outcome(driver, retain('c', '1', 'y'.repeat(1_000)))).toBe('applied');
    expect(outcome(driver, retain('c', '1', 'y'.repeat(2_000)))).toBe('quotaExceeded');
    expect(outcome(driver, retain('c', '1', ''))).toBe('applied');
    expect(outcome(driver, retain('c', '3', 'x'.repeat(1_000)))).toBe('applied');
  });

  test('one client can set at most nine tenths of the number of retained messages', () => {
    const driver = driverWith({ retainedMax: 20 });
    const topics = Array.from({ length: 20 }, (_, number) => `t/${number}`);
    const outcomes = topics.map((topic) => outcome(driver, retain('greedy', topic, 'x')));
    expect(outcomes.filter((each) => each === 'applied')).toHaveLength(18);
    expect(outcome(driver, retain('modest', 'm', 'x'))).toBe('applied');
  });

  test('a QoS 0 message that is not retained at the bound is counted and reaches the subscribers', () => {
    const driver = driverWith({ retainedMax: 1 });
    driver.propose('a', retain('c', 'first', 'x'));
    driver.propose('a', retain('c', 'second', 'y', 0));
    expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'retainedLimit', count: 1 }]);
    expect(driver.published()).toEqual(['y']);
    expect(driver.retained('#')).toEqual(['first=x']);
  });

  test('a will at the bound is published and not retained', () => {
    const driver = driverWith({ retainedMax: 1 });
    driver.propose('a', retain('c', 'first', 'x'));
    driver.connect('a', 'subscriber', {}, 'w');
    driver.connect('a', 'mortal', { will: willOf({ retain: true }) });
    driver.close('a', 'mortal', false);
    expect(driver.queued('subscriber')).toEqual(['gone']);
    expect(driver.effectsOfKind('dropped')).toMatchObject([{ reason: 'retainedLimit' }]);
    expect(driver.retained('#')).toEqual(['first=x']);
  });

  test('the topics of deleted retained messages are bounded in bytes', () => {
    const driver = driverWith({});
    const topic = (number: number): string => `${number}/${'x'.repeat(60_000)}`;
    const clears = Array.from({ length: 170 }, (_, number) => {
      const message = { topic: topic(number), payload: new Uint8Array(0), qos: 1, retain: true } as const;
      return { kind: 'publish', client: 'c', message } as const;
    });
    driver.propose('a', ...clears);
    expect(driver.state.encode().length).toBeLessThan(9 * 1024 * 1024);
  });
});
