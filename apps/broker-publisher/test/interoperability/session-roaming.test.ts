import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { host, requiring, systemPython, until } from '@mqtt-cluster/testing';
import { connect } from 'mqtt';
import type { IConnackPacket, MqttClient } from 'mqtt';
import { TestCluster } from '../support/test-cluster.ts';

const count = 20;
const members = ['a', 'b', 'c'] as const;
const run = promisify(execFile);
const script = join(import.meta.dirname, 'paho-session.py');

let cluster: TestCluster;
const clients: MqttClient[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start(members);
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await cluster.close();
});

type Received = readonly [topic: string, number: number, qos: number];

/** Returns what a subscriber of both topics receives when nothing is lost or repeated, in order per topic. */
function numbered(topic: 'session/1' | 'session/2'): Received[] {
  return Array.from({ length: count }, (_, number) => [topic, number, Number(topic.at(-1))]);
}

function expectAll(received: readonly Received[]): void {
  for (const topic of ['session/1', 'session/2'] as const)
    expect(received.filter(([name]) => name === topic)).toEqual(numbered(topic));
}

describe.each([
  [4, '[3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.1.2-5]'],
  [5, '[5.0 MQTT-3.1.2-5]'],
] as const)('a persistent session of protocol level %s %s', (version, _clauses) => {
  requiring('paho-mqtt')('of the Eclipse Paho client', () => {
    const step = async (what: string, id: string, client: string) => {
      const { mqtt } = cluster.portsOf(id);
      const { stdout } = await run(systemPython, [
        script,
        what,
        `${version}`,
        host,
        `${mqtt}`,
        client,
        `${count}`,
      ]);
      return JSON.parse(stdout) as { present: number; received: Received[] };
    };

    test('continues at another member with all messages', async () => {
      expect((await step('subscribe', 'a', `paho-${version}`)).present).toBe(0);
      await step('publish', 'b', `paho-publisher-${version}`);
      const { present, received } = await step('resume', 'c', `paho-${version}`);
      expect(present).toBe(1);
      expectAll(received);
    }, 60_000);
  });

  describe('of mqtt.js', () => {
    const session = version === 5 ? { properties: { sessionExpiryInterval: 3_600 } } : {};

    /** Returns a client of this member that has not connected yet. */
    const createClient = (id: string, clientId: string): MqttClient => {
      const client = connect(cluster.mqttUrl(id), {
        protocolVersion: version,
        clientId,
        clean: false,
        reconnectPeriod: 0,
        resubscribe: false,
        manualConnect: true,
        ...session,
      });
      clients.push(client);
      return client;
    };

    /** Connects the client and returns the Session Present flag of the CONNACK. */
    const open = async (client: MqttClient): Promise<boolean> => {
      const connack = new Promise<IConnackPacket>((resolve) => client.once('connect', resolve));
      client.connect();
      return (await connack).sessionPresent;
    };

    test('continues at another member after a lost connection, with all messages', async () => {
      const subscriber = createClient('a', `js-${version}`);
      await open(subscriber);
      await subscriber.subscribeAsync({ 'session/1': { qos: 1 }, 'session/2': { qos: 2 } });
      const closed = new Promise<void>((resolve) => subscriber.once('close', resolve));
      subscriber.stream.destroy();
      await closed;
      const publisher = createClient('b', `js-publisher-${version}`);
      await open(publisher);
      for (const qos of [1, 2] as const)
        for (let number = 0; number < count; number++)
          await publisher.publishAsync(`session/${qos}`, `${number}`, { qos });

      const received: Received[] = [];
      const resumed = createClient('c', `js-${version}`);
      resumed.on('message', (topic, payload, { qos }) => received.push([topic, Number(payload), qos]));
      expect(await open(resumed)).toBe(true);
      await until(() => received.length >= 2 * count);
      expectAll(received);
    });
  });
});
