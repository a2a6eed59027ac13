import type { LinkItem } from '@mqtt-cluster/api';
import { requiring, until } from '@mqtt-cluster/testing';
import type { MqttClient } from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
import { connectClient, linkOf, putLink, removeLinks, startLinkCluster } from '../support/link-cluster.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import type { TestCluster } from '../support/test-cluster.ts';

const ids = ['m1', 'm2'];

let cluster: TestCluster;
let api: ApiClient;
let mosquitto: Mosquitto;
const clients: MqttClient[] = [];

/** Subscribes at mosquitto, and returns the payloads that differ from the one before them. */
async function changesOf(
  topic: string,
): Promise<{ readonly payloads: string[]; readonly retained: boolean[] }> {
  const client = await connectClient(mosquitto.url, `watch-${clients.length}`, true);
  clients.push(client);
  const payloads: string[] = [];
  const retained: boolean[] = [];
  client.on('message', (_topic, payload, { retain }) => {
    retained.push(retain);
    if (payload.toString() !== payloads.at(-1)) payloads.push(payload.toString());
  });
  await client.subscribeAsync(topic, { qos: 1 });
  return { payloads, retained };
}

const link = (id: string): Promise<LinkItem> => linkOf(new ApiClient(cluster.httpUrl(id)), 'plant');

async function addLink(protocol: string, presence: string): Promise<void> {
  const rules = [{ direction: 'out', filter: 'out/#' }];
  await putLink(api, 'plant', { addresses: [mosquitto.url], protocol, presence, rules });
}

requiring('mosquitto')('the presence of a link at mosquitto', () => {
  beforeAll(async () => {
    cluster = await startLinkCluster(ids);
    api = new ApiClient(cluster.httpUrl('m1'));
    mosquitto = await Mosquitto.start();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await removeLinks(api);
  });

  afterAll(async () => {
    await cluster.close();
    await mosquitto.close();
  });

  describe.each([
    ['5.0', 'sites/north'],
    ['3.1.1', '$SYS/broker/connection/north/state'],
  ])('with MQTT %s and the topic %s', (protocol, topic) => {
    it('is 1 while the link is connected, and 0 while it is paused and after its removal', async () => {
      const { payloads } = await changesOf(topic);
      await addLink(protocol, topic);
      await until(() => payloads.at(-1) === '1');
      await api.ok('pauseLink', 'POST', '/links/plant/pause');
      await until(() => payloads.at(-1) === '0');
      const late = await changesOf(topic);
      await until(() => late.payloads.length > 0);
      expect(late).toEqual({ payloads: ['0'], retained: [true] });
      await api.ok('resumeLink', 'POST', '/links/plant/resume');
      await until(() => payloads.at(-1) === '1');
      await api.ok('deleteLink', 'DELETE', '/links/plant');
      await until(() => payloads.at(-1) === '0');
      expect(payloads.slice(payloads.indexOf('1'))).toEqual(['1', '0', '1', '0']);
    });

    it('is 1 again when another member has taken the link over from one that drains', async () => {
      await addLink(protocol, topic);
      await until(async () => (await link('m1'))?.state === 'connected');
      const former = (await link('m1')).member!;
      const other = ids.find((id) => id !== former)!;
      const { payloads } = await changesOf(topic);
      await until(() => payloads.at(-1) === '1');
      try {
        await api.ok('drainMember', 'POST', `/members/${former}/drain`, { exit: false });
        await until(async () => (await link(other)).member === other);
        await until(async () => (await link(other)).state === 'connected');
        await until(() => payloads.at(-1) === '1');
        // The delayed will of MQTT 5.0 spares the subscribers the change.
        expect(payloads).toEqual(protocol === '5.0' ? ['1'] : ['1', '0', '1']);
      } finally {
        await api.ok('undrainMember', 'POST', `/members/${former}/undrain`, {});
        await cluster.serving(former);
      }
    });
  });
});
