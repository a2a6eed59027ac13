import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, until } from '@mqtt-cluster/testing';
import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { levels } from './support/client.ts';
import { createAppliance, persistent, unique, useServer } from './support/server.ts';

const server = useServer(3);

describe.each(levels)('at protocol level %i, a cluster of three members', (level) => {
  test('delivers the messages of a client to subscribers of all members, in their order [3.1.1 MQTT-4.5.0-1] [5.0 MQTT-4.5.0-1] [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]', async () => {
    const topic = unique('t');
    const subscribers = await Promise.all(
      [0, 1, 2].map((member) => server.current.connect(level, { member })),
    );
    for (const [index, subscriber] of subscribers.entries()) {
      await subscriber.subscribe(topic, index === 0 ? 1 : 2);
    }
    const publisher = await server.current.connect(level, { member: 1 });
    const numbers = Array.from({ length: 20 }, (_, number) => String(number));
    for (const payload of numbers) await publisher.publish(topic, payload, { qos: 1 });
    for (const subscriber of subscribers) expect(await subscriber.payloadsUntil('19')).toEqual(numbers);
  });

  test('resumes a session at another member, with its queue and its packet ids [3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.2.2-2] [5.0 MQTT-3.1.2-5] [5.0 MQTT-3.2.2-3] [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1]', async () => {
    const topic = unique('t');
    const session = { clientId: unique('c'), ...persistent(level), manual: true };
    const first = await server.current.connect(level, { ...session, member: 0 });
    await first.subscribe(topic, 2);
    const publisher = await server.current.connect(level, { member: 1 });
    await publisher.publish(topic, 'one', { qos: 1 });
    await publisher.publish(topic, 'two', { qos: 2 });
    await first.payloadsUntil('two');
    first.drop();
    const again = await server.current.connect(level, { ...session, member: 2 });
    expect(again.connack.sessionPresent).toBe(true);
    await again.payloadsUntil('two');
    const idsOf = (client: typeof first) => client.received('publish').map(({ messageId }) => messageId);
    expect(idsOf(again)).toEqual(idsOf(first));
    expect(again.received('publish').map(({ dup }) => dup)).toEqual([true, true]);
  });

  test('delivers a QoS 2 message once to a publisher and a subscriber that change their members [3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-10] [3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-6]', async () => {
    const topic = unique('t');
    const subscriber = { clientId: unique('s'), ...persistent(level), manual: true };
    const publisher = { clientId: unique('p'), ...persistent(level) };
    const first = await server.current.connect(level, { ...subscriber, member: 0 });
    await first.subscribe(topic, 2);
    for (const member of [1, 2]) {
      const client = await server.current.connect(level, { ...publisher, member });
      client.send({
        cmd: 'publish',
        topic,
        payload: 'once',
        qos: 2,
        retain: false,
        dup: member === 2,
        messageId: 7,
      });
      await client.next('pubrec');
      if (member === 1) client.drop();
      else {
        client.send({ cmd: 'pubrel', messageId: 7 });
        await client.next('pubcomp');
        await client.publish(topic, 'last', { qos: 1 });
      }
    }
    expect(await first.payloadsUntil('last')).toEqual(['once', 'last']);
    const { messageId = 0 } = first.received('publish')[0]!;
    first.send({ cmd: 'pubrec', messageId });
    await first.next('pubrel');
    first.drop();
    const again = await server.current.connect(level, { ...subscriber, member: 1 });
    expect((await again.next('pubrel')).messageId).toBe(messageId);
    expect(again.payloads).not.toContain('once');
  });

  test('closes a connection whose client id connects to another member [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3]', async () => {
    const clientId = unique('c');
    const first = await server.current.connect(level, { clientId, member: 0 });
    const second = await server.current.connect(level, { clientId, member: 1 });
    await first.closed;
    if (level === 5) expect(first.received('disconnect')).toMatchObject([{ reasonCode: 0x8e }]);
    await second.settle();
  });

  test('has the same retained messages and publishes wills at all members [3.1.1 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-9] [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-17] [5.0 MQTT-3.1.2-15]', async () => {
    const topic = unique('t');
    const observer = await server.current.connect(level, { member: 2 });
    await observer.subscribe(topic, 1);
    const client = await server.current.connect(level, {
      member: 0,
      will: { topic, payload: Buffer.from('died'), qos: 1, retain: true },
    });
    client.drop();
    expect(await observer.payloadsUntil('died')).toEqual(['died']);
    const late = await server.current.connect(level, { member: 1, ...persistent(level) });
    await late.subscribe(topic, 1);
    await late.payloadsUntil('died');
    expect(late.received('publish')).toMatchObject([{ retain: true, qos: 1 }]);
  });
});

test('a member that connects to a peer is a client of MQTT 3.1.1: CONNECT first, then valid packets, and pings [3.1.1 MQTT-7.0.0-1]', async () => {
  const [mqtt, http, cluster, peer] = await freePorts(4);
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  const sockets: Socket[] = [];
  const connections: Packet[][] = [];
  const faults: unknown[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket);
    const received: Packet[] = [];
    connections.push(received);
    const packets = parser({ protocolVersion: 4 });
    packets.on('error', (error: Error) => faults.push(error));
    packets.on('packet', (packet: Packet) => {
      received.push(packet);
      if (packet.cmd === 'connect')
        socket.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
      if (packet.cmd === 'pingreq') socket.write(generate({ cmd: 'pingresp' }));
    });
    socket.on('data', (bytes: Buffer) => packets.parse(bytes));
    socket.on('error', () => undefined);
  });
  listener.listen(peer, host);
  await once(listener, 'listening');
  const member = createAppliance({
    id: 'm0',
    ports: { mqtt: mqtt!, http: http!, cluster: cluster! },
    peers: [`m0=${host}:${cluster}`, `m1=${host}:${peer}`],
    data: join(directory, 'm0'),
  });
  try {
    await member.start();
    const has = (cmd: Packet['cmd']): boolean => connections.flat().some((packet) => packet.cmd === cmd);
    await until(() => has('publish') && has('pingreq'));
    expect(faults).toEqual([]);
    for (const [first, ...others] of connections.filter((packets) => packets.length > 0)) {
      expect(first).toMatchObject({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true });
      expect((first as { clientId?: string }).clientId).not.toBe('');
      for (const packet of others) {
        expect(['publish', 'pingreq', 'subscribe', 'disconnect']).toContain(packet.cmd);
        if (packet.cmd === 'publish') expect(packet.topic).toMatch(/^[^+#\0]+$/);
      }
    }
  } finally {
    await member.stop();
    for (const socket of sockets) socket.destroy();
    listener.close();
    rmSync(directory, { recursive: true });
  }
});
