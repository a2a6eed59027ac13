import { jest } from '@jest/globals';
import { Session } from '../src/session/session.ts';
import { publishCommand, StateDriver } from './support/state-driver.ts';

const filter = '$share/g/t';

function group(...clients: string[]): StateDriver {
  const driver = new StateDriver();
  for (const client of clients) driver.connect('a', client, {}, filter);
  return driver;
}

function publish(driver: StateDriver, ...payloads: string[]): void {
  driver.propose('b', ...payloads.map((payload) => publishCommand('t', payload)));
}

describe('shared subscriptions', () => {
  test('walk over their sessions once for many messages, and again after a session has come or gone', () => {
    const sessions = 50;
    const driver = group(...Array.from({ length: sessions }, (_, number) => `c${number}`));
    const connected = jest.spyOn(Session.prototype, 'connected', 'get');
    const readsOf = (act: () => void): number => {
      connected.mockClear();
      act();
      return connected.mock.calls.length;
    };
    const payloads = Array.from({ length: 200 }, (_, number) => String(number));
    // The driver applies each entry also to a copy of the state, and reads all sessions when it compares both.
    const readsMax = sessions * 10;
    expect(readsOf(() => publish(driver, ...payloads))).toBeLessThan(readsMax);
    driver.close('a', 'c0');
    expect(readsOf(() => publish(driver, ...payloads))).toBeLessThan(readsMax);
    connected.mockRestore();
    expect(driver.queued('c0')).toEqual([]);
    expect(driver.state.counts().queuedMessages).toBe(2 * payloads.length);
  });

  test('send each message to one session, round-robin', () => {
    const driver = group('c', 'd');
    publish(driver, '1', '2', '3', '4');
    expect([driver.queued('c'), driver.queued('d')]).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
    expect(driver.items('c')).toMatchObject([{ group: filter }, { group: filter }]);
  });

  test('prefer connected sessions, also clean sessions, to disconnected sessions', () => {
    const driver = group('c');
    driver.connect('a', 'd', { clean: true, expirySeconds: 0 }, filter);
    driver.close('a', 'c');
    publish(driver, '1', '2');
    expect([driver.queued('c'), driver.queued('d')]).toEqual([[], ['1', '2']]);
    driver.propose('a', {
      kind: 'progress',
      sessions: [{ client: 'd', epoch: driver.epoch('d'), done: [1, 2] }],
    });
    driver.close('a', 'd');
    publish(driver, '3');
    expect(driver.queued('c')).toEqual(['3']);
  });

  test('choose no session whose home has restarted, until its client is back', () => {
    const driver = group('c');
    driver.connect('b', 'd', {}, filter);
    publish(driver, '1', '2');
    driver.start('a');
    publish(driver, '3', '4');
    expect([driver.queued('c'), driver.queued('d')]).toEqual([['1'], ['2', '3', '4']]);
    driver.connect('a', 'c');
    publish(driver, '5', '6');
    expect([driver.queued('c'), driver.queued('d')]).toEqual([
      ['1', '5'],
      ['2', '3', '4', '6'],
    ]);
  });

  test('move the unacknowledged messages of a closed session to another connected session, in order', () => {
    const driver = group('c', 'd');
    publish(driver, '1', '2', '3', '4');
    driver.close('a', 'c', false);
    expect([driver.queued('c'), driver.queued('d')]).toEqual([[], ['2', '4', '1', '3']]);
    expect(driver.state.counts().queuedMessages).toBe(4);
    // No other session is connected, so the messages stay.
    driver.close('a', 'd', false);
    expect(driver.queued('d')).toEqual(['2', '4', '1', '3']);
  });

  test('leave a QoS 2 exchange in progress with its session [5.0 MQTT-4.8.2-4]', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', { receiveMaximum: 1 }, filter);
    driver.propose('b', publishCommand('t', '1', 2), publishCommand('t', '2', 2));
    driver.connect('a', 'd', {}, filter);
    driver.close('a', 'c', false);
    expect([driver.queued('c'), driver.queued('d')]).toEqual([['1'], ['2']]);
  });

  test('move the messages of a session that unsubscribes to another session, or drop and count the messages if no other session exists', () => {
    const driver = group('c', 'd');
    driver.close('a', 'd');
    publish(driver, '1');
    driver.applyOne('a', { kind: 'unsubscribe', client: 'c', epoch: driver.epoch('c'), filters: [filter] });
    expect([driver.queued('c'), driver.queued('d')]).toEqual([[], ['1']]);
    driver.connect('a', 'd');
    driver.applyOne('a', { kind: 'unsubscribe', client: 'd', epoch: driver.epoch('d'), filters: [filter] });
    expect(driver.effectsOfKind('dropped')).toMatchObject([{ count: 1 }]);
    expect(driver.queued('d')).toEqual([]);
    expect(driver.state.counts()).toMatchObject({ subscriptions: 0, queuedMessages: 0, queuedBytes: 0 });
    publish(driver, '2');
    expect([driver.queued('c'), driver.queued('d')]).toEqual([[], []]);
  });

  test('queue one copy for each of two shared filters and an unshared filter', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, '$share/g/t', '$share/h/#', 't');
    publish(driver, '1');
    expect(driver.items('c').map((item) => item.group)).toEqual([undefined, '$share/g/t', '$share/h/#']);
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 3, queuedBytes: 2 });
  });

  test('choose no session with granted QoS 0 for a QoS 1 message while a session with a higher granted QoS is connected', () => {
    const driver = group('c');
    driver.connect('a', 'd');
    const subscriptions = [{ filter, qos: 0 as const }];
    driver.applyOne('a', { kind: 'subscribe', client: 'd', epoch: driver.epoch('d'), subscriptions });
    publish(driver, '1', '2');
    expect([driver.queued('c'), driver.queued('d')]).toEqual([['1', '2'], []]);
    driver.close('a', 'c');
    publish(driver, '3');
    expect(driver.items('d').at(-1)).toMatchObject({ qos: 0, packetId: 0 });
  });
});
