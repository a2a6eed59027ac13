import { levels } from './support/client.ts';
import type { Client, ConnectOptions, Level } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

type Will = NonNullable<ConnectOptions['will']>;

function willOf(topic: string, payload: string, options: Partial<Will> = {}): Will {
  return { topic, payload: Buffer.from(payload), qos: 1, retain: false, ...options };
}

async function observerOf(level: Level, topic: string): Promise<Client> {
  const observer = await server.current.connect(level);
  await observer.subscribe(topic, 2);
  return observer;
}

/**
 * Lets another client die and waits for its will. A will that another connection left before would have arrived
 * earlier, because wills are published in the order of the log.
 */
async function willsUntilMarker(observer: Client, topic: string, level: Level): Promise<string[]> {
  const marker = await server.current.connect(level, { will: willOf(topic, 'marker') });
  marker.drop();
  return observer.payloadsUntil('marker');
}

describe.each(levels)('at protocol level %i, the server', (level) => {
  test.each([0, 1, 2] as const)(
    'stores a will of QoS %i, and publishes it once when the connection breaks [3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-9] [3.1.1 MQTT-3.1.2-10] [3.1.1 MQTT-3.1.2-14] [5.0 MQTT-3.1.2-7] [5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-10] [5.0 MQTT-3.1.2-12]',
    async (qos) => {
      const topic = unique('will');
      const clientId = unique('c');
      const observer = await observerOf(level, topic);
      const client = await server.current.connect(level, { clientId, will: willOf(topic, 'died', { qos }) });
      client.drop();
      await observer.payloadsUntil('died');
      expect(observer.received('publish')).toMatchObject([{ topic, qos, retain: false }]);
      // The will was removed with its publication: a second connection without a will has none.
      const again = await server.current.connect(level, { clientId, clean: false });
      again.drop();
      expect(await willsUntilMarker(observer, topic, level)).toEqual(['died', 'marker']);
    },
  );

  test('discards the will at DISCONNECT, also when the session goes on [3.1.1 MQTT-3.1.2-10] [3.1.1 MQTT-3.14.4-3] [5.0 MQTT-3.1.2-10] [5.0 MQTT-3.14.4-3]', async () => {
    const topic = unique('will');
    const observer = await observerOf(level, topic);
    for (const session of [{}, persistent(level)]) {
      const clientId = unique('c');
      const client = await server.current.connect(level, { clientId, ...session, will: willOf(topic, 'no') });
      await client.disconnect();
      const again = await server.current.connect(level, { clientId, ...session });
      again.drop();
    }
    expect(await willsUntilMarker(observer, topic, level)).toEqual(['marker']);
  });

  test('publishes no will of a client without the Will Flag [3.1.1 MQTT-3.1.2-12]', async () => {
    const topic = unique('will');
    const clientId = unique('c');
    const observer = await observerOf(level, topic);
    const withWill = await server.current.connect(level, { clientId, will: willOf(topic, 'first') });
    await withWill.disconnect();
    const without = await server.current.connect(level, { clientId });
    without.drop();
    expect(await willsUntilMarker(observer, topic, level)).toEqual(['marker']);
  });

  test('publishes a will with Will Retain 0 without retaining it [3.1.1 MQTT-3.1.2-16] [5.0 MQTT-3.1.2-14]', async () => {
    const topic = unique('will');
    const observer = await observerOf(level, topic);
    await observer.publish(topic, 'before', { qos: 1, retain: true });
    const client = await server.current.connect(level, { will: willOf(topic, 'died') });
    client.drop();
    await observer.payloadsUntil('died');
    expect(observer.received('publish').map(({ retain }) => retain)).toEqual([false, false]);
    const later = await observerOf(level, topic);
    expect(await later.payloadsUntil('before')).toEqual(['before']);
  });

  test('publishes a will with Will Retain 1 as a retained message [3.1.1 MQTT-3.1.2-17] [5.0 MQTT-3.1.2-15]', async () => {
    const topic = unique('will');
    const observer = await observerOf(level, topic);
    const client = await server.current.connect(level, { will: willOf(topic, 'died', { retain: true }) });
    client.drop();
    await observer.payloadsUntil('died');
    const later = await observerOf(level, topic);
    await later.payloadsUntil('died');
    expect(later.received('publish')).toMatchObject([{ topic, qos: 1, retain: true }]);
  });

  test('publishes the will when it closes the connection for a malformed packet [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8]', async () => {
    const topic = unique('will');
    const observer = await observerOf(level, topic);
    const client = await server.current.connect(level, { will: willOf(topic, 'malformed') });
    client.write([0x36, 0]);
    await client.closed;
    expect(await observer.payloadsUntil('malformed')).toEqual(['malformed']);
  });
});

