import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkItem } from '@mqtt-cluster/api';
import { requiring, until } from '@mqtt-cluster/testing';
import { connect } from 'mqtt';
import type { MqttClient } from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
import { connectClient, linkOf, putLink, removeLinks, startLinkCluster } from '../support/link-cluster.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import type { TestCluster } from '../support/test-cluster.ts';

const ids = ['m1', 'm2', 'm3'];

interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

let cluster: TestCluster;
let api: ApiClient;
let mosquitto: Mosquitto;
/** A mosquitto with a user, and with a bound on packets. */
let secured: Mosquitto;
const clients: MqttClient[] = [];

async function connectTo(url: string, clientId: string, clean = true): Promise<MqttClient> {
  const client = await connectClient(url, clientId, clean);
  clients.push(client);
  return client;
}

/** Subscribes and returns the list that receives the messages. */
async function record(client: MqttClient, filter: string, qos: 0 | 1 | 2 = 2): Promise<Received[]> {
  const received: Received[] = [];
  client.on('message', (topic, payload, { retain }) =>
    received.push({ topic, payload: payload.toString(), retain }),
  );
  await client.subscribeAsync(filter, { qos, rap: true });
  return received;
}

const link = (name: string, id = 'm1'): Promise<LinkItem> => linkOf(new ApiClient(cluster.httpUrl(id)), name);

const addLink = (name: string, definition: object): Promise<void> => putLink(api, name, definition);

const connected = (name: string, id?: string): Promise<void> =>
  until(async () => (await link(name, id)).state === 'connected');

async function drain(id: string): Promise<void> {
  await api.ok('drainMember', 'POST', `/members/${id}/drain`, { exit: false });
}

async function undrain(id: string): Promise<void> {
  await api.ok('undrainMember', 'POST', `/members/${id}/undrain`, {});
  await cluster.serving(id);
}

/** Resolves when the subscription of the link at the other broker is in force. */
async function ready(there: MqttClient, topic: string, received: readonly Received[]): Promise<void> {
  await until(async () => {
    await there.publishAsync(topic, 'ready', { qos: 1 });
    return payloads(received).includes('ready');
  });
}

function numbersOf(received: readonly Received[]): number[] {
  return payloads(received)
    .filter((payload) => payload !== 'ready')
    .map(Number);
}

function payloads(received: readonly Received[]): string[] {
  return received.map(({ payload }) => payload);
}

