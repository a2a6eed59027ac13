import { requiring, until } from '@mqtt-cluster/testing';
import { connect } from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
import { connectClient, linkOf, putLink, startLinkCluster } from '../support/link-cluster.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import type { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;
let mosquitto: Mosquitto;

requiring('mosquitto')('messages that a link keeps aside', () => {
  beforeAll(async () => {
    cluster = await startLinkCluster(['m1', 'm2']);
    mosquitto = await Mosquitto.start();
  });

  afterAll(async () => {
    await cluster.close();
    await mosquitto.close();
  });

  it.each([1, 2] as const)(
    'reach an absent session with QoS 1, and the link goes on (QoS %i)',
    async (qos) => {
      const api = new ApiClient(cluster.httpUrl('m1'));
      const name = `plant${qos}`;
      const keeper = await connectClient(cluster.mqttUrl('m2'), `keeper${qos}`, false);
      await keeper.subscribeAsync(`aside/${name}/#`, { qos: 2 });
      await keeper.endAsync();
      await putLink(api, name, {
        addresses: [mosquitto.url],
        packetBytesMax: 1_024,
        keptAside: `aside/${name}`,
        rules: [{ direction: 'out', filter: `${name}/#`, qosMax: 2 }],
      });
      await until(async () => (await linkOf(api, name)).state === 'connected');
      const publisher = await connectClient(cluster.mqttUrl('m2'), `publisher${qos}`, true);
      const large = Buffer.alloc(2_000, 'x');
      await publisher.publishAsync(`${name}/large`, large, { qos });
      await publisher.publishAsync(`${name}/small`, 'small', { qos });
      await publisher.endAsync();
      await until(async () => (await linkOf(api, name)).sent[qos] === 1);
      await until(async () => (await linkOf(api, name)).lagMessages === 0);
      expect(await linkOf(api, name)).toMatchObject({ keptAside: 1, dropped: { too_large: 1 } });

      const copies: unknown[] = [];
      // The handler must exist before CONNACK: the copies follow it at once.
      const back = connect(cluster.mqttUrl('m1'), {
        clientId: `keeper${qos}`,
        clean: false,
        protocolVersion: 5,
        properties: { sessionExpiryInterval: 3_600 },
      });
      back.on('message', (topic, payload, packet) =>
        copies.push([topic, payload, packet.qos, packet.properties?.userProperties]),
      );
      await until(() => copies.length > 0);
      await back.endAsync();
      expect(copies).toEqual([
        [
          `aside/${name}/${name}/large`,
          large,
          1,
          {
            'mqtt-cluster-kept-aside-by': name,
            'mqtt-cluster-kept-aside-because': expect.stringMatching(
              /^message on plant\d\/large dropped: .*1024/,
            ),
          },
        ],
      ]);
    },
  );
});
