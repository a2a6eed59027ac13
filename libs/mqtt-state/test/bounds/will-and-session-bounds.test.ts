import { accessSemantics, defaultSettings } from '@mqtt-cluster/contracts';
import type { ConnectionAccess, SettingsChange } from '@mqtt-cluster/contracts';
import { bytes, openCommand, publishCommand, StateDriver, willOf } from '../support/state-driver.ts';

function driverWith(settings: SettingsChange): StateDriver {
  const driver = new StateDriver().raiseSemantics(accessSemantics);
  driver.propose('a', { kind: 'settings', settings });
  return driver;
}

const largeWill = willOf({ payload: bytes('x'.repeat(6_000)) });
const refused = { kind: 'refused', reason: 'quotaExceeded' };

describe('bounds on wills', () => {
  test('thousands of wills of 60 KB do not exceed the bound of all wills, and a client without a will connects', () => {
    // The attack that took 110 MB of each member, against the default bounds.
    const driver = driverWith({});
    const { willBytesMax } = defaultSettings;
    const will = willOf({ payload: bytes('x'.repeat(60_000)) });
    const results = Array.from({ length: 10 }, (_, batch) => {
      const commands = Array.from({ length: 200 }, (_each, number) =>
        openCommand(`c${batch}-${number}`, { will }),
      );
      return driver.propose('a', ...commands);
    }).flat();
    expect(results).toHaveLength(2_000);
    const opened = results.filter(({ kind }) => kind === 'opened').length;
    expect(opened).toBeGreaterThan(0);
    expect(opened * 60_000).toBeLessThanOrEqual(willBytesMax);
    expect(results.slice(opened)).toEqual(results.slice(opened).map(() => refused));
    expect(driver.state.counts().willBytes).toBeLessThanOrEqual(willBytesMax);
    expect(driver.applyOne('a', openCommand('without')).kind).toBe('opened');
  });

  test('a will above the bound of one connection is refused', () => {
    const driver = driverWith({ sessionWillBytesMax: 5_000 });
    expect(driver.applyOne('a', openCommand('c', { will: largeWill }))).toEqual(refused);
    expect(driver.state.session('c')).toBeUndefined();
  });

  test('a client returns with the same will when all wills use the bound', () => {
    const driver = driverWith({ willBytesMax: 7_000 });
    driver.connect('a', 'c', { will: largeWill });
    expect(driver.applyOne('a', openCommand('d', { will: largeWill }))).toEqual(refused);
    expect(driver.applyOne('b', openCommand('c', { will: largeWill })).kind).toBe('opened');
    driver.close('b', 'c');
    driver.connect('a', 'c', { clean: true });
    expect(driver.state.counts().willBytes).toBe(0);
  });
});

describe('bounds on sessions', () => {
  test('the bound on sessions holds for clients without a user together', () => {
    const driver = driverWith({ sessionsMax: 3 });
    const kinds = ['1', '2', '3', '4'].map((client) => driver.applyOne('a', openCommand(client)).kind);
    expect(kinds).toEqual(['opened', 'opened', 'opened', 'refused']);
    expect(driver.applyOne('a', openCommand('1')).kind).toBe('opened');
  });
});

describe('bounds on the sessions of one user or address', () => {
  const at = (address: string, user?: string): ConnectionAccess => ({
    source: user === undefined ? 'anonymous' : 'jwt',
    ...(user !== undefined && { user }),
    address,
    listener: 'default',
  });
  const open = (driver: StateDriver, client: string, access: ConnectionAccess): string =>
    driver.applyOne('a', openCommand(client, { access })).kind;
  const openMany = (driver: StateDriver, count: number, access: ConnectionAccess): number =>
    Array.from({ length: count }, (_, number) => open(driver, `${access.address}-${number}`, access)).filter(
      (kind) => kind === 'opened',
    ).length;

  test('one user cannot open more sessions than the bound of one user, and another user is not affected', () => {
    const driver = driverWith({ userSessionsMax: 3 });
    expect(openMany(driver, 5, at('192.0.2.1', 'greedy'))).toBe(3);
    expect(open(driver, 'modest', at('192.0.2.2', 'modest'))).toBe('opened');
    expect(open(driver, '192.0.2.1-0', at('192.0.2.3', 'greedy'))).toBe('opened');
  });

  test('anonymous clients of one address use at most nine tenths of the sessions, and newcomers get in', () => {
    const driver = driverWith({ sessionsMax: 20 });
    expect(openMany(driver, 30, at('192.0.2.1'))).toBe(18);
    expect(open(driver, 'newcomer', at('192.0.2.2'))).toBe('opened');
    driver.connect('a', '192.0.2.1-0', { clean: true, expirySeconds: 0, access: at('192.0.2.1') });
    driver.close('a', '192.0.2.1-0');
    expect(openMany(driver, 3, at('192.0.2.1'))).toBe(3);
    expect(open(driver, 'again', at('192.0.2.1'))).toBe('refused');
    expect(driver.state.counts().sessions).toBe(19);
  });

  test('the sessions of one user share the bounds, and a message in several of their queues counts once', () => {
    const driver = driverWith({ userQueueMemoryMax: 22_000 });
    for (const client of ['c', 'd', 'e', 'f']) {
      driver.connect('a', client, { access: at('192.0.2.1', 'user') }, 'all', client);
      driver.close('a', client);
    }
    for (let number = 0; number < 10; number++) driver.propose('a', publishCommand('all', 'x'.repeat(1_000)));
    expect(driver.effectsOfKind('dropped')).toEqual([]);
    for (const client of ['c', 'd', 'e', 'f'])
      for (let number = 0; number < 10; number++)
        driver.propose('a', publishCommand(client, 'x'.repeat(1_000)));
    expect(driver.state.counts().queueMemory).toBeLessThanOrEqual(22_000);
  });

  test('a session that gets its first user moves everything to the account of the user', () => {
    const driver = driverWith({ userSessionsMax: 2 });
    driver.connect('a', 'c', { will: largeWill }, 'c');
    driver.close('a', 'c');
    driver.propose('a', publishCommand('c', 'x'));
    driver.connect('a', 'c', { access: at('192.0.2.1', 'user') });
    driver.connect('a', 'd', { access: at('192.0.2.1', 'user') });
    expect(open(driver, 'e', at('192.0.2.1', 'user'))).toBe('refused');
    for (const client of ['c', 'd'])
      driver.connect('a', client, { clean: true, expirySeconds: 0, access: at('192.0.2.1', 'user') });
    expect(driver.state.counts()).toMatchObject({ queueMemory: 0, subscriptionBytes: 0, willBytes: 0 });
  });
});
