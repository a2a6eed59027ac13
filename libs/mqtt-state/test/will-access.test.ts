import { accessSemantics } from '@mqtt-cluster/contracts';
import type { AccessRule, ConnectionAccess } from '@mqtt-cluster/contracts';
import { StateDriver, willOf } from './support/state-driver.ts';

const place = { address: '10.0.0.1', listener: 'outside' };
const ada: ConnectionAccess = { source: 'cluster', user: 'ada', ...place };
const token: ConnectionAccess = { source: 'jwt', user: 'eve', groups: ['guests'], ...place };
const anonymous: ConnectionAccess = { source: 'anonymous', ...place };

function allow(topic: string, changes: Partial<AccessRule> = {}): AccessRule {
  return { effect: 'allow', actions: ['publish'], topics: [topic], ...changes };
}

function deny(topic: string, changes: Partial<AccessRule> = {}): AccessRule {
  return { ...allow(topic, changes), effect: 'deny' };
}

/** A state with the user ada in the group plant, and with the rules. */
function driverWith(...rules: AccessRule[]): StateDriver {
  const driver = new StateDriver().start('a').raiseSemantics(accessSemantics);
  const users = [{ name: 'ada', passwordHash: '', groups: ['plant'] }];
  driver.propose('a', { kind: 'access', users, rules });
  return driver;
}

/** Ends the connection of `c` without DISCONNECT. @returns whether the will was published */
function isPublished(driver: StateDriver, access: ConnectionAccess | undefined, will = willOf()): boolean {
  driver.connect('a', 'c', { will, clean: true, expirySeconds: 0, ...(access && { access }) });
  driver.close('a', 'c', false);
  const fired = driver.effectsOfKind('willFired').length;
  expect(driver.effectsOfKind('published')).toHaveLength(fired);
  expect(driver.effectsOfKind('dropped')).toEqual(
    fired === 1 ? [] : [{ kind: 'dropped', reason: 'notAuthorized', count: 1 }],
  );
  return fired === 1;
}

describe('a will that is due', () => {
  test.each<[string, AccessRule[], ConnectionAccess, boolean]>([
    ['is published without any rule', [], anonymous, true],
    ['is published when a rule allows it', [allow('w')], anonymous, true],
    ['is discarded when a rule denies it', [deny('w'), allow('#')], anonymous, false],
    ['is discarded when rules exist and no rule matches', [allow('other')], anonymous, false],
    [
      'is published when no rule matches and it was granted',
      [allow('o')],
      { ...token, willGranted: true },
      true,
    ],
    [
      'is discarded when a rule denies it although it was granted',
      [deny('w')],
      { ...token, willGranted: true },
      false,
    ],
    ['is judged by the groups of the user in the state', [allow('w', { groups: ['plant'] })], ada, true],
    ['is judged by the groups of the token', [allow('w', { groups: ['guests'] })], token, true],
    [
      'is not judged by groups that the connection of a cluster user names',
      [allow('w', { groups: ['guests'] })],
      { ...ada, groups: ['guests'] },
      false,
    ],
    ['is judged by the user', [allow('w', { users: ['ada'] })], token, false],
    ['is judged by the client id', [allow('w', { clients: ['c'] })], token, true],
    ['is judged by the address', [allow('w', { addresses: ['10.0.0.0/24'] })], token, true],
    ['is judged by the listener', [allow('w', { listeners: ['inside'] })], token, false],
    ['is discarded when its QoS is above the bound of the rule', [allow('w', { qosMax: 0 })], token, false],
  ])('%s', (_, rules, access, expected) => {
    expect(isPublished(driverWith(...rules), access)).toBe(expected);
  });

  test('is discarded with RETAIN when the rule does not allow RETAIN', () => {
    const driver = driverWith(allow('w', { retain: false }));
    expect(isPublished(driver, token, willOf({ retain: true }))).toBe(false);
    expect(isPublished(driver, token)).toBe(true);
    expect(driver.retained('#')).toEqual([]);
  });

  test('is judged by %u as the topic level of its user', () => {
    const driver = driverWith(allow('users/%u/#'));
    expect(isPublished(driver, token, willOf({ topic: 'users/eve/state' }))).toBe(true);
    expect(isPublished(driver, token, willOf({ topic: 'users/ada/state' }))).toBe(false);
    expect(isPublished(driver, anonymous, willOf({ topic: 'users/eve/state' }))).toBe(false);
  });

  test('is judged as the will of an anonymous client when its home named no user', () => {
    expect(isPublished(driverWith(deny('w')), undefined)).toBe(false);
    expect(isPublished(driverWith(), undefined)).toBe(true);
  });

  /** Each way in which a will becomes due, for a will without and with a delay. */
  const ways: [string, number, (driver: StateDriver) => void][] = [
    ['at the end of its connection', 0, (driver) => driver.close('a', 'c', false)],
    [
      'after its delay',
      30,
      (driver) => {
        driver.close('a', 'c', false);
        driver.advanceTime(30_000);
      },
    ],
    [
      'at the loss of its home',
      0,
      (driver) => driver.propose('b', { kind: 'lost', member: 'a', incarnation: 1 }),
    ],
    [
      'at the end of the grace of orphans',
      0,
      (driver) => {
        driver.start('a');
        driver.advanceTime(10_000);
      },
    ],
    [
      'at the removal of its home',
      0,
      (driver) => {
        driver.propose('b', { kind: 'time' });
        const members = [{ id: 'b', storeId: 'store-b', role: 'voter' as const }];
        driver.effects = driver.state.applyConfig(driver.state.index + 1, { members });
      },
    ],
    [
      'at the report about a takeover',
      0,
      (driver) => {
        const epoch = driver.epoch('c');
        driver.connect('b', 'c', { access: ada });
        driver.propose('a', { kind: 'close', client: 'c', epoch, graceful: false });
      },
    ],
    [
      'at the end of its session',
      30,
      (driver) => {
        driver.close('a', 'c', false);
        driver.connect('b', 'c', { access: ada, clean: true });
      },
    ],
  ];

  test.each(ways)(
    '%s is published when the rules allow it and discarded when they have changed',
    (_, delaySeconds, end) => {
      for (const rules of [[allow('w')], [deny('w')]]) {
        const driver = driverWith(allow('w'));
        driver.connect('a', 'c', { access: ada, will: willOf({ delaySeconds }) });
        driver.propose('b', { kind: 'access', rules });
        end(driver);
        expect(driver.effectsOfKind('willFired')).toHaveLength(rules[0]?.effect === 'allow' ? 1 : 0);
        expect(driver.effectsOfKind('dropped')).toHaveLength(rules[0]?.effect === 'allow' ? 0 : 1);
      }
    },
  );

  test('is published below semantics version 4 whatever the command names', () => {
    const driver = new StateDriver().start('a').raiseSemantics(accessSemantics - 1);
    expect(isPublished(driver, ada)).toBe(true);
  });
});
