import type { LinkItem } from '@mqtt-cluster/api';
import { requiring, until } from '@mqtt-cluster/testing';
import { connect } from 'mqtt';
import type { MqttClient } from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
import { connectClient, linkOf, putLink, removeLinks, startLinkCluster } from '../support/link-cluster.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import type { TestCluster } from '../support/test-cluster.ts';

const name = 'plant';
const out = { direction: 'out', filter: 'out/#' };
const incoming = { direction: 'in', filter: 'in/#' };

let cluster: TestCluster;
let api: ApiClient;
let first: Mosquitto;
let second: Mosquitto;
const clients: MqttClient[] = [];

/** Connects a client that records the payloads it receives from the start, also those of its former session. */
function listen(url: string, clientId: string): { readonly client: MqttClient; readonly received: string[] } {
  const properties = { sessionExpiryInterval: 3_600 };
  const client = connect(url, { clientId, clean: false, protocolVersion: 5, properties });
  const received: string[] = [];
  client.on('message', (_topic, payload) => received.push(payload.toString()));
  clients.push(client);
  return { client, received };
}

const link = (): Promise<LinkItem> => linkOf(api, name);

/** Defines the link, and resolves when it is connected to the first of these addresses. */
async function define(addresses: readonly string[], rules: readonly object[]): Promise<void> {
  await putLink(api, name, { addresses, rules });
  await until(async () => (await link()).address === addresses[0]);
}

async function publish(url: string, topic: string, payload: string): Promise<void> {
  const client = await connectClient(url, 'publisher', true);
  await client.publishAsync(topic, payload, { qos: 1 });
  await client.endAsync();
}

requiring('mosquitto')('a link whose definition changes', () => {
  beforeAll(async () => {
    cluster = await startLinkCluster(['m1']);
    api = new ApiClient(cluster.httpUrl('m1'));
    [first, second] = await Promise.all([Mosquitto.start(), Mosquitto.start()]);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await removeLinks(api);
  });

  afterAll(async () => {
    await cluster.close();
    await first.close();
    await second.close();
  });

  it('receives nothing of the session at a broker that it left and returns to', async () => {
    const { client, received } = listen(cluster.mqttUrl('m1'), 'here');
    await client.subscribeAsync('in/#', { qos: 1 });
    await define([first.url], [incoming]);
    await until(async () => {
      await publish(first.url, 'in/ready', 'ready');
      return received.includes('ready');
    });
    await define([second.url], [incoming]);
    await publish(first.url, 'in/a', 'of the former session');
    await define([first.url], [incoming]);
    await until(async () => {
      await publish(first.url, 'in/b', 'new');
      return received.includes('new');
    });
    expect(new Set(received)).toEqual(new Set(['ready', 'new']));
  });

  it('has no subscription at the other broker after its last incoming rule was removed', async () => {
    await define([first.url], [out, incoming]);
    // The same broker at another address, which shows that the new definition is in force.
    await define([`${first.url}/`, first.url], [out]);
    await api.ok('pauseLink', 'POST', `/links/${name}/pause`);
    await until(async () => (await link()).member === null);
    await publish(first.url, 'in/a', 'for the former rule');
    const { client, received } = listen(first.url, `mqtt-cluster-${name}`);
    await client.subscribeAsync('end', { qos: 1 });
    await publish(first.url, 'end', 'end');
    await until(() => received.includes('end'));
    expect(received).toEqual(['end']);
  });
});
