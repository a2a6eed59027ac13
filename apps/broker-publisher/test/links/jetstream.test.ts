import { writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { LinkItem } from '@mqtt-cluster/api';
import { requiring, until } from '@mqtt-cluster/testing';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamClient, JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { connect as connectNats, headers, nanos } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import type { MqttClient } from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
import { connectClient, linkOf, putLink, removeLinks, startLinkCluster } from '../support/link-cluster.ts';
import { NatsServer } from '../support/nats-server.ts';
import type { TestCluster } from '../support/test-cluster.ts';

const ids = ['m1', 'm2', 'm3'];
/** Each message of a stream, in its order. */
type Stored = readonly StoredMsg[];

let cluster: TestCluster;
let api: ApiClient;
let server: NatsServer;
let nats: NatsConnection;
let stream: JetStreamClient;
let manager: JetStreamManager;
const clients: MqttClient[] = [];
let streams = 0;

async function connectTo(url: string, clientId: string, clean = true): Promise<MqttClient> {
  const client = await connectClient(url, clientId, clean);
  clients.push(client);
  return client;
}

const link = (name: string): Promise<LinkItem> => linkOf(api, name);

/** Defines a link to a stream of its own. @returns the name of the stream */
async function addLink(
  name: string,
  rules: readonly object[],
  more: Record<string, object | string> = {},
): Promise<string> {
  const { jetstream: settings = {}, ...others } = more;
  const own = { stream: `S${++streams}`, replicas: 1, ...(settings as object) };
  const definition = { kind: 'jetstream', addresses: [server.url], rules, jetstream: own, ...others };
  await putLink(api, name, definition);
  return own.stream;
}

const connected = (name: string): Promise<void> =>
  until(async () => (await link(name)).state === 'connected');

async function openNats(): Promise<void> {
  nats = await connectNats({ servers: server.address });
  stream = jetstream(nats);
  manager = await jetstreamManager(nats);
}

async function stored(name: string): Promise<Stored> {
  const { state } = await manager.streams.info(name);
  const messages: StoredMsg[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const found = await manager.streams.getMessage(name, { seq });
    if (found !== null) messages.push(found);
  }
  return messages;
}

async function record(client: MqttClient, filter: string): Promise<{ topic: string; payload: string }[]> {
  const received: { topic: string; payload: string }[] = [];
  client.on('message', (topic, payload) => received.push({ topic, payload: payload.toString() }));
  await client.subscribeAsync(filter, { qos: 2 });
  return received;
}

requiring('nats-server')('a link to JetStream', () => {
  beforeAll(async () => {
    cluster = await startLinkCluster(ids);
    api = new ApiClient(cluster.httpUrl('m1'));
    server = await NatsServer.start();
    await openNats();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await removeLinks(api);
  });

  afterAll(async () => {
    await nats.close();
    await cluster.close();
    await server.close();
  });

  it('stores messages with their topic as subject and their properties as headers', async () => {
    const name = await addLink('out', [
      { direction: 'out', filter: 'site/#', remotePrefix: 'north/', qosMax: 2 },
    ]);
    await connected('out');
    const here = await connectTo(cluster.mqttUrl('m2'), 'out-here');
    const properties = { contentType: 'text/plain; π', userProperties: { a: ['1', '2='] } };
    await here.publishAsync('site/a.b//c', 'one', { qos: 1, properties });
    await here.publishAsync('site/x', 'two', { qos: 2 });
    await until(async () => (await link('out')).lagMessages === 0 && (await link('out')).sent[2] === 1);
    const [one, two] = await stored(name);
    expect(one).toMatchObject({ subject: 'north.site.a//b./.c' });
    expect(one!.string()).toBe('one');
    expect(one!.header.get('Mqtt-Content-Type')).toBe(encodeURIComponent('text/plain; π'));
    expect(one!.header.values('Mqtt-User-Property').slice(0, 2)).toEqual(['a=1', 'a=2%3D']);
    expect(two!.header.get('Mqtt-Qos')).toBe('2');
    expect((await link('out')).sent).toEqual([0, 1, 1]);
  });

  it('publishes the messages of a stream once, and none that came from this cluster', async () => {
    const here = await connectTo(cluster.mqttUrl('m3'), 'in-here');
    const received = await record(here, 'site/#');
    const name = await addLink('in', [
      { direction: 'in', filter: 'both/#', localPrefix: 'site/', qosMax: 2 },
      { direction: 'out', filter: 'both/#', localPrefix: 'site/' },
    ]);
    await connected('in');
    // The link begins with new messages, once its mark is in the state.
    await until(async () => {
      await stream.publish('both.ready', 'ready');
      return received.some(({ payload }) => payload === 'ready');
    });
    await here.publishAsync('site/both/own', 'own', { qos: 1 });
    await until(async () => (await stored(name)).some((each) => each.subject === 'both.own'));
    for (let number = 0; number < 300; number++) await stream.publish('both.n', String(number));
    await stream.publish('both.end', 'end');
    await until(() => received.some(({ payload }) => payload === 'end'));
    expect(
      received.filter(({ topic }) => topic === 'site/both/n').map(({ payload }) => Number(payload)),
    ).toEqual(Array.from({ length: 300 }, (_, number) => number));
    expect(received.filter(({ payload }) => payload === 'own')).toHaveLength(1);
  });

  /** Publishes numbers on both sides and returns what both receive. `act` runs in the middle. */
  async function exchange(name: string, topics: number, act: () => Promise<unknown>): Promise<void> {
    const streamName = await addLink(name, [
      { direction: 'out', filter: `up-${name}/#`, qosMax: 2 },
      { direction: 'in', filter: `down-${name}/#`, qosMax: 2 },
    ]);
    await connected(name);
    const { member: runner } = await link(name);
    // A client of the member that drains would have to connect to another one.
    const home = ids.find((id) => id !== runner) ?? ids[0]!;
    const here = await connectTo(cluster.mqttUrl(home), `${name}-here`, false);
    const received = await record(here, `down-${name}/#`);
    await until(async () => {
      await stream.publish(`down-${name}.ready`, 'ready');
      return received.some(({ payload }) => payload === 'ready');
    });
    const numbers = Array.from({ length: 400 }, (_, number) => number);
    const publishes: Promise<unknown>[] = [];
    for (const number of numbers) {
      const topic = number % topics;
      publishes.push(
        here.publishAsync(`up-${name}/${topic}`, String(number), { qos: number % 3 === 0 ? 2 : 1 }),
      );
      publishes.push(publishSurely(`down-${name}.${topic}`, String(number), `${name}-${number}`));
      if (number === 150) publishes.push(act());
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await Promise.all(publishes);
    const arrived = (): string[] =>
      received
        .filter(({ payload }) => payload !== 'ready')
        .map(({ topic, payload }) => `${topic} ${payload}`);
    await until(() => arrived().length >= numbers.length);
    await until(async () => (await link(name)).lagMessages === 0);
    const ups = (await stored(streamName)).filter(({ subject }) => subject.startsWith(`up-${name}.`));
    for (let topic = 0; topic < topics; topic++) {
      const expected = numbers.filter((number) => number % topics === topic);
      const down = arrived().filter((each) => each.startsWith(`down-${name}/${topic} `));
      expect(down).toEqual(expected.map((number) => `down-${name}/${topic} ${number}`));
      const up = ups
        .filter(({ subject }) => subject === `up-${name}.${topic}`)
        .map((each) => Number(each.string()));
      expect(up).toEqual(expected);
    }
  }

  /** Publishes until the server has acknowledged the message, also while it restarts. */
  async function publishSurely(subject: string, payload: string, msgID: string): Promise<void> {
    for (;;) {
      try {
        await stream.publish(subject, payload, { msgID });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  it('passes each message once and in the order of its topic while its member drains', async () => {
    let runner = '';
    try {
      await exchange('drained', 5, async () => {
        runner = (await link('drained')).member!;
        await api.ok('drainMember', 'POST', `/members/${runner}/drain`, { exit: false });
      });
      expect((await link('drained')).member).not.toBe(runner);
    } finally {
      await api.ok('undrainMember', 'POST', `/members/${runner}/undrain`, {});
      await cluster.serving(runner);
    }
  });

  it('passes each message once and in the order of its topic while the server is killed and starts again', async () => {
    await exchange('killed', 2, async () => {
      await server.stop('SIGKILL');
      await server.start();
    });
    expect((await link('killed')).reconnects).toBeGreaterThan(0);
  });

  it('says what is wrong with the stream, and connects when the stream fits', async () => {
    await manager.streams.add({ name: 'FOREIGN', subjects: ['other.>'], duplicate_window: nanos(120_000) });
    const rules = [{ direction: 'out', filter: 'site/#' }];
    await addLink('foreign', rules, { jetstream: { stream: 'FOREIGN', replicas: 1 } });
    const says = (text: string): Promise<void> =>
      until(async () => (await link('foreign')).error?.includes(text) === true);
    await says('its subjects do not contain site.>');
    await manager.streams.update('FOREIGN', { subjects: ['other.>', 'site.>', 'site'] });
    await says('its duplicate window is 120 s: set it to 3600 s');
    expect(await api.ok('testLink', 'POST', '/links/foreign/test')).toMatchObject({
      ok: false,
      text: expect.stringContaining('its duplicate window is 120 s'),
    });
    await manager.streams.update('FOREIGN', { duplicate_window: nanos(3_600_000) });
    await connected('foreign');
    expect(await api.ok('testLink', 'POST', '/links/foreign/test')).toEqual({
      ok: true,
      text: `${server.url}: accepted the connection; the stream FOREIGN fits the link`,
    });
    await manager.streams.delete('FOREIGN');
  });

  it('says that the server cannot create the stream, that the password is wrong, and that nothing listens', async () => {
    const rules = [{ direction: 'out', filter: 'bad/#' }];
    await addLink('bad', rules, { jetstream: { replicas: 3 } });
    await until(async () => (await link('bad')).error?.includes('with 3 replicas') === true);
    const secured = await NatsServer.start(['authorization { user: cluster, password: secret }']);
    for (const id of ids) writeFileSync(join(cluster.directory, 'links', id, 'hub'), 'wrong\n');
    await addLink('bad', rules, { addresses: [secured.url], username: 'cluster', passwordFile: 'hub' });
    await until(
      async () => (await link('bad')).error?.includes('the user name or password is wrong') === true,
    );
    for (const id of ids) writeFileSync(join(cluster.directory, 'links', id, 'hub'), 'secret\n');
    await connected('bad');
    await secured.close();
    await until(async () => (await link('bad')).error?.includes('nothing listens at the address') === true);
  });

  it('drops a message that the server does not accept, says so, and stores those behind it', async () => {
    const small = await NatsServer.start(['max_payload: 2000']);
    await addLink('small', [{ direction: 'out', filter: 'small/#' }], { addresses: [small.url] });
    await connected('small');
    const here = await connectTo(cluster.mqttUrl('m1'), 'small-here');
    await here.publishAsync('small/a', 'x'.repeat(4_000), { qos: 1 });
    await until(async () => (await link('small')).error?.includes('the server accepts 2000') === true);
    await here.publishAsync('small/with space', 'x', { qos: 1 });
    await here.publishAsync('small/a', 'x', { qos: 1 });
    await until(async () => (await link('small')).sent[1] === 1);
    await until(async () => (await link('small')).lagMessages === 0);
    expect(await link('small')).toMatchObject({ dropped: { too_large: 1, unmapped: 1 } });
    await small.close();
  });

  /** Defines a link that reads a stream, and returns what a client receives from it. */
  async function reading(
    name: string,
  ): Promise<{ streamName: string; payloads: () => string[]; client: MqttClient }> {
    const client = await connectTo(cluster.mqttUrl('m1'), `${name}-here`);
    const received = await record(client, `${name}/#`);
    const streamName = await addLink(name, [{ direction: 'in', filter: `${name}/#`, qosMax: 2 }]);
    await connected(name);
    await until(async () => {
      await stream.publish(`${name}.ready`, 'ready');
      return received.some(({ payload }) => payload === 'ready');
    });
    const payloads = (): string[] =>
      received.map(({ payload }) => payload).filter((payload) => payload !== 'ready');
    return { streamName, payloads, client };
  }

  it('publishes what a link of another cluster has stored', async () => {
    const { payloads } = await reading('hops');
    const marked = headers();
    marked.append('Mqtt-User-Property', 'mqtt-cluster-link=other%2Fhub');
    await stream.publish('hops.a', 'from another cluster', { headers: marked });
    await until(() => payloads().includes('from another cluster'));
    expect((await link('hops')).dropped.loop).toBe(0);
  });

  it('publishes a message with headers that the NATS client cannot read, and those behind it', async () => {
    const { payloads } = await reading('headers');
    await publishRaw('headers.a', 'NATS/1.0\r\nBad Key: x\r\n\r\n', 'bad');
    await stream.publish('headers.a', 'behind');
    await until(() => payloads().includes('behind'));
    expect(payloads()).toEqual(['bad', 'behind']);
    expect((await link('headers')).reconnects).toBe(0);
  });

  it('reads a stream that was deleted and created again from its beginning', async () => {
    const { streamName, payloads } = await reading('again');
    for (let number = 0; number < 5; number++) await stream.publish('again.a', `old ${number}`);
    await until(() => payloads().length === 5);
    const { config } = await manager.streams.info(streamName);
    await manager.streams.delete(streamName);
    await manager.streams.add({
      name: streamName,
      subjects: config.subjects,
      duplicate_window: nanos(3_600_000),
    });
    // More than before: a reader that continued at its position would miss only the first ones.
    const fresh = Array.from({ length: 12 }, (_, number) => `new ${number}`);
    for (const payload of fresh) await stream.publish('again.a', payload);
    await until(() => payloads().includes('new 11'));
    expect(payloads().slice(5)).toEqual(fresh);
  });

  it('counts messages that the stream has deleted while the link was not connected', async () => {
    const { streamName, payloads } = await reading('gap');
    // The stream does not fit, so the link waits after the restart of the server.
    await manager.streams.update(streamName, { duplicate_window: nanos(120_000) });
    await server.stop();
    await server.start();
    await until(async () => (await link('gap')).error?.includes('duplicate window') === true);
    for (let number = 0; number < 20; number++) await publishSurely('gap.a', 'gone', `gone-${number}`);
    await manager.streams.purge(streamName);
    await stream.publish('gap.a', 'last');
    await manager.streams.update(streamName, { duplicate_window: nanos(3_600_000) });
    await connected('gap');
    await until(() => payloads().includes('last'));
    expect((await link('gap')).dropped.lost).toBe(20);
    expect(payloads()).toEqual(['last']);
  });

  it('says that the cluster stores no marks, and goes on when it does', async () => {
    const { payloads } = await reading('marks');
    await api.ok('changeSettings', 'PATCH', '/settings', { sessionSubscriptionsMax: 1 });
    await stream.publish('marks.a', 'one');
    await until(async () => (await link('marks')).error?.includes('does not store the state') === true);
    await api.ok('changeSettings', 'PATCH', '/settings', { sessionSubscriptionsMax: 10_000 });
    await until(async () => (await link('marks')).error === null);
    await stream.publish('marks.a', 'two');
    await until(() => payloads().includes('two'));
    expect(payloads()).toEqual(['one', 'two']);
  });

  /** Publishes a message with headers that the client of the tests would refuse. */
  async function publishRaw(subject: string, head: string, payload: string): Promise<void> {
    const [host = '', port = ''] = server.address.split(':');
    const socket = createConnection(Number(port), host);
    let answers = '';
    socket.on('data', (bytes) => (answers += bytes.toString()));
    socket.write('CONNECT {"verbose":false,"headers":true,"protocol":1}\r\n');
    socket.write(
      `HPUB ${subject} ${head.length} ${head.length + payload.length}\r\n${head}${payload}\r\nPING\r\n`,
    );
    await until(() => answers.includes('PONG'));
    socket.destroy();
  }
});
