import { Recorder } from '../src/client/recorder.ts';
import { messageOf, payloadOf } from '../src/client/payload.ts';
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
  const downs: { give: (how: string) => void }[] = [];
  const ups: { give: (sessionPresent: boolean) => void }[] = [];
  const watchers: { until: (event: HistoryEvent) => boolean; give: (event: HistoryEvent) => void }[] = [];
  const recorder = new Recorder((event) => {
    events.push(event);
    for (const watcher of watchers.filter(({ until }) => until(event))) watcher.give(event);
  });
  const client = new RecordingClient({
    clientId: 'c',
    version: 4,
    clean: false,
    expirySeconds: null,
    will: null,
    recorder,
    onConnected: (sessionPresent) => ups.shift()?.give(sessionPresent),
    onClosed: ({ how }) => downs.shift()?.give(how),
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
    /** Connects, and is accepted. */
    async connect(answer: typeof connack | typeof present = connack) {
      const up = new Promise<boolean>((give) => ups.push({ give }));
      client.connect(server);
      const visit = await broker.visit();
      visit.send(visit.version === 5 ? { ...answer, reasonCode: 0 } : answer);
      await up;
      return visit;
    },
    server,
    down: () => new Promise<string>((give) => downs.push({ give })),
    event: (until: (event: HistoryEvent) => boolean) => {
      const found = events.find(until);
      return found !== undefined
        ? Promise.resolve(found)
        : new Promise<HistoryEvent>((give) => watchers.push({ until, give }));
    },
    kinds: () => events.map(({ type }) => type),
  };
}

const opened: (() => void)[] = [];
afterEach(() => opened.splice(0).forEach((close) => close()));

