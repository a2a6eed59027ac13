import { levels, publishPacket } from './support/client.ts';
import type { Client, Level } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

/** Opens a persistent session with one QoS 1 subscription, and disconnects. */
async function absentSession(level: Level, clientId: string, filter: string): Promise<void> {
  const client = await server.current.connect(level, { clientId, ...persistent(level) });
  await client.subscribe(filter, 1);
  await client.disconnect();
}

/** Publishes a marker at QoS 1 and returns all payloads up to it. */
async function payloads(client: Client, topic: string, level: Level): Promise<string[]> {
  const publisher = await server.current.connect(level);
  await publisher.publish(topic, 'marker', { qos: 1 });
  return client.payloadsUntil('marker');
}

describe.each(levels)('at protocol level %i, the server', (level) => {
  test('creates a session for Clean Session or Clean Start 0, and resumes it later [3.1.1 MQTT-3.1.2-4] [5.0 MQTT-3.1.2-5] [5.0 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-23] [3.1.1 MQTT-3.1.4-3] [5.0 MQTT-3.1.4-4] [3.1.1 MQTT-3.2.2-2] [3.1.1 MQTT-3.2.2-3] [5.0 MQTT-3.2.2-3] [3.1.1 MQTT-4.1.0-1]', async () => {
    const clientId = unique('session');
    const topic = unique('t');
    const first = await server.current.connect(level, { clientId, ...persistent(level) });
    expect(first.connack.sessionPresent).toBe(false);
    await first.subscribe(topic, 1);
    await first.disconnect();
    const again = await server.current.connect(level, { clientId, ...persistent(level) });
    expect(again.connack.sessionPresent).toBe(true);
    expect(await payloads(again, topic, level)).toEqual(['marker']);
  });

  test('keeps the session of a client whose connection breaks [3.1.1 MQTT-3.1.2-4] [5.0 MQTT-3.1.2-23] [3.1.1 MQTT-4.1.0-1]', async () => {
    const clientId = unique('broken');
    const topic = unique('t');
    const first = await server.current.connect(level, { clientId, ...persistent(level) });
    await first.subscribe(topic, 2);
    first.drop();
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'while away', { qos: 2 });
    const again = await server.current.connect(level, { clientId, ...persistent(level) });
    expect(again.connack.sessionPresent).toBe(true);
    expect(await payloads(again, topic, level)).toEqual(['while away', 'marker']);
  });

  test('stores QoS 1 and 2 messages for an absent client, and no QoS 0 message [3.1.1 MQTT-3.1.2-5] [3.1.1 MQTT-4.5.0-1] [5.0 MQTT-4.5.0-1]', async () => {
    const clientId = unique('absent');
    const topic = unique('t');
    await absentSession(level, clientId, `${topic}/#`);
    const publisher = await server.current.connect(level);
    for (const qos of [0, 1, 2] as const) await publisher.publish(`${topic}/${qos}`, `qos ${qos}`, { qos });
    const again = await server.current.connect(level, { clientId, ...persistent(level) });
    expect(await payloads(again, `${topic}/x`, level)).toEqual(['qos 1', 'qos 2', 'marker']);
  });

  test('adds a message to the session of each subscriber, connected or not [3.1.1 MQTT-4.5.0-1] [5.0 MQTT-4.5.0-1]', async () => {
    const topic = unique('each');
    const absent = unique('absent');
    await absentSession(level, absent, `${topic}/a`);
    const connected = await server.current.connect(level);
    await connected.subscribe(`${topic}/+`, 2);
    const publisher = await server.current.connect(level);
    await publisher.publish(`${topic}/a`, 'for both', { qos: 1 });
    expect(await connected.payloadsUntil('for both')).toEqual(['for both']);
    const again = await server.current.connect(level, { clientId: absent, ...persistent(level) });
    expect(await again.payloadsUntil('for both')).toEqual(['for both']);
  });

  test('discards the stored session for Clean Session or Clean Start 1 [3.1.1 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-4] [3.1.1 MQTT-3.2.2-1] [5.0 MQTT-3.2.2-2] [3.1.1 MQTT-3.1.4-3] [5.0 MQTT-3.1.4-4]', async () => {
    const clientId = unique('discard');
    const topic = unique('t');
    await absentSession(level, clientId, topic);
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'never delivered', { qos: 1 });
    const clean = await server.current.connect(level, { clientId, clean: true });
    expect(clean.connack.sessionPresent).toBe(false);
    await publisher.publish(topic, 'no subscription', { qos: 1 });
    await clean.subscribe(topic, 1);
    expect(await payloads(clean, topic, level)).toEqual(['marker']);
  });

  test('discards unfinished QoS 2 exchanges with the session [3.1.1 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-4]', async () => {
    const clientId = unique('exchange');
    const topic = unique('t');
    const observer = await server.current.connect(level);
    await observer.subscribe(topic, 2);
    for (const payload of ['first', 'second']) {
      const client = await server.current.connect(level, { clientId, clean: true });
      client.send(publishPacket(topic, payload, { qos: 2, messageId: 7 }));
      await client.next('pubrec');
      await client.disconnect();
    }
    expect(await observer.payloadsUntil('second')).toEqual(['first', 'second']);
  });

  test('keeps no state of a session with Clean Session 1, or expiry 0, for a later session [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-3] [5.0 MQTT-3.2.2-3] [5.0 MQTT-4.1.0-2]', async () => {
    const clientId = unique('clean');
    const topic = unique('t');
    const clean = await server.current.connect(level, { clientId });
    await clean.subscribe(topic, 1);
    await clean.disconnect();
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'lost', { qos: 1 });
    const later = await server.current.connect(level, { clientId, ...persistent(level) });
    expect(later.connack.sessionPresent).toBe(false);
    await later.subscribe(topic, 1);
    expect(await payloads(later, topic, level)).toEqual(['marker']);
  });

  test('keeps retained messages when the session of their publisher ends [3.1.1 MQTT-3.1.2-7]', async () => {
    const topic = unique('retained');
    const clientId = unique('publisher');
    const publisher = await server.current.connect(level, { clientId });
    await publisher.publish(topic, 'stays', { qos: 1, retain: true });
    await publisher.disconnect();
    await server.current.connect(level, { clientId, clean: true });
    const subscriber = await server.current.connect(level);
    await subscriber.subscribe(topic, 1);
    expect(await subscriber.payloadsUntil('stays')).toEqual(['stays']);
  });

  test('keeps one session for each client id [3.1.1 MQTT-3.1.3-2] [5.0 MQTT-3.1.3-2]', async () => {
    const [one, other] = [unique('id'), unique('id')];
    const topic = unique('t');
    await absentSession(level, one, `${topic}/one`);
    await absentSession(level, other, `${topic}/other`);
    const publisher = await server.current.connect(level);
    for (const name of ['one', 'other']) await publisher.publish(`${topic}/${name}`, name, { qos: 1 });
    const first = await server.current.connect(level, { clientId: one, ...persistent(level) });
    expect(await payloads(first, `${topic}/one`, level)).toEqual(['one', 'marker']);
    // Client ids are compared as they are: another case is another client.
    const upper = await server.current.connect(level, {
      clientId: other.toUpperCase(),
      ...persistent(level),
    });
    expect(upper.connack.sessionPresent).toBe(false);
    const second = await server.current.connect(level, { clientId: other, ...persistent(level) });
    expect(await payloads(second, `${topic}/other`, level)).toEqual(['other', 'marker']);
  });

  test('closes the earlier connection of a client id, and keeps the session of the newer one [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-3] [3.1.1 MQTT-4.1.0-2] [5.0 MQTT-4.1.0-1]', async () => {
    const clientId = unique('takeover');
    const topic = unique('t');
    const first = await server.current.connect(level, { clientId, ...persistent(level) });
    await first.subscribe(topic, 1);
    const second = await server.current.connect(level, { clientId, ...persistent(level) });
    await first.closed;
    if (level === 5) expect(first.received('disconnect')).toMatchObject([{ reasonCode: 0x8e }]);
    expect(second.connack.sessionPresent).toBe(true);
    expect(await payloads(second, topic, level)).toEqual(['marker']);
    expect(first.payloads).toEqual([]);
  });

  test('keeps the session of a connected client, also with Clean Session or Clean Start 1 [3.1.1 MQTT-4.1.0-2] [5.0 MQTT-4.1.0-1]', async () => {
    const topic = unique('connected');
    const client = await server.current.connect(level, {
      clean: true,
      ...(level === 5 && { properties: { sessionExpiryInterval: 1 } }),
    });
    await client.subscribe(topic, 1);
    const publisher = await server.current.connect(level);
    // The connection lasts longer than the session would without it.
    const until = performance.now() + 1_500;
    for (let number = 0; performance.now() < until; number++) {
      await publisher.publish(topic, String(number), { qos: 1 });
      await client.payloadsUntil(String(number));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await payloads(client, topic, level)).toHaveLength(client.payloads.length);
  });
});

