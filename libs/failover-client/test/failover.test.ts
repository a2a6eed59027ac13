import { startServers, startServer, stopAll, createTestClient } from './support/test-client.ts';
import type { FakeServerOptions, FakeServer } from './support/fake-server.ts';

afterEach(stopAll);

describe('a client that chooses a server', () => {
  test('connects to the first server of the rendezvous order', async () => {
    const [first, second, third] = (await startServers(3)) as [FakeServer, FakeServer, FakeServer];
    const { client } = createTestClient([first, second, third]);
    await client.start();
    await client.connected();
    expect(first.packets('connect')).toHaveLength(1);
    expect([...second.packetLog, ...third.packetLog]).toEqual([]);
  });

  test('skips a server that refuses the connection', async () => {
    const [first, second] = (await startServers(2)) as [FakeServer, FakeServer];
    await first.kill();
    const { client, connects } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    expect(second.packets('connect')).toHaveLength(1);
    expect(connects[0]?.gapMs).toBeNull();
    expect(client.status().failedAttempts).toBe(1);
  });

  test('skips a server that does not answer CONNECT within the timeout', async () => {
    const [first, second] = (await startServers(2, [{ connack: () => null }])) as [FakeServer, FakeServer];
    const { client } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    expect(first.packets('connect')).toHaveLength(1);
    expect(second.packets('connect')).toHaveLength(1);
  });

  test('skips a server that rejects the client, and keeps trying when all servers reject it', async () => {
    let open = false;
    const refusing: FakeServerOptions = { connack: () => (open ? {} : { reasonCode: 0x88 }) };
    const [first, second] = (await startServers(2, [refusing, refusing])) as [FakeServer, FakeServer];
    const { client } = createTestClient([first, second]);
    await client.start();
    await first.received(() => first.packets('connect').length === 3);
    open = true;
    await client.connected();
    expect(second.packets('connect').length).toBeGreaterThanOrEqual(2);
  });

  test('follows a Server Reference before it tries other servers (MQTT 5, 4.13)', async () => {
    const third = await startServer();
    const reference = third.url.replace('mqtt://', '');
    const redirecting: FakeServerOptions = {
      connack: () => ({ reasonCode: 0x9c, properties: { serverReference: reference } }),
    };
    const [first, second] = (await startServers(2, [redirecting])) as [FakeServer, FakeServer];
    const { client } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    expect(third.packets('connect')).toHaveLength(1);
    expect(second.packetLog).toEqual([]);
  });

  test('rejects the promise of connected() when the signal is aborted', async () => {
    const [first] = (await startServers(1, [{ connack: () => null }])) as [FakeServer];
    const { client } = createTestClient([first]);
    await client.start();
    const controller = new AbortController();
    const waiting = client.connected(controller.signal);
    controller.abort(new Error('aborted by the test'));
    await expect(waiting).rejects.toThrow('aborted by the test');
  });
});

