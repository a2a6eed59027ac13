import { join } from 'node:path';
import type { LinkItem } from '@mqtt-cluster/api';
import { requiring, until } from '@mqtt-cluster/testing';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats, nanos } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { ApiClient } from '../support/api-client.ts';
import { connectClient, linkOf, putLink, removeLinks, startLinkCluster } from '../support/link-cluster.ts';
import { NatsServer } from '../support/nats-server.ts';
import { SilencingProxy } from '../support/silencing-proxy.ts';
import type { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;
let api: ApiClient;
let server: NatsServer;
let proxy: SilencingProxy;
let nats: NatsConnection;

const link = (name: string): Promise<LinkItem> => linkOf(api, name);

/** Returns the payloads of the stream with this subject. */
async function stored(name: string, subject: string): Promise<string[]> {
  const { streams } = await jetstreamManager(nats);
  const { state } = await streams.info(name);
  const payloads: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const found = await streams.getMessage(name, { seq });
    if (found?.subject === subject) payloads.push(found.string());
  }
  return payloads;
}

/** Publishes a message with an id that does not change. @returns whether the stream knows the id */
async function probe(subject: string): Promise<boolean> {
  const { duplicate } = await jetstream(nats).publish(subject, 'probe', { msgID: 'probe' });
  return duplicate;
}

/** Makes the server forget the ids of all messages, as if the duplicate window had passed. */
async function forget(name: string): Promise<void> {
  const windowMs = 3_600_000;
  await probe(`${name}.probe`);
  await (await jetstreamManager(nats)).streams.update(name, { duplicate_window: nanos(100) });
  await nats.close();
  await server.stop();
  await server.start();
  nats = await connectNats({ servers: server.address });
  // The server forgets the ids in the order of their messages.
  await until(async () => !(await probe(`${name}.probe`)));
  await (await jetstreamManager(nats)).streams.update(name, { duplicate_window: nanos(windowMs) });
}

requiring('nats-server')('a link to JetStream after an absence', () => {
  beforeAll(async () => {
    cluster = await startLinkCluster(['m1']);
    api = new ApiClient(cluster.httpUrl('m1'));
    server = await NatsServer.start();
    proxy = await SilencingProxy.start(server.port);
    nats = await connectNats({ servers: server.address });
  });

  afterEach(() => removeLinks(api));

  afterAll(async () => {
    await nats.close();
    await cluster.close();
    await proxy.close();
    await server.close();
  });

  async function define(name: string, inFlightMax: number): Promise<void> {
    const definition = {
      kind: 'jetstream',
      addresses: [`nats://${proxy.address}`],
      rules: [{ direction: 'out', filter: `${name}/#` }],
      inFlightMax,
      jetstream: { stream: name, replicas: 1 },
    };
    await putLink(api, name, definition);
  }

  /** Stores the message `two` without an acknowledgement, with `three` behind it on the same topic. */
  async function leaveUnacknowledged(name: string): Promise<void> {
    await define(name, 100);
    await until(async () => (await link(name)).state === 'connected');
    const here = await connectClient(cluster.mqttUrl('m1'), `${name}-here`, true);
    await here.publishAsync(`${name}/a`, 'one', { qos: 1 });
    await until(async () => (await link(name)).lagMessages === 0);
    proxy.set('silent');
    await here.publishAsync(`${name}/a`, 'two', { qos: 1 });
    await here.publishAsync(`${name}/a`, 'three', { qos: 1 });
    await until(async () => (await stored(name, `${name}.a`)).includes('two'));
    await here.endAsync(true);
    proxy.set('cut');
  }

  async function deliverAll(name: string): Promise<void> {
    proxy.set('open');
    await until(async () => (await link(name)).state === 'connected');
    await until(async () => (await link(name)).lagMessages === 0);
  }

  /** @param meanwhile after the server has forgotten the ids, before the members start again */
  async function beAbsent(name: string, meanwhile: () => Promise<unknown>): Promise<void> {
    await leaveUnacknowledged(name);
    await cluster.stop('m1');
    await forget(name);
    await meanwhile();
    await cluster.start('m1', { links: { directory: join(cluster.directory, 'links', 'm1') } });
    await cluster.serving('m1');
    await deliverAll(name);
  }

  it('acknowledges a stored message without sending it, and sends the one behind it', async () => {
    await beAbsent('known', async () => undefined);
    expect(await stored('known', 'known.a')).toEqual(['one', 'two', 'three']);
    expect(await link('known')).toMatchObject({ sent: [0, 2, 0], possibleDuplicates: 0 });
  });

  it('finds a stored message before a later one of its session', async () => {
    await beAbsent('before', async () => {
      const { streams } = await jetstreamManager(nats);
      const two = await streams.getMessage('before', { last_by_subj: 'before.a' });
      const [id = '', number = ''] = /^.*\/(\d+)(?=\/)/.exec(two!.header.get('Nats-Msg-Id')) ?? [];
      for (let count = 0; count < 200; count++) await jetstream(nats).publish('before.b', 'foreign');
      const msgID = `${id.slice(0, -number.length)}${Number(number) + 2}/0123456789ab`;
      await jetstream(nats).publish('before.a', 'later', { msgID });
    });
    expect(await stored('before', 'before.a')).toEqual(['one', 'two', 'later', 'three']);
    // The stream does not have `three`, although it has a higher number: perhaps it was deleted.
    expect(await link('before')).toMatchObject({ sent: [0, 2, 0], possibleDuplicates: 1 });
  });

  it('sends and counts messages when the last one of the subject is of another program', async () => {
    await beAbsent('other', () => jetstream(nats).publish('other.a', 'foreign'));
    expect(await stored('other', 'other.a')).toEqual(['one', 'two', 'foreign', 'two', 'three']);
    expect(await link('other')).toMatchObject({ sent: [0, 2, 0], possibleDuplicates: 2 });
    const metrics = await cluster.metrics('m1');
    expect(metrics.value('link_possible_duplicates_total', 'link="other"')).toBe(2);
  });

  it('counts nothing if its queue was empty within the duplicate window', async () => {
    await leaveUnacknowledged('short');
    await jetstream(nats).publish('short.a', 'foreign');
    // The link starts again, and takes over its own session.
    await define('short', 50);
    await deliverAll('short');
    expect(await stored('short', 'short.a')).toEqual(['one', 'two', 'foreign', 'three']);
    expect(await link('short')).toMatchObject({ sent: [0, 3, 0], possibleDuplicates: 0 });
  });
});
