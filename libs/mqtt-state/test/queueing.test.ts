import type { ProgressCommand, QoS, SessionProgress, Subscription } from '@mqtt-cluster/contracts';
import { openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

function subscribe(driver: StateDriver, client: string, ...subscriptions: Subscription[]): unknown {
  return driver.applyOne('a', { kind: 'subscribe', client, epoch: driver.epoch(client), subscriptions });
}

function progress(
  driver: StateDriver,
  client: string,
  part: Omit<SessionProgress, 'client' | 'epoch'>,
): ProgressCommand {
  return { kind: 'progress', sessions: [{ client, epoch: driver.epoch(client), ...part }] };
}

function packetIds(driver: StateDriver, client = 'c'): number[] {
  return driver.items(client).map((item) => item.packetId);
}

describe('what a message queues', () => {
  test.each<[QoS, QoS, QoS | null]>([
    [1, 1, 1],
    [1, 2, 1],
    [2, 1, 1],
    [2, 2, 2],
    [2, 0, null],
    [0, 2, null],
  ])('[MQTT-3.8.4-8] published at QoS %i, subscribed at %i: queued at %p', (published, granted, queued) => {
    const driver = new StateDriver();
    driver.connect('a', 'c');
    expect(subscribe(driver, 'c', { filter: 't', qos: granted })).toMatchObject({ codes: [granted] });
    driver.propose('b', publishCommand('t', 'x', published));
    expect(driver.items('c').map((item) => item.qos)).toEqual(queued === null ? [] : [queued]);
    expect(driver.published()).toEqual(['x']);
  });

  test('departure 3: overlapping filters make one copy, at the maximum QoS, with all identifiers', () => {
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

  test('departure 4: [MQTT-3.3.1-9] a queued message loses RETAIN unless asked for', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('b', publishCommand('t', 'x', 1, { retain: true }));
    expect(driver.items('c')).toMatchObject([{ retain: false, message: { retain: true } }]);
  });

  test('[MQTT-3.8.3-3] No Local', () => {
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

  test('[MQTT-3.8.4-3] a second subscription of one filter replaces the first', () => {
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

  test('[MQTT-3.10.4-4] unsubscribed: nothing new, but what is queued stays', () => {
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

  test('trace 15: offline and live messages stand in one order, and the queue can be read from any number', () => {
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
    driver.propose('b', progress(driver, 'c', { done: [second] }));
    expect([...(driver.state.session('c')?.queueFrom(second) ?? [])].map((item) => item.number)).toEqual([
      second + 1,
    ]);
    expect(driver.queued('c')).toEqual(['1', '3']);
  });

  test('trace 15: a session that ends between two messages of one publisher', () => {
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

  test('the message expires in cluster time, from its entry on', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'x', 1, { properties: { messageExpiryInterval: 7 } }));
    expect(driver.items('c')).toMatchObject([{ message: { expiresAt: driver.timeMs + 7_000 } }]);
  });

  test('what is kept holds on to its own bytes only', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'short'), publishCommand('other', 'long'.repeat(1_000)));
    const payload = driver.items('c')[0]?.message.payload;
    expect(payload?.buffer.byteLength).toBe(5);
    expect(payload && Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype);
  });

  test('each item knows which publish made it', () => {
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

test('[MQTT-3.3.1-1] what was queued while a client was connected may have been sent', () => {
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

describe('QoS 2 from a publisher', () => {
  test('trace 1: sent again after a failover: answered, not applied', () => {
    const driver = new StateDriver();
    driver.connect('a', 's', {}, 't');
    const first = { client: 'p', epoch: driver.connect('a', 'p'), packetId: 5 };
    expect(driver.applyOne('a', publishCommand('t', 'x', 2, first))).toEqual({
      kind: 'published',
      outcome: 'applied',
    });
    const again = { client: 'p', epoch: driver.connect('b', 'p'), packetId: 5 };
    expect(driver.applyOne('b', publishCommand('t', 'x', 2, again))).toEqual({
      kind: 'published',
      outcome: 'repeat',
    });
    expect(driver.published()).toEqual([]);
    // The old leader comes back with what it had: its epoch is over.
    expect(driver.applyOne('a', publishCommand('t', 'x', 2, first))).toEqual({ kind: 'void' });
    expect(driver.queued('s')).toEqual(['x']);
  });

  test('trace 5: PUBREL frees the id, and only then it means a new message', () => {
    const driver = new StateDriver();
    driver.connect('a', 's', {}, 't');
    const connection = { client: 'p', epoch: driver.connect('a', 'p') };
    driver.propose('a', publishCommand('t', 'one', 2, { ...connection, packetId: 9 }));
    expect(driver.state.session('p')?.hasIncoming(9)).toBe(true);
    driver.propose('a', { kind: 'release', ...connection, packetId: 9 });
    expect(driver.state.session('p')?.hasIncoming(9)).toBe(false);
    expect(driver.applyOne('a', { kind: 'release', ...connection, packetId: 9 })).toEqual({ kind: 'done' });
    driver.propose('a', publishCommand('t', 'two', 2, { ...connection, packetId: 9 }));
    expect(driver.queued('s')).toEqual(['one', 'two']);
  });

  test('[MQTT-3.1.2-4] a clean start forgets the ids', () => {
    const driver = new StateDriver();
    const connection = { client: 'p', epoch: driver.connect('a', 'p'), packetId: 9 };
    driver.propose('a', publishCommand('t', 'one', 2, connection));
    const epoch = driver.connect('a', 'p', { clean: true });
    expect(driver.applyOne('a', publishCommand('t', 'two', 2, { ...connection, epoch }))).toMatchObject({
      outcome: 'applied',
    });
  });

  test('a bound on ids not yet released', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'settings', settings: { incomingMax: 1 } });
    const connection = { client: 'p', epoch: driver.connect('a', 'p') };
    driver.propose('a', publishCommand('t', 'one', 2, { ...connection, packetId: 1 }));
    const second = publishCommand('t', 'two', 2, { ...connection, packetId: 2 });
    expect(driver.applyOne('a', second)).toEqual({ kind: 'published', outcome: 'quotaExceeded' });
    expect(driver.published()).toEqual([]);
  });
});

describe('QoS 2 to a subscriber', () => {
  function withWindow(receiveMaximum: number, messages: number): StateDriver {
    const driver = new StateDriver();
    driver.connect('a', 'c', { receiveMaximum }, 't');
    for (let number = 1; number <= messages; number++)
      driver.propose('b', publishCommand('t', `${number}`, 2));
    return driver;
  }

  test('ids from the upper half, in order, as the window has room', () => {
    const driver = withWindow(2, 3);
    expect(packetIds(driver)).toEqual([32_768, 32_769, 0]);
    driver.propose('a', progress(driver, 'c', { received: [32_769] }));
    expect(driver.effectsOfKind('outgoingReceived')).toEqual([
      { kind: 'outgoingReceived', client: 'c', packetIds: [32_769] },
    ]);
    expect(driver.items('c').map((item) => item.received)).toEqual([false, true, false]);
    driver.propose('a', progress(driver, 'c', { completed: [32_769] }));
    expect(driver.effects.map(({ kind }) => kind)).toEqual(['outgoingCompleted', 'queued', 'batchApplied']);
    expect(packetIds(driver)).toEqual([32_768, 32_770]);
  });

  test('never more than 100, whatever the client would take', () => {
    const driver = withWindow(65_535, 103);
    expect(packetIds(driver).filter((packetId) => packetId !== 0)).toHaveLength(100);
  });

  test('trace 5: ids stay with their messages over a reconnect; a new message takes another', () => {
    const driver = withWindow(10, 2);
    driver.propose('a', progress(driver, 'c', { received: [32_768] }));
    driver.connect('b', 'c', { receiveMaximum: 10 });
    driver.propose('b', publishCommand('t', '3', 2));
    expect(packetIds(driver)).toEqual([32_768, 32_769, 32_770]);
    expect(driver.items('c').map((item) => item.received)).toEqual([true, false, false]);
  });

  test('a freed id is not the next one used', () => {
    const driver = withWindow(1, 2);
    driver.propose('a', progress(driver, 'c', { completed: [32_768] }));
    expect(packetIds(driver)).toEqual([32_769]);
  });

  test('trace 4: progress of an old epoch is void, others in the same command go on', () => {
    const driver = withWindow(2, 1);
    const old = { client: 'c', epoch: driver.epoch('c'), completed: [32_768] };
    driver.connect('b', 'c');
    const d = driver.connect('a', 'd', {}, 't');
    driver.propose('b', publishCommand('t', '2', 1));
    const command: ProgressCommand = {
      kind: 'progress',
      sessions: [old, { client: 'd', epoch: d, done: [1] }],
    };
    expect(driver.applyOne('a', command)).toEqual({ kind: 'done' });
    expect(driver.queued('c')).toEqual(['1', '2']);
    expect(driver.queued('d')).toEqual([]);
  });

  test('`done` takes away what could not be delivered, but no exchange whose PUBREC has come', () => {
    const driver = withWindow(2, 2);
    driver.propose('a', progress(driver, 'c', { received: [32_768] }));
    driver.propose('a', progress(driver, 'c', { done: [1, 2, 77] }));
    expect(packetIds(driver)).toEqual([32_768]);
  });
});

describe('bounds of queues', () => {
  test('trace 19: drop-oldest, but no exchange under way', () => {
    const driver = new StateDriver();
    driver.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 3, connectedQueuedMessagesMax: 3 },
    });
    driver.connect('a', 'c', { receiveMaximum: 1 }, 't');
    for (const number of ['1', '2', '3', '4']) driver.propose('a', publishCommand('t', number, 2));
    expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'queueFull', count: 1 }]);
    expect(driver.queued('c')).toEqual(['1', '3', '4']);
    expect(driver.state.counts().queuedMessages).toBe(3);
  });

  test('the bound of who is away starts from what the client left behind', () => {
    const driver = new StateDriver();
    driver.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 2, connectedQueuedMessagesMax: 4 },
    });
    const epoch = driver.connect('a', 'c', {}, 't');
    for (const number of ['1', '2', '3', '4']) driver.propose('a', publishCommand('t', number, 1));
    driver.propose('a', { kind: 'close', client: 'c', epoch, graceful: true });
    for (const number of ['5', '6']) driver.propose('a', publishCommand('t', number, 1));
    expect(driver.queued('c')).toEqual(['1', '2', '3', '4', '5', '6']);
    driver.propose('a', publishCommand('t', '7', 1));
    expect(driver.queued('c')).toEqual(['2', '3', '4', '5', '6', '7']);
  });

  test('a message larger than the bound is dropped alone', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'settings', settings: { queuedBytesMax: 10, connectedQueuedBytesMax: 10 } });
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'small'), publishCommand('t', 'much too large'));
    expect(driver.queued('c')).toEqual(['small']);
    driver.propose('a', publishCommand('t', 'newer'));
    expect(driver.queued('c')).toEqual(['newer']);
  });

  test('refuse: nothing at all happens', () => {
    const driver = new StateDriver();
    const one = { queuedMessagesMax: 1, connectedQueuedMessagesMax: 1 };
    driver.propose('a', { kind: 'settings', settings: { ...one, queueFull: 'refuse' } });
    driver.connect('a', 'c', {}, 't');
    driver.connect('a', 'd', {}, 't');
    driver.propose('a', progress(driver, 'd', {}), publishCommand('t', '1', 1, { retain: true }));
    driver.propose('a', progress(driver, 'd', { done: [1] }));
    expect(driver.applyOne('a', publishCommand('t', '2', 1, { retain: true }))).toMatchObject({
      outcome: 'quotaExceeded',
    });
    expect(driver.published()).toEqual([]);
    expect([driver.queued('c'), driver.queued('d'), driver.retained('t')]).toEqual([['1'], [], ['t=1']]);
  });

  test('the whole cluster: each body counts once', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.connect('a', 'd', {}, 't');
    driver.propose('a', publishCommand('t', '123456789'));
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 2, queuedBytes: 10 });
    driver.propose('a', { kind: 'settings', settings: { clusterQueuedBytesMax: 19 } });
    expect(driver.applyOne('a', publishCommand('t', '123456789'))).toMatchObject({
      outcome: 'quotaExceeded',
    });
    expect(driver.applyOne('a', publishCommand('nobody', '123456789'))).toMatchObject({ outcome: 'applied' });
    driver.propose('a', progress(driver, 'c', { done: [1] }));
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 1, queuedBytes: 10 });
    driver.propose('a', progress(driver, 'd', { done: [1] }));
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 0, queuedBytes: 0 });
  });

  test('a client that never acknowledges its first message does not let the queue grow', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'first'));
    for (let number = 2; number < 500; number++) {
      driver.propose('a', publishCommand('t', `${number}`), progress(driver, 'c', { done: [number] }));
    }
    expect(driver.queued('c')).toEqual(['first']);
    expect(driver.state.session('c')?.queuedBytes).toBe(6);
    driver.propose('a', publishCommand('t', 'last'));
    expect([...(driver.state.session('c')?.queueFrom(2) ?? [])].map((item) => item.number)).toEqual([500]);
  });
});
