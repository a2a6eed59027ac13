import { accessSemantics } from '@mqtt-cluster/contracts';
import { decodeMqttState, replicatedBytesMax } from '../../src/index.ts';
import { bytes, openCommand, publishCommand, StateDriver, willOf } from '../support/state-driver.ts';

const kilobyte = 'x'.repeat(1_000);
const tiny = {
  clusterQueueMemoryMax: 5_000,
  connectedQueueReserve: 1,
  clusterQueuedBytesMax: 5_000,
  retainedBytesMax: 5_000,
  userRetainedBytesMax: 5_000,
  sessionSubscriptionsMax: 2,
  sessionSubscriptionBytesMax: 1_000,
  subscriptionBytesMax: 1_000,
  sessionWillBytesMax: 500,
  willBytesMax: 500,
  sessionsMax: 2,
  userSessionsMax: 1,
};

describe('a state of the previous semantics version that is above every new bound', () => {
  function driverAboveBounds(): StateDriver {
    const driver = new StateDriver().raiseSemantics(accessSemantics - 1);
    driver.connect('a', 'absent', {}, 'absent', 'f/1', 'f/2');
    driver.close('a', 'absent');
    const will = willOf({ payload: bytes(kilobyte) });
    for (const client of ['1', '2', '3']) driver.connect('a', client, { will }, client);
    for (let number = 0; number < 20; number++) {
      driver.propose('a', publishCommand('absent', `${number} ${kilobyte}`));
      driver.propose('a', publishCommand(`r/${number}`, kilobyte, 1, { client: 'p', retain: true }));
    }
    driver.raiseSemantics(accessSemantics);
    driver.propose('a', { kind: 'settings', settings: tiny });
    return driver;
  }

  test('keeps everything, also after a restart from a snapshot', () => {
    const driver = driverAboveBounds();
    const before = driver.state.counts();
    expect(before).toMatchObject({ sessions: 4, retained: 20, queuedMessages: 20, subscriptions: 6 });
    const restarted = decodeMqttState(driver.state.encode());
    expect([restarted.counts(), restarted.digest()]).toEqual([before, driver.state.digest()]);
    driver.advanceTime(1_000);
    expect(driver.state.counts()).toEqual(before);
  });

  test('refuses only additions', () => {
    const driver = driverAboveBounds();
    expect(driver.applyOne('a', openCommand('new'))).toMatchObject({ reason: 'quotaExceeded' });
    expect(driver.subscribe('a', '1', 'new')).toMatchObject({ codes: [0x97] });
    const retained = (topic: string) => publishCommand(topic, kilobyte, 1, { client: 'p', retain: true });
    expect(driver.applyOne('a', retained('r/new'))).toMatchObject({ outcome: 'quotaExceeded' });
    expect(driver.applyOne('a', retained('r/1'))).toMatchObject({ outcome: 'applied' });
    expect(driver.state.counts()).toMatchObject({ sessions: 4, retained: 20, subscriptions: 6 });
  });

  test('serves its clients: they return with their wills and filters, and connected subscribers receive messages', () => {
    const driver = driverAboveBounds();
    const will = willOf({ payload: bytes(kilobyte) });
    expect(driver.applyOne('b', openCommand('1', { will }))).toMatchObject({ sessionPresent: true });
    expect(driver.subscribe('b', '1', '1')).toMatchObject({ codes: [2] });
    expect(driver.applyOne('a', publishCommand('1', 'hello'))).toMatchObject({ outcome: 'applied' });
    expect(driver.queued('1')).toEqual(['hello']);
  });

  test('drops a message for the absent session that holds most, and none of the messages that it has', () => {
    const driver = driverAboveBounds();
    expect(driver.applyOne('a', publishCommand('absent', 'new'))).toMatchObject({ outcome: 'applied' });
    expect(driver.effectsOfKind('dropped')).toMatchObject([{ reason: 'queueShare' }]);
    expect(driver.queued('absent').length).toBeGreaterThanOrEqual(19);
  });
});

test('settings of the new bounds are ignored before all members know them', () => {
  const driver = new StateDriver().raiseSemantics(accessSemantics - 1);
  const { willBytesMax } = driver.state.settings;
  driver.propose('a', { kind: 'settings', settings: { willBytesMax: 1, retainedMax: 7 } });
  expect(driver.state.settings).toMatchObject({ willBytesMax, retainedMax: 7 });
  expect(driver.effectsOfKind('alarm')).toHaveLength(1);
});

test('the sum of the bounds in bytes is the sum of its parts and below 1 GiB by default', () => {
  const { total, ...parts } = replicatedBytesMax(new StateDriver().state.settings);
  expect(total).toBe(Object.values(parts).reduce((sum, part) => sum + part, 0));
  expect(total).toBeLessThan(1024 ** 3);
});
