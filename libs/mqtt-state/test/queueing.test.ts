import type { QoS, Subscription } from '@mqtt-cluster/contracts';
import { openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

function subscribe(driver: StateDriver, client: string, ...subscriptions: Subscription[]): unknown {
  return driver.applyOne('a', { kind: 'subscribe', client, epoch: driver.epoch(client), subscriptions });
}

describe('a message for persistent sessions', () => {
  test.each<[QoS, QoS, QoS | null]>([
    [1, 1, 1],
    [1, 2, 1],
    [2, 1, 1],
    [2, 2, 2],
    [2, 0, null],
    [0, 2, null],
  ])(
    'published at QoS %i and subscribed at QoS %i is queued at QoS %p [3.1.1 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-8]',
    (published, granted, queued) => {
      const driver = new StateDriver();
      driver.connect('a', 'c');
      expect(subscribe(driver, 'c', { filter: 't', qos: granted })).toMatchObject({ codes: [granted] });
      driver.propose('b', publishCommand('t', 'x', published));
      expect(driver.items('c').map((item) => item.qos)).toEqual(queued === null ? [] : [queued]);
      expect(driver.published()).toEqual(['x']);
    },
  );

  test('is queued once for overlapping filters, at the maximum QoS, with all identifiers [3.1.1 MQTT-3.3.5-1] [5.0 MQTT-3.3.4-2] [5.0 MQTT-3.3.4-4]', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c');
    subscribe(
      driver,
      'c',
      { filter: 'a/#', qos: 0, subscriptionIdentifier: 30 },
      { filter: 'a/+', qos: 2, subscriptionIdentifier: 20, retainAsPublished: true },
      { filter: 'a/b', qos: 1, subscriptionIdentifier: 10 },
    );
    driver.propose('b', publishCommand('a/b', 'x', 2, { retain: true }));
    expect(driver.items('c')).toMatchObject([
      { qos: 2, retain: true, subscriptionIdentifiers: [10, 20, 30] },
    ]);
  });

  test('is queued with RETAIN=0 unless the subscription sets Retain As Published [3.1.1 MQTT-3.3.1-9] [5.0 MQTT-3.3.1-12]', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('b', publishCommand('t', 'x', 1, { retain: true }));
    expect(driver.items('c')).toMatchObject([{ retain: false, message: { retain: true } }]);
  });

  test('is not queued for its own publisher if the subscription sets No Local [5.0 MQTT-3.8.3-3]', () => {
    const driver = new StateDriver();
    const epoch = driver.connect('a', 'c');
    subscribe(driver, 'c', { filter: 't', qos: 1, noLocal: true });
    driver.propose(
      'a',
      publishCommand('t', 'own', 1, { client: 'c', epoch }),
      publishCommand('t', 'other', 1, { client: 'd' }),
    );
    expect(driver.queued('c')).toEqual(['other']);
  });

  test('is queued with the options of the last subscription of a filter [3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-3]', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c');
    const answer = subscribe(
      driver,
      'c',
      { filter: 't', qos: 2 },
      { filter: 't', qos: 1 },
      { filter: 'a#', qos: 1 },
    );
    expect(answer).toMatchObject({ kind: 'subscribed', codes: [2, 1, 0x80], isNew: [true, false, false] });
    expect(driver.state.counts().subscriptions).toBe(1);
    driver.propose('a', publishCommand('t', 'x', 2));
    expect(driver.items('c')).toMatchObject([{ qos: 1 }]);
  });

  test('is not queued after UNSUBSCRIBE, but messages that were queued before stay in the queue [3.1.1 MQTT-3.10.4-2] [5.0 MQTT-3.10.4-2]', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'before'));
    const command = {
      kind: 'unsubscribe',
      client: 'c',
      epoch: driver.epoch('c'),
      filters: ['t', 'no'],
    } as const;
    expect(driver.applyOne('a', command)).toEqual({ kind: 'unsubscribed', existed: [true, false] });
    driver.propose('a', publishCommand('t', 'after'));
    expect(driver.queued('c')).toEqual(['before']);
  });

  test('is queued in log order across a reconnect, and can be read from any item number', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, '#');
    driver.close('a', 'c');
    driver.propose('a', publishCommand('t', '1'));
    driver.propose('b', openCommand('c'), publishCommand('t', '2'));
    driver.propose('a', publishCommand('t', '3'));
    expect(driver.queued('c')).toEqual(['1', '2', '3']);
    const second = driver.items('c')[1]?.number ?? 0;
    expect([...(driver.state.session('c')?.queueFrom(second) ?? [])].map((item) => item.number)).toEqual([
      second,
      second + 1,
    ]);
    driver.propose('b', driver.progress('c', { done: [second] }));
    expect([...(driver.state.session('c')?.queueFrom(second) ?? [])].map((item) => item.number)).toEqual([
      second + 1,
    ]);
    expect(driver.queued('c')).toEqual(['1', '3']);
  });

  test('is not queued for a session that ended earlier in the same batch', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.connect('a', 'd', {}, 't');
    driver.propose(
      'a',
      publishCommand('t', '1'),
      { kind: 'close', client: 'c', epoch: driver.epoch('c'), graceful: true, expirySeconds: 0 },
      publishCommand('t', '2'),
    );
    expect(driver.queued('d')).toEqual(['1', '2']);
    expect(driver.state.session('c')).toBeUndefined();
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 2 });
  });

  test('expires in cluster time, counted from the stamp of its log entry', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'x', 1, { properties: { messageExpiryInterval: 7 } }));
    expect(driver.items('c')).toMatchObject([{ message: { expiresAt: driver.timeMs + 7_000 } }]);
  });

  test('keeps only its own bytes in memory, not the whole batch', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'short'), publishCommand('other', 'long'.repeat(1_000)));
    const payload = driver.items('c')[0]?.message.payload;
    expect(payload?.buffer.byteLength).toBe(5);
    expect(payload && Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype);
  });

  test('has the origin of its publish command in the queue item and in the effect', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', { kind: 'time' }, publishCommand('t', 'x'));
    const { storeId, incarnation, sequence } = driver.home('a');
    expect(driver.items('c')[0]?.origin).toEqual({ storeId, incarnation, sequence, command: 1 });
    expect(driver.effectsOfKind('published')).toMatchObject([
      { member: 'a', storeId, incarnation, sequence, command: 1 },
    ]);
  });
});

test('sentBelow of a session is above the numbers of all messages that were queued while its client was connected [3.1.1 MQTT-3.3.1-1] [5.0 MQTT-3.3.1-1]', () => {
  const driver = new StateDriver();
  driver.connect('a', 'c', {}, 't');
  driver.propose('a', publishCommand('t', 'maybe sent'));
  driver.connect('b', 'c');
  expect(driver.state.session('c')?.sentBelow).toBe(2);
  driver.propose('a', publishCommand('t', 'maybe sent'));
  driver.close('b', 'c');
  driver.propose('a', publishCommand('t', 'never sent'));
  driver.connect('a', 'c');
  expect(driver.state.session('c')?.sentBelow).toBe(3);
});