describe('publishing', () => {
  it('sends unacknowledged messages again, in order and with DUP, when the session is present [MQTT-4.4.0-1]', async () => {
    const { client, connect, down, event, events } = await setUp();
    const first = await connect();
    for (const topic of ['a', 'b', 'c']) client.publish({ topic, qos: topic === 'b' ? 2 : 1, ...plain });
    const sent = [await first.next('publish'), await first.next('publish'), await first.next('publish')];
    first.send({ cmd: 'puback', messageId: sent[0]?.messageId ?? 0 });
    await event(({ type }) => type === 'acked');
    const lost = down();
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

  it('sends only PUBREL after PUBREC, also on the next connection [MQTT-4.3.3-1]', async () => {
    const { client, connect, down, event, kinds } = await setUp();
    const first = await connect();
    client.publish({ topic: 'a', qos: 2, ...plain });
    const { messageId = 0 } = await first.next('publish');
    first.send({ cmd: 'pubrec', messageId });
    await first.next('pubrel');
    const lost = down();
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

  it('writes down what PUBCOMP says [MQTT5 3.7.2.1]', async () => {
    const { client, broker, server, event } = await setUp({ version: 5 });
    client.connect(server);
    const visit = await broker.visit();
    visit.send({ ...connack, reasonCode: 0 });
    await event(({ type }) => type === 'connected');
    client.publish({ topic: 'a', qos: 2, ...plain });
    const { messageId = 0 } = await visit.next('publish');
    visit.send({ cmd: 'pubrec', messageId, reasonCode: 0 });
    await visit.next('pubrel');
    visit.send({ cmd: 'pubcomp', messageId, reasonCode: 0x92 });
    expect(await event(({ type }) => type === 'completed')).toMatchObject({ message: 1, code: 0x92 });
  });

  it('vanishes: the server sees a connection that is still open, the history one that is lost', async () => {
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

  it('forgets what was in flight when the server has no session', async () => {
    const { client, connect, down } = await setUp();
    const first = await connect();
    client.publish({ topic: 'a', qos: 1, ...plain });
    await first.next('publish');
    const lost = down();
    first.end(true);
    await lost;
    const second = await connect(connack);
    client.publish({ topic: 'b', qos: 1, ...plain });
    expect(await second.next('publish')).toMatchObject({ topic: 'b', dup: false });
    expect(second.packets.filter(({ cmd }) => cmd === 'publish')).toHaveLength(1);
  });

  it('stops at the window, which the server may make smaller [MQTT5 3.3.4]', async () => {
    const { client, broker, server, event } = await setUp({ version: 5 });
    client.connect(server);
    const visit = await broker.visit();
    visit.send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties: { receiveMaximum: 2 } });
    await event(({ type }) => type === 'connected');
    const publish = () => client.publish({ topic: 'a', qos: 1, ...plain });
    expect([publish(), publish(), publish()]).toEqual([1, 2, null]);
    const { messageId = 0 } = await visit.next('publish');
    visit.send({ cmd: 'puback', messageId, reasonCode: 0 });
    await event(({ type }) => type === 'acked');
    expect(publish()).toBe(3);
  });

  it('records a refusal with its code, and is done with the message', async () => {
    const { client, connect, event } = await setUp({ version: 5 });
    const visit = await connect();
    client.publish({ topic: 'a', qos: 2, ...plain });
    const { messageId = 0 } = await visit.next('publish');
    visit.send({ cmd: 'pubrec', messageId, reasonCode: 0x97 });
    expect(await event(({ type }) => type === 'acked')).toMatchObject({ message: 1, code: 0x97 });
    expect(client.idle).toBe(true);
  });
});

describe('receiving', () => {
  it('hands a QoS 2 message over once per packet id, over connections, until PUBREL [MQTT-4.3.3-2]', async () => {
    const { connect, down, events, event } = await setUp();
    const message = { cmd: 'publish', topic: 't', qos: 2, retain: false, messageId: 7 } as const;
    const first = await connect();
    first.send({ ...message, dup: false, payload: payloadOf(41) });
    await first.next('pubrec');
    const lost = down();
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

  it('hands QoS 1 over every time, and a QoS 2 id anew in a new session', async () => {
    const { connect, down, events } = await setUp();
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
    const lost = down();
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

  it('reads the message from the payload; an empty one clears, another is none of ours', () => {
    expect([payloadOf(12), '', 'x', '12x'].map(messageOf)).toEqual([12, 0, -1, -1]);
  });
});

describe('subscriptions', () => {
  it('are asked again when the session is gone, and only the unanswered ones when it is there', async () => {
    const { client, connect, down, event } = await setUp();
    const first = await connect();
    client.subscribe('a', 1);
    const { messageId = 0 } = await first.next('subscribe');
    first.send({ cmd: 'suback', messageId, granted: [1] });
    await event(({ type }) => type === 'subscribed');
    expect(client.ready).toBe(true);
    client.subscribe('b', 2);
    await first.next('subscribe');
    expect(client.ready).toBe(false);
    const lost = down();
    first.end();
    await lost;

    const second = await connect(present);
    expect((await second.next('subscribe')).subscriptions.map(({ topic }) => topic)).toEqual(['b']);
    const again = down();
    second.end();
    await again;

    const third = await connect(connack);
    const asked = [await third.next('subscribe'), await third.next('subscribe')];
    expect(asked.flatMap(({ subscriptions }) => subscriptions.map(({ topic, qos }) => [topic, qos]))).toEqual(
      [
        ['a', 1],
        ['b', 2],
      ],
    );
  });

  it('that were given up are not asked for in a new session, and given up again in the old one', async () => {
    const { client, connect, down, event } = await setUp();
    const first = await connect();
    client.subscribe('a', 1);
    const { messageId = 0 } = await first.next('subscribe');
    first.send({ cmd: 'suback', messageId, granted: [1] });
    await event(({ type }) => type === 'subscribed');
    client.unsubscribe('a');
    await first.next('unsubscribe');
    const lost = down();
    first.end();
    await lost;
    const second = await connect(present);
    expect((await second.next('unsubscribe')).unsubscriptions).toEqual(['a']);
    const again = down();
    second.end();
    await again;
    await connect(connack);
    expect(client.ready).toBe(true);
  });
});

describe('connections', () => {
  it('carry will, expiry and clean start as their options say, and record them', async () => {
    const will = { topic: 'w', qos: 2, retain: true, delaySeconds: 3 } as const;
    const { connect, events } = await setUp({ version: 5, expirySeconds: 60, will });
    const visit = await connect();
    const packet = await visit.next('connect');
    expect(packet).toMatchObject({ clean: false, properties: { sessionExpiryInterval: 60 } });
    expect(packet.will).toMatchObject({
      topic: 'w',
      qos: 2,
      retain: true,
      properties: { willDelayInterval: 3 },
    });
    expect(messageOf(packet.will?.payload ?? '')).toBe(1);
    expect(events[0]).toMatchObject({ type: 'connect', expirySeconds: 60, will: { message: 1, ...will } });
  });

  it.each([
    ['disconnect', true],
    ['dropped', false],
  ] as const)('that we end are recorded as %s', async (how, says) => {
    const { client, connect, events } = await setUp();
    const visit = await connect();
    if (says) client.disconnect();
    else client.drop();
    expect(events.at(-1)).toMatchObject({ type: 'closed', how });
    if (says) await visit.next('disconnect');
    expect(client.hasConnection).toBe(false);
  });

  it('that are refused or closed with a reason are recorded with it', async () => {
    const { client, broker, server, down, events, connect } = await setUp({ version: 5 });
    const refused = down();
    client.connect(server);
    (await broker.visit()).send({ cmd: 'connack', reasonCode: 0x88, sessionPresent: false });
    expect(await refused).toBe('server');
    expect(events.at(-1)).toMatchObject({ type: 'closed', how: 'server', code: 0x88 });
    const visit = await connect();
    const taken = down();
    visit.send({ cmd: 'disconnect', reasonCode: 0x8e });
    expect(await taken).toBe('server');
    expect(events.at(-1)).toMatchObject({ type: 'closed', how: 'server', code: 0x8e });
  });

  it('that never came about leave no trace', async () => {
    const { client, broker, server, down, events } = await setUp();
    broker.close();
    const failed = down();
    client.connect(server);
    expect(await failed).toBe('lost');
    expect(events).toEqual([]);
  });
});
