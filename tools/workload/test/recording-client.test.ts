import { Recorder } from '../src/client/recorder.ts';
import { messageIdOf, payloadOf } from '../src/client/payload.ts';
import { RecordingClient } from '../src/client/recording-client.ts';
import type { ClientOptions } from '../src/client/recording-client.ts';
import type { HistoryEvent } from '@mqtt-cluster/history-checker';
import { FakeBroker } from './fake-broker.ts';

const connack = { cmd: 'connack', returnCode: 0, sessionPresent: false } as const;
const present = { cmd: 'connack', returnCode: 0, sessionPresent: true } as const;
const plain = { retain: false, clear: false } as const;

async function setUp(over: Partial<ClientOptions> = {}) {
  const broker = new FakeBroker();
  const server = await broker.open();
  const events: HistoryEvent[] = [];
  const closedWaiters: ((how: string) => void)[] = [];
  const connectedWaiters: ((sessionPresent: boolean) => void)[] = [];
  const eventWaiters: {
    matches: (event: HistoryEvent) => boolean;
    resolve: (event: HistoryEvent) => void;
  }[] = [];
  const recorder = new Recorder((event) => {
    events.push(event);
    for (const waiter of eventWaiters.filter(({ matches }) => matches(event))) waiter.resolve(event);
  });
  const client = new RecordingClient({
    clientId: 'c',
    version: 4,
    clean: false,
    expirySeconds: null,
    will: null,
    recorder,
    onConnected: (sessionPresent) => connectedWaiters.shift()?.(sessionPresent),
    onClosed: ({ how }) => closedWaiters.shift()?.(how),
    ...over,
  });
  opened.push(() => {
    client.drop();
    broker.close();
  });
  return {
    broker,
    client,
    events,
    /** Connects the client and answers its CONNECT with the given CONNACK. */
    async connect(answer: typeof connack | typeof present = connack) {
      const connected = new Promise<boolean>((resolve) => connectedWaiters.push(resolve));
      client.connect(server);
      const connection = await broker.nextConnection();
      connection.send(connection.version === 5 ? { ...answer, reasonCode: 0 } : answer);
      await connected;
      return connection;
    },
    server,
    closed: () => new Promise<string>((resolve) => closedWaiters.push(resolve)),
    event: (matches: (event: HistoryEvent) => boolean) => {
      const found = events.find(matches);
      return found !== undefined
        ? Promise.resolve(found)
        : new Promise<HistoryEvent>((resolve) => eventWaiters.push({ matches, resolve }));
    },
    kinds: () => events.map(({ type }) => type),
  };
}

const opened: (() => void)[] = [];
afterEach(() => opened.splice(0).forEach((close) => close()));

