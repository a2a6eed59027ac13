import { accessSemantics, defaultSettings } from '@mqtt-cluster/contracts';
import type { SettingsChange } from '@mqtt-cluster/contracts';
import { StateDriver } from '../support/state-driver.ts';

const longFilter = (number: number): string => `${'x'.repeat(5_000)}/${number}`;

function driverWith(settings: SettingsChange): StateDriver {
  const driver = new StateDriver().raiseSemantics(accessSemantics);
  driver.propose('a', { kind: 'settings', settings });
  return driver;
}

/** Subscribes to one filter. @returns the SUBACK code */
function code(driver: StateDriver, client: string, filter: string): number | undefined {
  const result = driver.subscribe('a', client, filter);
  return result.kind === 'subscribed' ? result.codes[0] : undefined;
}

describe('bounds on filters', () => {
  test('one client with thousands of filters of 50 KB fills neither the members nor the bound of others', () => {
    // The attack that took a gigabyte of each member: 3,750 filters of 50 KB, against the default bounds.
    const driver = driverWith({});
    driver.connect('a', 'greedy');
    const { sessionSubscriptionBytesMax } = defaultSettings;
    const filter = (number: number): string => `${'x'.repeat(50_000)}/${number}`;
    const codes: number[] = [];
    for (let first = 0; first < 3_750; first += 375) {
      const filters = Array.from({ length: 375 }, (_, number) => filter(first + number));
      const result = driver.subscribe('a', 'greedy', ...filters);
      if (result.kind === 'subscribed') codes.push(...result.codes);
    }
    expect(codes).toHaveLength(3_750);
    const granted = codes.indexOf(0x97);
    expect(granted).toBeGreaterThan(0);
    expect(granted * 50_000).toBeLessThan(sessionSubscriptionBytesMax);
    expect(codes.slice(granted).every((each) => each === 0x97)).toBe(true);
    expect(driver.state.counts().subscriptionBytes).toBeLessThan(sessionSubscriptionBytesMax);
    driver.connect('a', 'modest');
    expect(code(driver, 'modest', 'a/b/c')).toBe(2);
  });

  test('one client cannot take more filters than the bound on their number', () => {
    const driver = driverWith({ sessionSubscriptionsMax: 3 });
    driver.connect('a', 'c');
    const filters = ['a', 'b', '$share/g/c', 'd', 'e'];
    expect(filters.map((filter) => code(driver, 'c', filter))).toEqual([2, 2, 2, 0x97, 0x97]);
    expect(driver.state.counts().subscriptions).toBe(3);
  });

  test('a filter that the session already has is granted at the bound, and UNSUBSCRIBE makes room', () => {
    const driver = driverWith({ sessionSubscriptionsMax: 1 });
    const epoch = driver.connect('a', 'c', {}, 'a');
    expect([code(driver, 'c', 'a'), code(driver, 'c', 'b')]).toEqual([2, 0x97]);
    driver.propose('a', { kind: 'unsubscribe', client: 'c', epoch, filters: ['a'] });
    expect(code(driver, 'c', 'b')).toBe(2);
  });

  test('one client can use at most nine tenths of the bytes of all filters', () => {
    const driver = driverWith({ subscriptionBytesMax: 30_000 });
    driver.connect('a', 'greedy');
    const filter = (number: number): string => `${number}${'x'.repeat(900)}`;
    const codes = Array.from({ length: 40 }, (_, number) => code(driver, 'greedy', filter(number)));
    expect(codes.filter((each) => each === 2).length).toBeGreaterThan(17);
    expect(driver.state.counts().subscriptionBytes).toBeLessThanOrEqual(28_000);
    driver.connect('a', 'modest');
    expect(code(driver, 'modest', filter(1_000))).toBe(2);
  });

  test('the sum counts the nodes of equal filters once and ends at zero', () => {
    const driver = driverWith({});
    for (const client of ['c', 'd']) driver.connect('a', client, {}, 'a/b/+/c/#', '$share/g/a/b');
    const { subscriptionBytes } = driver.state.counts();
    driver.connect('a', 'e', {}, 'a/b/+/c/#');
    expect(driver.state.counts().subscriptionBytes - subscriptionBytes).toBeLessThan(300);
    for (const client of ['c', 'd', 'e']) driver.connect('a', client, { clean: true });
    expect(driver.state.counts()).toMatchObject({ subscriptions: 0, subscriptionBytes: 0 });
  });

  test('older semantics versions grant every valid filter', () => {
    const driver = new StateDriver().raiseSemantics(accessSemantics - 1);
    driver.connect('a', 'c');
    const codes = Array.from({ length: 40 }, (_, number) => code(driver, 'c', longFilter(number)));
    expect(codes.every((each) => each === 2)).toBe(true);
  });
});
