import { conformanceSemantics } from '@mqtt-cluster/contracts';
import { decodeMqttState } from '../src/index.ts';
import { publishCommand, StateDriver } from './support/state-driver.ts';

const expiring = (seconds: number) => ({ properties: { messageExpiryInterval: seconds } });

/** Returns a driver whose session `c` subscribes to `t`. */
function driverWithSession(semantics = conformanceSemantics, receiveMaximum = 100): StateDriver {
  const driver = new StateDriver().start('a').raiseSemantics(semantics);
  driver.connect('a', 'c', { receiveMaximum }, 't');
  return driver;
}

describe('an expired message in the queue of an absent session [5.0 MQTT-3.3.2-5]', () => {
  test('is deleted and counted as expired when its time has come', () => {
    const driver = driverWithSession();
    driver.close('a', 'c');
    driver.propose(
      'a',
      publishCommand('t', 'short', 1, expiring(5)),
      publishCommand('t', 'long', 1, expiring(60)),
    );
    driver.propose('a', publishCommand('t', 'for ever'));
    expect(driver.state.nextDeadline()).toBe(driver.timeMs + 5_000);
    driver.advanceTime(4_999);
    expect(driver.queued('c')).toEqual(['short', 'long', 'for ever']);
    driver.advanceTime(1);
    expect(driver.queued('c')).toEqual(['long', 'for ever']);
    expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'expired', count: 1 }]);
    expect(driver.state.counts().queuedMessages).toBe(2);
  });

  test('is deleted when it expired while its client was connected', () => {
    const driver = driverWithSession();
    driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
    driver.advanceTime(6_000);
    expect(driver.queued('c')).toEqual(['x']);
    driver.close('a', 'c');
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual([]);
  });

  test('is deleted on a member that decoded the state after the expiry as on all others', () => {
    const driver = driverWithSession();
    driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
    driver.advanceTime(6_000);
    driver.state = decodeMqttState(driver.state.encode());
    driver.close('a', 'c');
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual([]);
  });

  test('makes room at the bound of the queue', () => {
    const driver = driverWithSession();
    driver.propose('a', { kind: 'settings', settings: { queueFull: 'refuse', queuedMessagesMax: 1 } });
    driver.close('a', 'c');
    const publish = () => driver.applyOne('a', publishCommand('t', 'x', 1, expiring(5)));
    expect(publish()).toEqual({ kind: 'published', outcome: 'applied' });
    expect(publish()).toEqual({ kind: 'published', outcome: 'quotaExceeded' });
    driver.timeMs += 5_000;
    expect(publish()).toEqual({ kind: 'published', outcome: 'applied' });
  });

  test('stays when it is a QoS 2 message with a packet id, because its exchange may have begun', () => {
    const driver = driverWithSession(conformanceSemantics, 1);
    driver.close('a', 'c');
    driver.propose('a', publishCommand('t', 'in window', 2, expiring(5)));
    driver.propose('a', publishCommand('t', 'behind', 2, expiring(5)));
    driver.advanceTime(5_000);
    expect(driver.queued('c')).toEqual(['in window']);
  });

  test('stays below semantics version 3, and no timer is due for it', () => {
    const driver = driverWithSession(conformanceSemantics - 1);
    driver.close('a', 'c');
    const before = driver.state.nextDeadline();
    driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
    expect(driver.state.nextDeadline()).toBe(before);
    driver.advanceTime(6_000);
    expect(driver.queued('c')).toEqual(['x']);
    driver.raiseSemantics(conformanceSemantics);
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual([]);
  });
});

test('the message of a connected session stays in the state: its home drops it', () => {
  const driver = driverWithSession();
  driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
  driver.advanceTime(6_000);
  expect(driver.queued('c')).toEqual(['x']);
  expect(driver.effectsOfKind('dropped')).toEqual([]);
});

describe('a message that waited at its home before its entry [5.0 MQTT-3.3.2-6]', () => {
  const received = (driver: StateDriver, expiresAt: number) => {
    const { message, ...rest } = publishCommand('t', 'x', 1, expiring(60));
    driver.propose('a', { ...rest, message: { ...message, expiresAt } });
    return driver.items('c')[0]?.message.expiresAt;
  };

  test('expires at the time that its home has computed', () => {
    const driver = driverWithSession();
    expect(received(driver, driver.timeMs + 20_000)).toBe(driver.timeMs + 20_000);
  });

  test('expires no later than its interval after the entry', () => {
    const driver = driverWithSession();
    expect(received(driver, driver.timeMs + 90_000)).toBe(driver.timeMs + 60_000);
  });

  test('expires its interval after the entry below semantics version 3', () => {
    const driver = driverWithSession(conformanceSemantics - 1);
    expect(received(driver, driver.timeMs + 20_000)).toBe(driver.timeMs + 60_000);
  });
});

test('a message that expired at its home is not queued, and is counted [5.0 MQTT-3.3.2-5]', () => {
  const driver = driverWithSession();
  const { message, ...rest } = publishCommand('t', 'x', 2, expiring(60));
  driver.propose('a', { ...rest, message: { ...message, expiresAt: driver.timeMs - 1 } });
  expect(driver.queued('c')).toEqual([]);
  expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'expired', count: 1 }]);
});