describe('a RecordingClient that publishes', () => {
  it('resends unacknowledged messages in order and with DUP=1 if the server answers with session present [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1]', async () => {
    const { client, connect, closed, event, events } = await setUp();
    const first = await connect();
    for (const topic of ['a', 'b', 'c']) client.publish({ topic, qos: topic === 'b' ? 2 : 1, ...plain });
    const sent = [await first.next('publish'), await first.next('publish'), await first.next('publish')];
    first.send({ cmd: 'puback', messageId: sent[0]?.messageId ?? 0 });
    await event(({ type }) => type === 'acked');
    const lost = closed();
    first.end(true);
    expect(await lost).toBe('lost');

    const second = await connect(present);
    const again = [await second.next('publish'), await second.next('publish')];
    expect(again.map(({ topic, messageId, dup }) => [topic, messageId, dup])).toEqual([
      ['b', sent[1]?.messageId, true],
      ['c', sent[2]?.messageId, true],
    ]);
    const published = events.flatMap((each) => (each.type === 'publish' ? [[each.message, each.dup]] : []));
    expect(published).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [2, true],
      [3, true],
    ]);
  });

  it('sends PUBREL instead of a second PUBLISH on the next connection if it had received PUBREC [3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-6]', async () => {
    const { client, connect, closed, event, kinds } = await setUp();
    const first = await connect();
    client.publish({ topic: 'a', qos: 2, ...plain });
    const { messageId = 0 } = await first.next('publish');
    first.send({ cmd: 'pubrec', messageId });
    await first.next('pubrel');
    const lost = closed();
    first.end();
    expect(await lost).toBe('server');

    const second = await connect(present);
    expect((await second.next('pubrel')).messageId).toBe(messageId);
    second.send({ cmd: 'pubcomp', messageId });
    await event(({ type }) => type === 'completed');
    expect(client.idle).toBe(true);
    expect(second.packets.some(({ cmd }) => cmd === 'publish')).toBe(false);
    expect(kinds().filter((type) => type === 'acked')).toHaveLength(1);
  });

  it('records the reason code of PUBCOMP (MQTT 5, 3.7.2.1)', async () => {
    const { client, broker, server, event } = await setUp({ version: 5 });
    client.connect(server);
    const connection = await broker.nextConnection();
    connection.send({ ...connack, reasonCode: 0 });
    await event(({ type }) => type === 'connected');
    client.publish({ topic: 'a', qos: 2, ...plain });
    const { messageId = 0 } = await connection.next('publish');
    connection.send({ cmd: 'pubrec', messageId, reasonCode: 0 });
    await connection.next('pubrel');
    connection.send({ cmd: 'pubcomp', messageId, reasonCode: 0x92 });
    expect(await event(({ type }) => type === 'completed')).toMatchObject({ message: 1, code: 0x92 });
  });

  it('does not close a connection that it abandons, and records that connection as lost', async () => {
    const { client, connect, events } = await setUp();
    const first = await connect();
    client.subscribe('a', 1);
    const { messageId = 0 } = await first.next('subscribe');
    client.vanish();
    first.send({ cmd: 'suback', messageId, granted: [1] });
    const second = await connect(present);
    await second.next('subscribe');
    expect(first.ended).toBe(false);
    expect(events.flatMap((event) => (event.type === 'closed' ? [event.how] : []))).toEqual(['lost']);
    expect(events.some(({ type }) => type === 'subscribed')).toBe(false);
  });

  it('discards its unacknowledged messages if the server answers without session present', async () => {
    const { client, connect, closed } = await setUp();
    const first = await connect();
    client.publish({ topic: 'a', qos: 1, ...plain });
    await first.next('publish');
    const lost = closed();
    first.end(true);
    await lost;
    const second = await connect(connack);
    client.publish({ topic: 'b', qos: 1, ...plain });
    expect(await second.next('publish')).toMatchObject({ topic: 'b', dup: false });
    expect(second.packets.filter(({ cmd }) => cmd === 'publish')).toHaveLength(1);
  });

  it('has at most as many unacknowledged messages as the Receive Maximum of the server allows [5.0 MQTT-3.3.4-7]', async () => {
    const { client, broker, server, event } = await setUp({ version: 5 });
    client.connect(server);
    const connection = await broker.nextConnection();
    connection.send({
      cmd: 'connack',
      reasonCode: 0,
      sessionPresent: false,
      properties: { receiveMaximum: 2 },
    });
    await event(({ type }) => type === 'connected');
    const publish = () => client.publish({ topic: 'a', qos: 1, ...plain });
    expect([publish(), publish(), publish()]).toEqual([1, 2, null]);
    const { messageId = 0 } = await connection.next('publish');
    connection.send({ cmd: 'puback', messageId, reasonCode: 0 });
    await event(({ type }) => type === 'acked');
    expect(publish()).toBe(3);
  });

  it('records the reason code of a PUBACK that rejects a message, and does not resend the rejected message', async () => {
    const { client, connect, event } = await setUp({ version: 5 });
    const connection = await connect();
    client.publish({ topic: 'a', qos: 2, ...plain });
    const { messageId = 0 } = await connection.next('publish');
    connection.send({ cmd: 'pubrec', messageId, reasonCode: 0x97 });
    expect(await event(({ type }) => type === 'acked')).toMatchObject({ message: 1, code: 0x97 });
    expect(client.idle).toBe(true);
  });
});

describe('a RecordingClient that receives messages', () => {
  it('delivers a QoS 2 message only once if the server resends it before PUBREL, even on a new connection [3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-10]', async () => {
    const { connect, closed, events, event } = await setUp();
    const message = { cmd: 'publish', topic: 't', qos: 2, retain: false, messageId: 7 } as const;
    const first = await connect();
    first.send({ ...message, dup: false, payload: payloadOf(41) });
    await first.next('pubrec');
    const lost = closed();
    first.end(true);
    await lost;

    const second = await connect(present);
    second.send({ ...message, dup: true, payload: payloadOf(41) });
    await second.next('pubrec');
    second.send({ cmd: 'pubrel', messageId: 7 });
    await second.next('pubcomp');
    second.send({ ...message, dup: false, payload: payloadOf(42) });
    await event((each) => each.type === 'delivery' && each.message === 42);
    const delivered = events.flatMap((each) => (each.type === 'delivery' ? [each.message] : []));
    expect(delivered).toEqual([41, 42]);
  });

  it('delivers every copy of a QoS 1 message, and delivers a QoS 2 message with a reused packet id in a new session', async () => {
    const { connect, closed, events } = await setUp();
    const first = await connect();
    const one = {
      cmd: 'publish',
      topic: 't',
      qos: 1,
      retain: false,
      messageId: 3,
      payload: payloadOf(5),
    } as const;
    first.send({ ...one, dup: false });
    first.send({ ...one, dup: true });
    first.send({ ...one, qos: 2, messageId: 4, dup: false, payload: payloadOf(6) });
    await first.next('pubrec');
    const lost = closed();
    first.end();
    await lost;
    const second = await connect(connack);
    second.send({ ...one, qos: 2, messageId: 4, dup: false, payload: payloadOf(8) });
    await second.next('pubrec');
    expect(events.flatMap((each) => (each.type === 'delivery' ? [[each.message, each.dup]] : []))).toEqual([
      [5, false],
      [5, true],
      [6, false],
      [8, false],
    ]);
  });
});