describe('a client at a failover', () => {
  test('connects to the next server when its server is killed, and reports the gap', async () => {
    const [first, second] = (await startServers(2)) as [FakeServer, FakeServer];
    const { client, next, failovers } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    const failover = next('failover');
    await first.kill();
    await failover;
    expect(second.packets('connect')).toHaveLength(1);
    expect(failovers).toHaveLength(1);
    expect(failovers[0]?.gapMs).toBeGreaterThanOrEqual(0);
  });

  test('connects to the next server when its server stops sending', async () => {
    const [first, second] = (await startServers(2)) as [FakeServer, FakeServer];
    const { client, next } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    await first.received((packet) => packet.cmd === 'pingreq');
    const failover = next('failover');
    first.silence();
    await failover;
    expect(client.status().connected).toBe(true);
    expect(second.packets('connect')).toHaveLength(1);
  });

  test('stays on its server when the more preferred server returns', async () => {
    const [first, second] = (await startServers(2)) as [FakeServer, FakeServer];
    const { client, next } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    const failover = next('failover');
    await first.kill();
    await failover;
    await first.start();
    await second.received((packet) => packet.cmd === 'pingreq');
    expect(first.packets('connect')).toHaveLength(1);
  });

  test('sends unacknowledged messages to the next server in order, with DUP=1 and the same packet ids', async () => {
    const ignoring: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const present: FakeServerOptions = { connack: ({ clean }) => ({ sessionPresent: !clean }) };
    const [first, second] = (await startServers(2, [ignoring, present])) as [FakeServer, FakeServer];
    const { client } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    const sent = ['1', '2', '3'].map((payload) =>
      client.publish('t', payload, { qos: payload === '2' ? 2 : 1 }),
    );
    await first.received(() => first.packets('publish').length === 3);
    expect(client.status().unacked).toBe(3);
    await first.kill();
    await Promise.all(sent);
    const resent = second.packets('publish');
    expect(resent.map(({ payload }) => payload.toString())).toEqual(['1', '2', '3']);
    expect(resent.map(({ dup }) => dup)).toEqual([true, true, true]);
    expect(resent.map(({ messageId }) => messageId)).toEqual(
      first.packets('publish').map(({ messageId }) => messageId),
    );
    expect(client.status().unacked).toBe(0);
  });

  test('sends unacknowledged messages with DUP=0 to a new session [5.0 MQTT-3.3.1-1]', async () => {
    const ignoring: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second] = (await startServers(2, [ignoring])) as [FakeServer, FakeServer];
    const { client } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 1 });
    await first.received(({ cmd }) => cmd === 'publish');
    await first.kill();
    await sent;
    expect(second.packets('publish').map(({ dup }) => dup)).toEqual([false]);
  });

  test('continues a QoS 2 publish after PUBREC with PUBREL, not with PUBLISH', async () => {
    const stuck: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'pubrel' };
    const [first, second] = (await startServers(2, [
      stuck,
      { connack: () => ({ sessionPresent: true }) },
    ])) as [FakeServer, FakeServer];
    const { client } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 2 });
    await first.received(({ cmd }) => cmd === 'pubrel');
    await first.kill();
    await sent;
    expect(second.packets('publish')).toEqual([]);
    expect(second.packets('pubrel')).toHaveLength(1);
  });

  test('sends messages that were published without a connection after the older unacknowledged ones', async () => {
    const ignoring: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first] = (await startServers(1, [ignoring])) as [FakeServer];
    const { client, next } = createTestClient([first]);
    await client.start();
    await client.connected();
    const older = client.publish('t', 'older', { qos: 1 });
    await first.received(({ cmd }) => cmd === 'publish');
    const disconnected = next('disconnect');
    await first.kill();
    await disconnected;
    const newer = client.publish('t', 'newer', { qos: 1 });
    await expect(client.publish('t', 'lost')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    Object.assign(ignoring, { onPacket: () => false });
    await first.start();
    await Promise.all([older, newer]);
    expect(first.packets('publish').map(({ payload }) => payload.toString())).toEqual([
      'older',
      'older',
      'newer',
    ]);
  });

  test('never exceeds the Receive Maximum of the server, also when it repeats messages', async () => {
    const ignoring: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    let acks = false;
    const narrow: FakeServerOptions = {
      connack: () => ({ properties: { receiveMaximum: 2 } }),
      onPacket: ({ cmd }) => cmd === 'publish' && !acks,
    };
    const [first, second] = (await startServers(2, [ignoring, narrow])) as [FakeServer, FakeServer];
    const { client } = createTestClient([first, second]);
    await client.start();
    await client.connected();
    const payloads = ['1', '2', '3', '4', '5'];
    const sent = Promise.all(payloads.map((payload) => client.publish('t', payload, { qos: 1 })));
    await first.received(() => first.packets('publish').length === 5);
    await first.kill();
    await second.received(({ cmd }) => cmd === 'pingreq');
    expect(second.packets('publish')).toHaveLength(2);
    acks = true;
    for (const { messageId } of second.packets('publish')) {
      second.send({ cmd: 'puback', messageId: messageId ?? 0, reasonCode: 0 });
    }
    await sent;
    expect(second.packets('publish').map(({ payload }) => payload.toString())).toEqual(payloads);
  });

  test('sends the subscriptions again to a new session, but not to a resumed session', async () => {
    let present = false;
    const options: FakeServerOptions = { connack: () => ({ sessionPresent: present }) };
    const [first, second] = (await startServers(2, [options, options])) as [FakeServer, FakeServer];
    const { client, next } = createTestClient([first, second], { subscriptions: { 'a/#': { qos: 1 } } });
    await client.start();
    await client.subscribe({ b: { qos: 2 } });
    expect(first.packets('subscribe').flatMap(({ subscriptions }) => subscriptions)).toHaveLength(2);
    const toSecond = next('failover');
    await first.kill();
    await toSecond;
    await second.received(({ cmd }) => cmd === 'subscribe');
    expect(
      second.packets('subscribe').flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic)),
    ).toEqual(['a/#', 'b']);
    present = true;
    await first.start();
    const toFirst = next('failover');
    const before = first.packets('subscribe').length;
    await second.kill();
    await toFirst;
    await client.publish('t', 'after', { qos: 1 });
    expect(first.packets('subscribe')).toHaveLength(before);
  });

  test('stops after a takeover if onTakeover is "stop", and rejects unacknowledged publishes', async () => {
    const ignoring: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second] = (await startServers(2, [ignoring])) as [FakeServer, FakeServer];
    const { client, next } = createTestClient([first, second], { onTakeover: 'stop' });
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 1 });
    const stopped = next('stopped');
    first.send({ cmd: 'disconnect', reasonCode: 0x8e });
    await expect(sent).rejects.toMatchObject({ code: 'CLIENT_STOPPED' });
    expect(await stopped).toBe('takenOver');
    expect(second.packetLog).toEqual([]);
  });

  test('stops after a lost connection if stopOnConnectionLoss is set, and repeats no message', async () => {
    const ignoring: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second] = (await startServers(2, [ignoring])) as [FakeServer, FakeServer];
    const { client, next } = createTestClient([first, second], { stopOnConnectionLoss: true });
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 1 });
    await first.received(({ cmd }) => cmd === 'publish');
    const stopped = next('stopped');
    const rejected = expect(sent).rejects.toMatchObject({ code: 'CLIENT_STOPPED' });
    await first.kill();
    await rejected;
    expect(await stopped).toBe('connectionLost');
    expect(second.packetLog).toEqual([]);
  });
});
