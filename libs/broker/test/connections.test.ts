import type { ClientEvent } from '../src/index.ts';
import { authenticatorOf } from './support/access.ts';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget } from './support/driver.ts';

const five = { protocolVersion: 5 as const };

describe('the directory of connections', () => {
  test('returns the connected clients sorted by client id, page by page', async () => {
    const target = await startBroker();
    for (const id of ['b', 'd', 'a', 'c', 'B']) await connect(target, id);
    const { connections } = target.broker;
    const idsAfter = (id: string | null, limit: number) =>
      connections.after(id, limit).map(({ client }) => client);
    expect(idsAfter(null, 10)).toEqual(['B', 'a', 'b', 'c', 'd']);
    expect(idsAfter(null, 2)).toEqual(['B', 'a']);
    expect(idsAfter('a', 2)).toEqual(['b', 'c']);
    expect(idsAfter('aa', 1)).toEqual(['b']);
    expect(idsAfter('d', 5)).toEqual([]);
    expect(connections.size).toBe(5);
  });

  test('describes a client by its CONNECT, its authentication and its deliveries', async () => {
    const target = await startBroker({
      limits: { keepAliveSecondsMax: 60 },
      authenticator: authenticatorOf(() => true),
    });
    const client = await connect(target, 'c', {
      ...five,
      keepalive: 90,
      clean: false,
      username: 'alice',
      password: Buffer.from('secret'),
      properties: { sessionExpiryInterval: 300, receiveMaximum: 7 },
      will: {
        topic: 'will/topic',
        payload: Buffer.from('gone'),
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 5 },
      },
    });
    await client.subscribe(1, 'x', 1);
    client.publish('x', 'one', { qos: 1, messageId: 2 });
    await client.next('publish');
    const info = target.broker.connections.get('c')!;
    expect(info).toEqual({
      client: 'c',
      protocol: '5.0',
      address: '127.0.0.1',
      user: 'alice',
      listener: 'default',
      keepAliveSeconds: 60,
      connectedSinceMs: expect.any(Number),
      clean: false,
      expirySeconds: 300,
      receiveMaximum: 7,
      will: { topic: 'will/topic', qos: 1, retain: true, delaySeconds: 5, payloadBytes: 4 },
      inFlight: 1,
      dropped: 0,
    });
    expect(JSON.stringify(info)).not.toContain('secret');
    expect(target.broker.connections.get('other')).toBeNull();
  });

  test('counts the deliveries that are too large for the client', async () => {
    const target = await startBroker();
    const client = await connect(target, 'c', { ...five, properties: { maximumPacketSize: 100 } });
    await client.subscribe(1, 'x', 0);
    client.publish('x', 'y'.repeat(60));
    const publisher = await connect(target, 'p');
    publisher.publish('x', 'y'.repeat(200));
    await publisher.settle();
    await client.settle();
    expect(target.broker.connections.get('c')).toMatchObject({ dropped: 1, expirySeconds: 0 });
  });

  test('contains one connection of a client after a takeover, and none after its end', async () => {
    const target = await startBroker();
    const first = await connect(target, 'c');
    const second = await connect(target, 'c', five);
    await first.closed;
    expect(target.broker.connections.after(null, 10)).toMatchObject([{ client: 'c', protocol: '5.0' }]);
    await second.disconnect();
    expect(target.broker.connections.after(null, 10)).toEqual([]);
    expect(target.broker.connections.get('c')).toBeNull();
  });

  test('does not contain clients that were rejected', async () => {
    const target = await startBroker({ authenticator: authenticatorOf(() => false) });
    const client = open(target);
    client.send(connectPacket('c'));
    await client.closed;
    expect(target.broker.connections.size).toBe(0);
  });
});

describe('an operator who disconnects a client', () => {
  test('ends an MQTT 5 connection with the reason code 0x98, and the member publishes the will', async () => {
    const target = await startBroker();
    const client = await connect(target, 'c', five);
    expect(target.broker.disconnect('c')).toBe(true);
    await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x98 });
    await client.closed;
    expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
    expect(target.broker.counters().disconnects.administrative).toBe(1);
  });

  test('closes an MQTT 3.1.1 connection without a packet', async () => {
    const target = await startBroker();
    const client = await connect(target, 'c');
    target.broker.disconnect('c');
    await client.closed;
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
  });

  test('is informed when the client is not connected', async () => {
    const target = await startBroker();
    expect(target.broker.disconnect('c')).toBe(false);
  });
});

describe('client events', () => {
  let events: ClientEvent[];
  let target: BrokerTarget;
  let accepted: boolean;
  beforeEach(async () => {
    events = [];
    accepted = true;
    target = await startBroker({
      onClientEvent: (event) => events.push(event),
      authenticator: authenticatorOf(() => accepted),
      serverReference: () => 'other:1883',
    });
  });
  const address = '127.0.0.1';

  test('report a connect and a disconnect with its reason', async () => {
    const client = await connect(target, 'c', { username: 'alice', password: Buffer.from('p') });
    await client.disconnect();
    expect(events).toEqual([
      { kind: 'connected', client: 'c', user: 'alice', address, text: 'the client connected' },
      {
        kind: 'disconnected',
        client: 'c',
        user: 'alice',
        address,
        reason: 'client',
        text: 'the client sent DISCONNECT',
      },
    ]);
  });

  test('report the packet error of a client', async () => {
    const client = await connect(target, 'c');
    client.sendBytes([0x00, 0x00]);
    await client.closed;
    expect(events.at(-1)).toMatchObject({ kind: 'disconnected', reason: 'protocol_error', client: 'c' });
    expect(events.at(-1)!.text).not.toBe('the client violated the protocol');
  });

  test('report a takeover', async () => {
    const first = await connect(target, 'c');
    await connect(target, 'c');
    await first.closed;
    expect(events.map(({ kind }) => kind)).toEqual(['connected', 'takenOver', 'connected']);
  });

  test('report a refused client without its user name, because it may be a password', async () => {
    accepted = false;
    const client = open(target);
    client.send(connectPacket('c', { username: 'mistyped password', password: Buffer.from('p') }));
    await client.closed;
    expect(events).toEqual([
      {
        kind: 'refused',
        client: 'c',
        address,
        reason: 'not_authorized',
        text: 'the credentials of the client are not accepted',
      },
    ]);
  });

  test('report a refused client identifier at a bounded length', async () => {
    const client = open(target);
    client.send(connectPacket('c'.repeat(5_000)));
    await client.closed;
    expect(events).toMatchObject([{ kind: 'refused', reason: 'client_id', client: 'c'.repeat(256) }]);
  });

  test('report a redirected MQTT 5 client', async () => {
    target.port.refusal = 'draining';
    const client = open(target, 5);
    client.send(connectPacket('c', five));
    await client.closed;
    expect(events).toMatchObject([{ kind: 'redirected', client: 'c', reason: 'draining' }]);
  });

  test('report a connection whose first packet is no CONNECT', async () => {
    const client = open(target);
    client.sendBytes([0x30, 0x00]);
    await client.closed;
    expect(events).toMatchObject([{ kind: 'refused', client: '', address }]);
  });
});