describe('messageIdOf', () => {
  it('returns the message id at the start of a payload, 0 for an empty payload, and -1 for a payload without a message id', () => {
    expect([payloadOf(12), '', 'x', '12x'].map(messageIdOf)).toEqual([12, 0, -1, -1]);
  });
});

describe('a RecordingClient that subscribes', () => {
  it('resends all subscriptions in a new session, and resends only unanswered subscriptions if its session is present', async () => {
    const { client, connect, closed, event } = await setUp();
    const first = await connect();
    client.subscribe('a', 1);
    const { messageId = 0 } = await first.next('subscribe');
    first.send({ cmd: 'suback', messageId, granted: [1] });
    await event(({ type }) => type === 'subscribed');
    expect(client.ready).toBe(true);
    client.subscribe('b', 2);
    await first.next('subscribe');
    expect(client.ready).toBe(false);
    const lost = closed();
    first.end();
    await lost;

    const second = await connect(present);
    expect((await second.next('subscribe')).subscriptions.map(({ topic }) => topic)).toEqual(['b']);
    const again = closed();
    second.end();
    await again;

    const third = await connect(connack);
    const resent = [await third.next('subscribe'), await third.next('subscribe')];
    expect(
      resent.flatMap(({ subscriptions }) => subscriptions.map(({ topic, qos }) => [topic, qos])),
    ).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('resends an unanswered UNSUBSCRIBE if its session is present, and does not subscribe to that filter in a new session', async () => {
    const { client, connect, closed, event } = await setUp();
    const first = await connect();
    client.subscribe('a', 1);
    const { messageId = 0 } = await first.next('subscribe');
    first.send({ cmd: 'suback', messageId, granted: [1] });
    await event(({ type }) => type === 'subscribed');
    client.unsubscribe('a');
    await first.next('unsubscribe');
    const lost = closed();
    first.end();
    await lost;
    const second = await connect(present);
    expect((await second.next('unsubscribe')).unsubscriptions).toEqual(['a']);
    const again = closed();
    second.end();
    await again;
    await connect(connack);
    expect(client.ready).toBe(true);
  });
});

describe('a RecordingClient that connects and disconnects', () => {
  it('sends and records the will, the session expiry and the clean start flag of its options', async () => {
    const will = { topic: 'w', qos: 2, retain: true, delaySeconds: 3 } as const;
    const { connect, events } = await setUp({ version: 5, expirySeconds: 60, will });
    const connection = await connect();
    const packet = await connection.next('connect');
    expect(packet).toMatchObject({ clean: false, properties: { sessionExpiryInterval: 60 } });
    expect(packet.will).toMatchObject({
      topic: 'w',
      qos: 2,
      retain: true,
      properties: { willDelayInterval: 3 },
    });
    expect(messageIdOf(packet.will?.payload ?? '')).toBe(1);
    expect(events[0]).toMatchObject({ type: 'connect', expirySeconds: 60, will: { message: 1, ...will } });
  });

  it.each([
    ['disconnect', true],
    ['dropped', false],
  ] as const)('records the end of a connection that it closes itself: `%s`', async (how, sendsDisconnect) => {
    const { client, connect, events } = await setUp();
    const connection = await connect();
    if (sendsDisconnect) client.disconnect();
    else client.drop();
    expect(events.at(-1)).toMatchObject({ type: 'closed', how });
    if (sendsDisconnect) await connection.next('disconnect');
    expect(client.hasConnection).toBe(false);
  });

  it('records the reason code if the server rejects or closes the connection', async () => {
    const { client, broker, server, closed, events, connect } = await setUp({ version: 5 });
    const refused = closed();
    client.connect(server);
    (await broker.nextConnection()).send({ cmd: 'connack', reasonCode: 0x88, sessionPresent: false });
    expect(await refused).toBe('server');
    expect(events.at(-1)).toMatchObject({ type: 'closed', how: 'server', code: 0x88 });
    const connection = await connect();
    const taken = closed();
    connection.send({ cmd: 'disconnect', reasonCode: 0x8e });
    expect(await taken).toBe('server');
    expect(events.at(-1)).toMatchObject({ type: 'closed', how: 'server', code: 0x8e });
  });

  it('records no event when the server is not reachable', async () => {
    const { client, broker, server, closed, events } = await setUp();
    broker.close();
    const failed = closed();
    client.connect(server);
    expect(await failed).toBe('lost');
    expect(events).toEqual([]);
  });
});
