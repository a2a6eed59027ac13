import type { ProgressCommand, QoS, SessionProgress, Subscription } from '@mqtt-cluster/contracts';
import { openCommand, publishCommand, World } from './support/state-driver.ts';

function subscribe(world: World, client: string, ...subscriptions: Subscription[]): unknown {
  return world.one('a', { kind: 'subscribe', client, epoch: world.epoch(client), subscriptions });
}

function progress(
  world: World,
  client: string,
  part: Omit<SessionProgress, 'client' | 'epoch'>,
): ProgressCommand {
  return { kind: 'progress', sessions: [{ client, epoch: world.epoch(client), ...part }] };
}

function packetIds(world: World, client = 'c'): number[] {
  return world.items(client).map((item) => item.packetId);
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
    const world = new World();
    world.connect('a', 'c');
    expect(subscribe(world, 'c', { filter: 't', qos: granted })).toMatchObject({ codes: [granted] });
    world.propose('b', publishCommand('t', 'x', published));
    expect(world.items('c').map((item) => item.qos)).toEqual(queued === null ? [] : [queued]);
    expect(world.published()).toEqual(['x']);
  });

  test('departure 3: overlapping filters make one copy, at the maximum QoS, with all identifiers', () => {
    const world = new World();
    world.connect('a', 'c');
    subscribe(
      world,
      'c',
      { filter: 'a/#', qos: 0, subscriptionIdentifier: 30 },
      { filter: 'a/+', qos: 2, subscriptionIdentifier: 20, retainAsPublished: true },
      { filter: 'a/b', qos: 1, subscriptionIdentifier: 10 },
    );
    world.propose('b', publishCommand('a/b', 'x', 2, { retain: true }));
    expect(world.items('c')).toMatchObject([{ qos: 2, retain: true, subscriptionIdentifiers: [10, 20, 30] }]);
  });

  test('departure 4: [MQTT-3.3.1-9] a queued message loses RETAIN unless asked for', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.propose('b', publishCommand('t', 'x', 1, { retain: true }));
    expect(world.items('c')).toMatchObject([{ retain: false, message: { retain: true } }]);
  });

  test('[MQTT-3.8.3-3] No Local', () => {
    const world = new World();
    const epoch = world.connect('a', 'c');
    subscribe(world, 'c', { filter: 't', qos: 1, noLocal: true });
    world.propose(
      'a',
      publishCommand('t', 'own', 1, { client: 'c', epoch }),
      publishCommand('t', 'other', 1, { client: 'd' }),
    );
    expect(world.queued('c')).toEqual(['other']);
  });

  test('[MQTT-3.8.4-3] a second subscription of one filter replaces the first', () => {
    const world = new World();
    world.connect('a', 'c');
    const answer = subscribe(
      world,
      'c',
      { filter: 't', qos: 2 },
      { filter: 't', qos: 1 },
      { filter: 'a#', qos: 1 },
    );
    expect(answer).toMatchObject({ kind: 'subscribed', codes: [2, 1, 0x80], isNew: [true, false, false] });
    expect(world.state.counts().subscriptions).toBe(1);
    world.propose('a', publishCommand('t', 'x', 2));
    expect(world.items('c')).toMatchObject([{ qos: 1 }]);
  });

  test('[MQTT-3.10.4-4] unsubscribed: nothing new, but what is queued stays', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.propose('a', publishCommand('t', 'before'));
    const command = {
      kind: 'unsubscribe',
      client: 'c',
      epoch: world.epoch('c'),
      filters: ['t', 'no'],
    } as const;
    expect(world.one('a', command)).toEqual({ kind: 'unsubscribed', existed: [true, false] });
    world.propose('a', publishCommand('t', 'after'));
    expect(world.queued('c')).toEqual(['before']);
  });

  test('trace 15: offline and live messages stand in one order, and the queue can be read from any number', () => {
    const world = new World();
    world.connect('a', 'c', {}, '#');
    world.close('a', 'c');
    world.propose('a', publishCommand('t', '1'));
    world.propose('b', openCommand('c'), publishCommand('t', '2'));
    world.propose('a', publishCommand('t', '3'));
    expect(world.queued('c')).toEqual(['1', '2', '3']);
    const second = world.items('c')[1]?.number ?? 0;
    expect([...(world.state.session('c')?.queueFrom(second) ?? [])].map((item) => item.number)).toEqual([
      second,
      second + 1,
    ]);
    world.propose('b', progress(world, 'c', { done: [second] }));
    expect([...(world.state.session('c')?.queueFrom(second) ?? [])].map((item) => item.number)).toEqual([
      second + 1,
    ]);
    expect(world.queued('c')).toEqual(['1', '3']);
  });

  test('trace 15: a session that ends between two messages of one publisher', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.connect('a', 'd', {}, 't');
    world.propose(
      'a',
      publishCommand('t', '1'),
      { kind: 'close', client: 'c', epoch: world.epoch('c'), graceful: true, expirySeconds: 0 },
      publishCommand('t', '2'),
    );
    expect(world.queued('d')).toEqual(['1', '2']);
    expect(world.state.session('c')).toBeUndefined();
    expect(world.state.counts()).toMatchObject({ queuedMessages: 2 });
  });

  test('the message expires in cluster time, from its entry on', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.propose('a', publishCommand('t', 'x', 1, { properties: { messageExpiryInterval: 7 } }));
    expect(world.items('c')).toMatchObject([{ message: { expiresAt: world.timeMs + 7_000 } }]);
  });

  test('what is kept holds on to its own bytes only', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.propose('a', publishCommand('t', 'short'), publishCommand('other', 'long'.repeat(1_000)));
    const payload = world.items('c')[0]?.message.payload;
    expect(payload?.buffer.byteLength).toBe(5);
    expect(payload && Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype);
  });

  test('each item knows which publish made it', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.propose('a', { kind: 'time' }, publishCommand('t', 'x'));
    const { storeId, incarnation, sequence } = world.home('a');
    expect(world.items('c')[0]?.origin).toEqual({ storeId, incarnation, sequence, command: 1 });
    expect(world.ofKind('published')).toMatchObject([
      { member: 'a', storeId, incarnation, sequence, command: 1 },
    ]);
  });
});