requiring('mosquitto')('a link to mosquitto', () => {
  beforeAll(async () => {
    cluster = await startLinkCluster(ids);
    api = new ApiClient(cluster.httpUrl('m1'));
    mosquitto = await Mosquitto.start();
    const passwords = join(mosquitto.directory, 'passwords');
    writeFileSync(passwords, '');
    execFileSync('mosquitto_passwd', ['-b', passwords, 'cluster', 'secret']);
    secured = await Mosquitto.start([
      'allow_anonymous false',
      `password_file ${passwords}`,
      'max_packet_size 2000',
    ]);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await removeLinks(api);
  });

  afterAll(async () => {
    await cluster.close();
    await mosquitto.close();
    await secured.close();
  });

  describe.each(['5.0', '3.1.1'])('with MQTT %s', (protocol) => {
    it('passes messages in both directions with prefixes, once each, and returns none to its side', async () => {
      const name = `both-${protocol.replaceAll('.', '')}`;
      await addLink(name, {
        addresses: [mosquitto.url],
        protocol,
        rules: [
          { direction: 'out', filter: 'data/#', localPrefix: 'site/', remotePrefix: 'plant/', qosMax: 2 },
          { direction: 'in', filter: 'data/#', localPrefix: 'site/', remotePrefix: 'plant/', qosMax: 2 },
        ],
      });
      await connected(name);
      const here = await connectTo(cluster.mqttUrl('m2'), 'here');
      const there = await connectTo(mosquitto.url, 'there');
      const receivedHere = await record(here, 'site/#');
      const receivedThere = await record(there, 'plant/#');
      await ready(there, 'plant/data/ready', receivedHere);
      for (const qos of [0, 1, 2] as const) {
        await here.publishAsync('site/data/a', `from here ${qos}`, { qos });
        await there.publishAsync('plant/data/b', `from there ${qos}`, { qos });
      }
      await until(() => payloads(receivedHere).includes('from there 2'));
      await until(() => payloads(receivedThere).includes('from here 2'));
      // Messages behind the others show that nothing else follows.
      await here.publishAsync('site/data/end', 'end here', { qos: 2 });
      await there.publishAsync('plant/data/end', 'end there', { qos: 2 });
      for (const received of [receivedHere, receivedThere])
        await until(() => ['end here', 'end there'].every((end) => payloads(received).includes(end)));
      const both = (received: Received[]): string[] =>
        payloads(received).filter((payload) => payload !== 'ready');
      const all = [0, 1, 2].flatMap((qos) => [`from here ${qos}`, `from there ${qos}`]);
      expect(both(receivedHere).toSorted()).toEqual([...all, 'end here', 'end there'].toSorted());
      expect(both(receivedThere).toSorted()).toEqual([...all, 'end here', 'end there'].toSorted());
      expect(receivedThere.find(({ payload }) => payload === 'from here 1')!.topic).toBe('plant/data/a');
      expect(receivedHere.find(({ payload }) => payload === 'from there 1')!.topic).toBe('site/data/b');
      const { sent, received, dropped } = await link(name);
      expect(sent).toEqual([1, 1, 2]);
      expect(received[2]).toBe(2);
      expect(Object.values(dropped).every((each) => each === 0)).toBe(true);
    });
  });

  /** Publishes numbers on both sides and returns what both receive. `act` runs after a number of publishes. */
  async function exchange(
    name: string,
    levels: readonly (1 | 2)[],
    act: () => Promise<unknown>,
  ): Promise<{ numbers: readonly number[]; received: readonly Received[][] }> {
    const { member: runner } = await link(name);
    // A client of the member that drains would have to connect to another one.
    const home = ids.find((id) => id !== runner)!;
    const here = await connectTo(cluster.mqttUrl(home), `${name}-here`, false);
    const there = await connectTo(mosquitto.url, `${name}-there`, false);
    const receivedHere = await record(here, 'down/#');
    const receivedThere = await record(there, 'up/#');
    await ready(there, 'down/ready', receivedHere);
    const numbers = Array.from({ length: 400 }, (_, number) => number);
    const publishes: Promise<unknown>[] = [];
    for (const number of numbers) {
      const qos = levels[number % levels.length]!;
      publishes.push(here.publishAsync(`up/${qos}`, String(number), { qos }));
      publishes.push(there.publishAsync(`down/${qos}`, String(number), { qos }));
      if (number === 150) publishes.push(act());
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await Promise.all(publishes);
    const received = [receivedHere, receivedThere];
    for (const each of received) await until(() => new Set(numbersOf(each)).size === numbers.length);
    return { numbers, received };
  }

  it('loses nothing at QoS 1, and nothing is lost or repeated at QoS 2, while its member drains', async () => {
    await addLink('load', {
      addresses: [mosquitto.url],
      rules: [
        { direction: 'out', filter: 'up/#', qosMax: 2 },
        { direction: 'in', filter: 'down/#', qosMax: 2 },
      ],
    });
    await connected('load');
    const { member: runner } = await link('load');
    try {
      const { numbers, received } = await exchange('load', [1, 2], () => drain(runner!));
      for (const each of received)
        expect(numbersOf(each.filter(({ topic }) => topic.endsWith('/2')))).toEqual(
          numbers.filter((number) => number % 2 === 1),
        );
      const after = await link('load');
      expect(after.member).not.toBe(runner);
      expect(after.possibleDuplicates).toBe(0);
    } finally {
      await undrain(runner!);
    }
  });

  // mosquitto 2.0.11 loses QoS 2 messages of its own clients that are in progress when it stops, so the test has none.
  it('loses nothing at QoS 1 while the other broker restarts', async () => {
    await addLink('restart', {
      addresses: [mosquitto.url],
      rules: [
        { direction: 'out', filter: 'up/#' },
        { direction: 'in', filter: 'down/#' },
      ],
    });
    await connected('restart');
    const { numbers, received } = await exchange('restart', [1], async () => {
      await mosquitto.stop();
      await mosquitto.start();
    });
    for (const each of received) expect(new Set(numbersOf(each))).toEqual(new Set(numbers));
    expect((await link('restart')).reconnects).toBeGreaterThan(0);
  });

  it('keeps its messages while it is paused, and passes RETAIN and deletions on by a rule that retains', async () => {
    await addLink('kept', {
      addresses: [mosquitto.url],
      rules: [{ direction: 'out', filter: 'kept/#', retained: 'live' }],
    });
    await connected('kept');
    await api.ok('pauseLink', 'POST', '/links/kept/pause');
    await until(async () => (await link('kept')).member === null);
    expect((await link('kept')).state).toBe('paused');
    const here = await connectTo(cluster.mqttUrl('m3'), 'kept-here');
    await here.publishAsync('kept/a', 'a', { qos: 1, retain: true });
    await here.publishAsync('kept/b', 'b', { qos: 1, retain: true });
    await here.publishAsync('kept/a', '', { qos: 1, retain: true });
    await until(async () => (await link('kept')).lagMessages === 3);
    await api.ok('resumeLink', 'POST', '/links/kept/resume');
    await until(async () => (await link('kept')).sent[1] === 3);
    const late = await record(await connectTo(mosquitto.url, 'kept-late'), 'kept/#');
    await until(() => late.length === 1);
    expect(late).toEqual([{ topic: 'kept/b', payload: 'b', retain: true }]);
  });

  it('publishes the retained messages of a broker with MQTT 3.1.1 once, and not again after each reconnect', async () => {
    const there = await connectTo(mosquitto.url, 'again-there');
    await there.publishAsync('again/a', 'a', { qos: 1, retain: true });
    const here = await connectTo(cluster.mqttUrl('m1'), 'again-here');
    const received = await record(here, 'again/#');
    await addLink('again', {
      addresses: [mosquitto.url],
      protocol: '3.1.1',
      rules: [{ direction: 'in', filter: 'again/#', retained: 'live' }],
    });
    await until(() => payloads(received).includes('a'));
    for (let reconnect = 0; reconnect < 2; reconnect++) {
      await api.ok('pauseLink', 'POST', '/links/again/pause');
      await until(async () => (await link('again')).state === 'paused');
      await api.ok('resumeLink', 'POST', '/links/again/resume');
      await connected('again');
      // Messages that the SUBSCRIBE makes mosquitto send arrive before this one.
      const topic = `again/ready/${reconnect}`;
      await until(async () => {
        await there.publishAsync(topic, 'ready', { qos: 1 });
        return received.some((each) => each.topic === topic);
      });
    }
    expect(payloads(received).filter((payload) => payload === 'a')).toEqual(['a']);
    // A new message with the same payload is no repetition.
    await there.publishAsync('again/a', 'a', { qos: 1, retain: true });
    await until(() => payloads(received).filter((payload) => payload === 'a').length === 2);
    await there.publishAsync('again/a', '', { qos: 1, retain: true });
  });

  it('is run only by a member with its password file, and says what is wrong with the password', async () => {
    const file = join(cluster.directory, 'links', 'm2', 'plant');
    await addLink('files', {
      addresses: [secured.url],
      username: 'cluster',
      passwordFile: 'plant',
      rules: [{ direction: 'out', filter: 'files/#' }],
    });
    await until(async () => (await link('files')).error?.includes('plant is missing') === true);
    expect((await link('files')).state).toBe('waiting');
    writeFileSync(file, 'wrong\n');
    await until(async () =>
      /the user(?: name or password)? is (?:wrong|not authorized)/.test((await link('files')).error ?? ''),
    );
    expect(await link('files')).toMatchObject({ state: 'connecting', member: 'm2' });
    const other = new ApiClient(cluster.httpUrl('m2'));
    const refused = await other.ok<{ ok: boolean; text: string }>('testLink', 'POST', '/links/files/test');
    expect(refused).toMatchObject({ ok: false, text: expect.stringContaining(secured.url) });
    writeFileSync(file, 'secret\n');
    await connected('files');
    expect(await other.ok('testLink', 'POST', '/links/files/test')).toEqual({
      ok: true,
      text: `${secured.url}: accepted the connection`,
    });
    const { members, error } = await link('files');
    expect(error).toBeNull();
    expect(members.filter(({ mayRun }) => mayRun).map(({ member }) => member)).toEqual(['m2']);
  });

  it('drops a message that the other broker does not accept, says so, and sends those behind it', async () => {
    await addLink('large', {
      addresses: [secured.url],
      username: 'cluster',
      passwordFile: 'plant',
      rules: [{ direction: 'out', filter: 'large/#' }],
    });
    writeFileSync(join(cluster.directory, 'links', 'm2', 'plant'), 'secret\n');
    await connected('large');
    const here = await connectTo(cluster.mqttUrl('m1'), 'large-here');
    await here.publishAsync('large/a', 'x'.repeat(4_000), { qos: 1 });
    await here.publishAsync('large/b', 'x', { qos: 1 });
    await until(async () => (await link('large')).sent[1] === 1);
    // The acknowledgements become an entry of the log within 100 ms.
    await until(async () => (await link('large')).lagMessages === 0);
    expect(await link('large')).toMatchObject({ dropped: { too_large: 1 } });
    expect((await link('large')).error).toMatch(
      /^message on large\/a dropped: it has \d+ bytes, and the other broker accepts 2000$/,
    );
    const page = await cluster.metrics('m2');
    expect(page.value('link_dropped_total', 'link="large",reason="too_large"')).toBe(1);
    expect(page.value('link_connected', 'link="large"')).toBe(1);
  });

  it('skips a message above its bound that a broker with MQTT 3.1.1 sends, and receives those behind it', async () => {
    await addLink('oversized', {
      addresses: [mosquitto.url],
      protocol: '3.1.1',
      packetBytesMax: 2_048,
      rules: [{ direction: 'in', filter: 'oversized/#', qosMax: 2 }],
    });
    await connected('oversized');
    const here = await connectTo(cluster.mqttUrl('m1'), 'oversized-here');
    const there = await connectTo(mosquitto.url, 'oversized-there');
    const received = await record(here, 'oversized/#');
    await ready(there, 'oversized/ready', received);
    for (const qos of [0, 1, 2] as const)
      await there.publishAsync('oversized/a', Buffer.alloc(1_000_000), { qos });
    await there.publishAsync('oversized/b', 'next', { qos: 2 });
    await until(() => payloads(received).includes('next'));
    expect(received.filter(({ topic }) => topic === 'oversized/a')).toEqual([]);
    const after = await link('oversized');
    expect(after).toMatchObject({ state: 'connected', reconnects: 0, dropped: { too_large: 3 } });
    expect(after.error).toMatch(
      /^message on oversized\/a of the other broker dropped: it has \d+ bytes, and the link accepts 2048/,
    );
  });

  it('refuses definitions that make no sense, with one sentence', async () => {
    const rules = [{ direction: 'out', filter: 'a' }];
    const own = { addresses: [cluster.mqttUrl('m2')], rules };
    expect(await api.problem('PUT', '/links/own', own)).toEqual({
      status: 400,
      detail: `addresses: ${cluster.mqttUrl('m2')} is a member of this cluster`,
    });
    const loop = {
      addresses: [mosquitto.url],
      protocol: '3.1.1',
      bridge: false,
      rules: [
        { direction: 'out', filter: '#' },
        { direction: 'in', filter: '#' },
      ],
    };
    expect((await api.problem('PUT', '/links/loop', loop)).detail).toMatch(/^rule 1: would loop with rule 2/);
    expect((await api.problem('POST', '/links/nothing/test')).status).toBe(404);
    expect((await api.problem('DELETE', '/links/nothing')).status).toBe(404);
  });

  it('cannot be defined or removed as a retained message, by clients or by the operation for retained messages', async () => {
    const client = await connectTo(cluster.mqttUrl('m1'), 'intruder');
    const publish = client.publishAsync('$cluster/links/evil', '{}', { qos: 1, retain: true });
    await expect(publish).rejects.toThrow();
    expect(await link('evil')).toBeUndefined();
    const path = `/retained?filter=${encodeURIComponent('$cluster/#')}`;
    expect((await api.problem('DELETE', path)).status).toBe(400);
  });

  it.each(['paused with MQTT 5.0', 'paused with MQTT 3.1.1', 'running with MQTT 3.1.1'])(
    'leaves no session at the other broker when it is removed: %s',
    async (kind) => {
      const name = kind.replaceAll(/[ .]/g, '-').toLowerCase();
      const definition = { addresses: [mosquitto.url], protocol: kind.slice(-5).replace(/^.* /, '') };
      await addLink(name, { ...definition, rules: [{ direction: 'in', filter: 'removed/#' }] });
      await connected(name);
      if (kind.startsWith('paused')) {
        await api.ok('pauseLink', 'POST', `/links/${name}/pause`);
        await until(async () => (await link(name)).state === 'paused');
      }
      const { text } = await api.ok<{ text: string }>('deleteLink', 'DELETE', `/links/${name}`);
      expect(text).toBe(`the link ${name} is removed`);
      const client = connect(mosquitto.url, { clientId: `mqtt-cluster-${name}`, clean: false });
      clients.push(client);
      const connack = new Promise((resolve) => client.once('connect', resolve));
      expect(await connack).toMatchObject({ sessionPresent: false });
    },
  );

  it('says that its session remains when it is removed while the other broker is away', async () => {
    await addLink('away', { addresses: [mosquitto.url], rules: [{ direction: 'in', filter: 'away/#' }] });
    await connected('away');
    await mosquitto.stop();
    try {
      await until(async () => (await link('away')).state === 'connecting');
      const { text } = await api.ok<{ text: string }>('deleteLink', 'DELETE', '/links/away');
      expect(text).toBe(
        'the link away is removed, and its session at the other broker could not be deleted: ' +
          `${mosquitto.url}: the connection was refused: nothing listens at the address`,
      );
    } finally {
      await mosquitto.start();
    }
  });

  it('has sessions that no client can open', async () => {
    await addLink('owned', { addresses: [mosquitto.url], rules: [{ direction: 'out', filter: 'owned/#' }] });
    await connected('owned');
    const client = await cluster.openConnection('m1', 5);
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: false,
      clientId: '$link/owned',
      keepalive: 0,
    });
    await client.got('connack');
    expect(client.received[0]).toMatchObject({ cmd: 'connack', reasonCode: 0x85 });
    expect((await link('owned')).state).toBe('connected');
  });
});