describe('the server, for MQTT 5.0,', () => {
  const expiry = (sessionExpiryInterval: number) => ({ properties: { sessionExpiryInterval } });

  test('publishes the will of a client that disconnects with 0x04 [5.0 MQTT-3.1.2-8]', async () => {
    const topic = unique('will');
    const observer = await observerOf(5, topic);
    const client = await server.current.connect(5, { will: willOf(topic, 'with will') });
    client.send({ cmd: 'disconnect', reasonCode: 4 });
    expect(await observer.payloadsUntil('with will')).toEqual(['with will']);
  });

  test('publishes a delayed will after its delay, or when the session ends before [5.0 MQTT-3.1.2-7] [5.0 MQTT-3.1.2-8]', async () => {
    const topic = unique('will');
    const observer = await observerOf(5, topic);
    const delayed = (payload: string, willDelayInterval: number): ConnectOptions => ({
      will: willOf(topic, payload, { properties: { willDelayInterval } }),
    });
    const clients = [
      await server.current.connect(5, { ...delayed('after the delay', 1), ...expiry(60) }),
      await server.current.connect(5, { ...delayed('at the end of the session', 60), ...expiry(1) }),
      await server.current.connect(5, { ...delayed('at once', 60), ...expiry(0) }),
    ];
    for (const client of clients) client.drop();
    await observer.payloadsUntil('at once');
    expect(observer.payloads).toEqual(['at once']);
    await observer.payloadsUntil('after the delay');
    await observer.payloadsUntil('at the end of the session');
    expect(observer.payloads).toHaveLength(3);
  });

  test('sends no will if the client is back before the will delay is over [5.0 MQTT-3.1.3-9]', async () => {
    const topic = unique('will');
    const observer = await observerOf(5, topic);
    const clientId = unique('c');
    const delayed = willOf(topic, 'never', { properties: { willDelayInterval: 1 } });
    const first = await server.current.connect(5, { clientId, will: delayed, ...persistent(5) });
    first.drop();
    const again = await server.current.connect(5, { clientId, ...persistent(5) });
    expect(again.connack.sessionPresent).toBe(true);
    const marker = await server.current.connect(5, {
      will: willOf(topic, 'marker', { properties: { willDelayInterval: 1 } }),
      ...expiry(60),
    });
    marker.drop();
    expect(await observer.payloadsUntil('marker')).toEqual(['marker']);
  });

  test('publishes a will with its properties, and with its user properties in their order [5.0 MQTT-3.1.3-10] [5.0 MQTT-3.1.2-9]', async () => {
    const topic = unique('will');
    const observer = await observerOf(5, topic);
    const userProperties = { b: ['1', '3'], a: '2' };
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Buffer.from([1, 0, 2]),
      userProperties,
    };
    const client = await server.current.connect(5, { will: willOf(topic, 'died', { properties }) });
    client.drop();
    const message = await observer.next('publish');
    expect(message.properties).toMatchObject({ ...properties, userProperties: expect.anything() });
    const bytes = observer.frames[observer.packets.indexOf(message)]!;
    const order = ['1', '3', '2'].map((value) => bytes.indexOf(Buffer.from([0, 1, value.charCodeAt(0)])));
    expect(order.every((at, index) => at > 0 && (index === 0 || at > order[index - 1]!))).toBe(true);
  });
});