test('[MQTT-3.3.1-1] what was queued while a client was connected may have been sent', () => {
  const world = new World();
  world.connect('a', 'c', {}, 't');
  world.propose('a', publishCommand('t', 'maybe sent'));
  world.connect('b', 'c');
  expect(world.state.session('c')?.sentBelow).toBe(2);
  world.propose('a', publishCommand('t', 'maybe sent'));
  world.close('b', 'c');
  world.propose('a', publishCommand('t', 'never sent'));
  world.connect('a', 'c');
  expect(world.state.session('c')?.sentBelow).toBe(3);
});

describe('QoS 2 from a publisher', () => {
  test('trace 1: sent again after a failover: answered, not applied', () => {
    const world = new World();
    world.connect('a', 's', {}, 't');
    const first = { client: 'p', epoch: world.connect('a', 'p'), packetId: 5 };
    expect(world.one('a', publishCommand('t', 'x', 2, first))).toEqual({
      kind: 'published',
      outcome: 'applied',
    });
    const again = { client: 'p', epoch: world.connect('b', 'p'), packetId: 5 };
    expect(world.one('b', publishCommand('t', 'x', 2, again))).toEqual({
      kind: 'published',
      outcome: 'repeat',
    });
    expect(world.published()).toEqual([]);
    // The old leader comes back with what it had: its epoch is over.
    expect(world.one('a', publishCommand('t', 'x', 2, first))).toEqual({ kind: 'void' });
    expect(world.queued('s')).toEqual(['x']);
  });

  test('trace 5: PUBREL frees the id, and only then it means a new message', () => {
    const world = new World();
    world.connect('a', 's', {}, 't');
    const connection = { client: 'p', epoch: world.connect('a', 'p') };
    world.propose('a', publishCommand('t', 'one', 2, { ...connection, packetId: 9 }));
    expect(world.state.session('p')?.hasIncoming(9)).toBe(true);
    world.propose('a', { kind: 'release', ...connection, packetId: 9 });
    expect(world.state.session('p')?.hasIncoming(9)).toBe(false);
    expect(world.one('a', { kind: 'release', ...connection, packetId: 9 })).toEqual({ kind: 'done' });
    world.propose('a', publishCommand('t', 'two', 2, { ...connection, packetId: 9 }));
    expect(world.queued('s')).toEqual(['one', 'two']);
  });

  test('[MQTT-3.1.2-4] a clean start forgets the ids', () => {
    const world = new World();
    const connection = { client: 'p', epoch: world.connect('a', 'p'), packetId: 9 };
    world.propose('a', publishCommand('t', 'one', 2, connection));
    const epoch = world.connect('a', 'p', { clean: true });
    expect(world.one('a', publishCommand('t', 'two', 2, { ...connection, epoch }))).toMatchObject({
      outcome: 'applied',
    });
  });

  test('a bound on ids not yet released', () => {
    const world = new World();
    world.propose('a', { kind: 'settings', settings: { incomingMax: 1 } });
    const connection = { client: 'p', epoch: world.connect('a', 'p') };
    world.propose('a', publishCommand('t', 'one', 2, { ...connection, packetId: 1 }));
    const second = publishCommand('t', 'two', 2, { ...connection, packetId: 2 });
    expect(world.one('a', second)).toEqual({ kind: 'published', outcome: 'quotaExceeded' });
    expect(world.published()).toEqual([]);
  });
});