describe('the server, for MQTT 5.0,', () => {
  test('starts a new session for Clean Start 1, and keeps it for its Session Expiry Interval [5.0 MQTT-3.1.2-4] [5.0 MQTT-3.1.2-23]', async () => {
    const clientId = unique('both');
    const properties = { sessionExpiryInterval: 60 };
    const first = await server.current.connect(5, { clientId, clean: true, properties });
    await first.disconnect();
    const again = await server.current.connect(5, { clientId, clean: false, properties });
    expect(again.connack.sessionPresent).toBe(true);
  });

  test('ends a session when its expiry interval has passed, also one that DISCONNECT has set [5.0 MQTT-4.1.0-2] [5.0 MQTT-3.2.2-3]', async () => {
    const [byConnect, byDisconnect, kept] = [unique('c'), unique('d'), unique('k')];
    const one = await server.current.connect(5, { clientId: byConnect, ...persistent(5, 1) });
    const other = await server.current.connect(5, { clientId: byDisconnect, ...persistent(5, 60) });
    const third = await server.current.connect(5, { clientId: kept, ...persistent(5, 1) });
    one.drop();
    other.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 1 } });
    third.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 60 } });
    await Promise.all([one.closed, other.closed, third.closed]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    for (const [clientId, present] of [
      [byConnect, false],
      [byDisconnect, false],
      [kept, true],
    ] as const) {
      const again = await server.current.connect(5, { clientId, ...persistent(5, 60) });
      expect([clientId, again.connack.sessionPresent]).toEqual([clientId, present]);
    }
  });
});
