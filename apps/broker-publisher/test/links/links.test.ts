import type { LinkItem } from '@mqtt-cluster/api';
import { requiring, until } from '@mqtt-cluster/testing';
import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { TestCluster } from '../support/test-cluster.ts';

const ids = ['m1', 'm2', 'm3'];

interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

let cluster: TestCluster;
let api: ApiClient;
let mosquitto: Mosquitto;
const clients: MqttClient[] = [];

async function connectTo(url: string, clientId: string, clean = true): Promise<MqttClient> {
  const client = await connectAsync(url, { clientId, clean, protocolVersion: 5, reconnectPeriod: 100 });
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

async function link(name: string, id = 'm1'): Promise<LinkItem> {
  const asked = new ApiClient(cluster.httpUrl(id));
  const { links } = await asked.ok<{ links: LinkItem[] }>('listLinks', 'GET', '/links');
  return links.find((each) => each.name === name)!;
}

async function addLink(name: string, definition: object): Promise<void> {
  // An election on a busy machine makes the member refuse the change for a moment.
  await until(async () => (await api.send('PUT', `/links/${name}`, definition)).status === 200);
}

const connected = (name: string, id?: string): Promise<void> =>
  until(async () => (await link(name, id)).state === 'connected');

function payloads(received: readonly Received[]): string[] {
  return received.map(({ payload }) => payload);
}

requiring('mosquitto')('a link to mosquitto', () => {
  beforeAll(async () => {
    cluster = await TestCluster.start(ids);
    api = new ApiClient(cluster.httpUrl('m1'));
    mosquitto = await Mosquitto.start();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    for (const { name } of (await api.ok<{ links: LinkItem[] }>('listLinks', 'GET', '/links')).links)
      await api.ok('deleteLink', 'DELETE', `/links/${name}`);
  });

  afterAll(async () => {
    await cluster.close();
    await mosquitto.close();
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
      // The subscription of the link at mosquitto is in force when a message passes.
      await until(async () => {
        await there.publishAsync('plant/data/ready', 'ready', { qos: 1 });
        return payloads(receivedHere).includes('ready');
      });
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
});