describe('QoS 2 to a subscriber', () => {
  function withWindow(receiveMaximum: number, messages: number): World {
    const world = new World();
    world.connect('a', 'c', { receiveMaximum }, 't');
    for (let number = 1; number <= messages; number++)
      world.propose('b', publishCommand('t', `${number}`, 2));
    return world;
  }

  test('ids from the upper half, in order, as the window has room', () => {
    const world = withWindow(2, 3);
    expect(packetIds(world)).toEqual([32_768, 32_769, 0]);
    world.propose('a', progress(world, 'c', { received: [32_769] }));
    expect(world.ofKind('outgoingReceived')).toEqual([
      { kind: 'outgoingReceived', client: 'c', packetIds: [32_769] },
    ]);
    expect(world.items('c').map((item) => item.received)).toEqual([false, true, false]);
    world.propose('a', progress(world, 'c', { completed: [32_769] }));
    expect(world.effects.map(({ kind }) => kind)).toEqual(['outgoingCompleted', 'queued', 'batchApplied']);
    expect(packetIds(world)).toEqual([32_768, 32_770]);
  });

  test('never more than 100, whatever the client would take', () => {
    const world = withWindow(65_535, 103);
    expect(packetIds(world).filter((packetId) => packetId !== 0)).toHaveLength(100);
  });

  test('trace 5: ids stay with their messages over a reconnect; a new message takes another', () => {
    const world = withWindow(10, 2);
    world.propose('a', progress(world, 'c', { received: [32_768] }));
    world.connect('b', 'c', { receiveMaximum: 10 });
    world.propose('b', publishCommand('t', '3', 2));
    expect(packetIds(world)).toEqual([32_768, 32_769, 32_770]);
    expect(world.items('c').map((item) => item.received)).toEqual([true, false, false]);
  });

  test('a freed id is not the next one used', () => {
    const world = withWindow(1, 2);
    world.propose('a', progress(world, 'c', { completed: [32_768] }));
    expect(packetIds(world)).toEqual([32_769]);
  });

  test('trace 4: progress of an old epoch is void, others in the same command go on', () => {
    const world = withWindow(2, 1);
    const old = { client: 'c', epoch: world.epoch('c'), completed: [32_768] };
    world.connect('b', 'c');
    const d = world.connect('a', 'd', {}, 't');
    world.propose('b', publishCommand('t', '2', 1));
    const command: ProgressCommand = {
      kind: 'progress',
      sessions: [old, { client: 'd', epoch: d, done: [1] }],
    };
    expect(world.one('a', command)).toEqual({ kind: 'done' });
    expect(world.queued('c')).toEqual(['1', '2']);
    expect(world.queued('d')).toEqual([]);
  });

  test('`done` takes away what could not be delivered, but no exchange whose PUBREC has come', () => {
    const world = withWindow(2, 2);
    world.propose('a', progress(world, 'c', { received: [32_768] }));
    world.propose('a', progress(world, 'c', { done: [1, 2, 77] }));
    expect(packetIds(world)).toEqual([32_768]);
  });
});

describe('bounds of queues', () => {
  test('trace 19: drop-oldest, but no exchange under way', () => {
    const world = new World();
    world.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 3, connectedQueuedMessagesMax: 3 },
    });
    world.connect('a', 'c', { receiveMaximum: 1 }, 't');
    for (const number of ['1', '2', '3', '4']) world.propose('a', publishCommand('t', number, 2));
    expect(world.ofKind('dropped')).toEqual([{ kind: 'dropped', reason: 'queueFull', count: 1 }]);
    expect(world.queued('c')).toEqual(['1', '3', '4']);
    expect(world.state.counts().queuedMessages).toBe(3);
  });

  test('the bound of who is away starts from what the client left behind', () => {
    const world = new World();
    world.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 2, connectedQueuedMessagesMax: 4 },
    });
    const epoch = world.connect('a', 'c', {}, 't');
    for (const number of ['1', '2', '3', '4']) world.propose('a', publishCommand('t', number, 1));
    world.propose('a', { kind: 'close', client: 'c', epoch, graceful: true });
    for (const number of ['5', '6']) world.propose('a', publishCommand('t', number, 1));
    expect(world.queued('c')).toEqual(['1', '2', '3', '4', '5', '6']);
    world.propose('a', publishCommand('t', '7', 1));
    expect(world.queued('c')).toEqual(['2', '3', '4', '5', '6', '7']);
  });

  test('a message larger than the bound is dropped alone', () => {
    const world = new World();
    world.propose('a', { kind: 'settings', settings: { queuedBytesMax: 10, connectedQueuedBytesMax: 10 } });
    world.connect('a', 'c', {}, 't');
    world.propose('a', publishCommand('t', 'small'), publishCommand('t', 'much too large'));
    expect(world.queued('c')).toEqual(['small']);
    world.propose('a', publishCommand('t', 'newer'));
    expect(world.queued('c')).toEqual(['newer']);
  });

  test('refuse: nothing at all happens', () => {
    const world = new World();
    const one = { queuedMessagesMax: 1, connectedQueuedMessagesMax: 1 };
    world.propose('a', { kind: 'settings', settings: { ...one, queueFull: 'refuse' } });
    world.connect('a', 'c', {}, 't');
    world.connect('a', 'd', {}, 't');
    world.propose('a', progress(world, 'd', {}), publishCommand('t', '1', 1, { retain: true }));
    world.propose('a', progress(world, 'd', { done: [1] }));
    expect(world.one('a', publishCommand('t', '2', 1, { retain: true }))).toMatchObject({
      outcome: 'quotaExceeded',
    });
    expect(world.published()).toEqual([]);
    expect([world.queued('c'), world.queued('d'), world.retained('t')]).toEqual([['1'], [], ['t=1']]);
  });

  test('the whole cluster: each body counts once', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.connect('a', 'd', {}, 't');
    world.propose('a', publishCommand('t', '123456789'));
    expect(world.state.counts()).toMatchObject({ queuedMessages: 2, queuedBytes: 10 });
    world.propose('a', { kind: 'settings', settings: { clusterQueuedBytesMax: 19 } });
    expect(world.one('a', publishCommand('t', '123456789'))).toMatchObject({ outcome: 'quotaExceeded' });
    expect(world.one('a', publishCommand('nobody', '123456789'))).toMatchObject({ outcome: 'applied' });
    world.propose('a', progress(world, 'c', { done: [1] }));
    expect(world.state.counts()).toMatchObject({ queuedMessages: 1, queuedBytes: 10 });
    world.propose('a', progress(world, 'd', { done: [1] }));
    expect(world.state.counts()).toMatchObject({ queuedMessages: 0, queuedBytes: 0 });
  });

  test('a client that never acknowledges its first message does not let the queue grow', () => {
    const world = new World();
    world.connect('a', 'c', {}, 't');
    world.propose('a', publishCommand('t', 'first'));
    for (let number = 2; number < 500; number++) {
      world.propose('a', publishCommand('t', `${number}`), progress(world, 'c', { done: [number] }));
    }
    expect(world.queued('c')).toEqual(['first']);
    expect(world.state.session('c')?.queuedBytes).toBe(6);
    world.propose('a', publishCommand('t', 'last'));
    expect([...(world.state.session('c')?.queueFrom(2) ?? [])].map((item) => item.number)).toEqual([500]);
  });
});
