import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { MeasuredClientFactory } from './measured-client.ts';
import { recordFeed } from './our-client.ts';
import { feedTopic, openMsMax, ownTopic } from './protocol.ts';
import { steadily } from './steady.ts';

export const oneAddressName = 'one address, like an Arduino';
/** The delay of the example of PubSubClient, the usual library of an Arduino. */
const reconnectMs = 5_000;
/** The default of PubSubClient. */
const keepaliveSeconds = 15;

/**
 * Creates clients that behave like PubSubClient: MQTT 3.1.1, one address, and publishes with QoS 0 only, which fail without a
 * connection. The address is that of a proxy.
 */
export const oneAddress: MeasuredClientFactory = ({ label, address, rate }, recorder) => {
  if (address === null) return null;
  const name = oneAddressName;
  const { host, port } = address;
  const clients: MqttClient[] = [];
  const connect = async (role: string): Promise<MqttClient> => {
    const client = await connectAsync({
      host,
      port,
      clientId: `${label}-arduino-${role}`,
      protocolVersion: 4,
      clean: false,
      keepalive: keepaliveSeconds,
      reconnectPeriod: reconnectMs,
      reconnectOnConnackError: true,
      queueQoSZero: false,
      resubscribe: false,
      connectTimeout: openMsMax,
    });
    client.on('error', () => undefined); // the client reconnects
    clients.push(client);
    return client;
  };
  let end: () => void = () => undefined;
  return {
    async open() {
      await connect('publisher');
      const subscriber = await connect('subscriber');
      subscriber.on('message', (topic, payload) => recordFeed(recorder, { name, label, topic, payload }));
      await subscriber.subscribeAsync({
        [feedTopic(label, 0)]: { qos: 0 },
        [feedTopic(label, 1)]: { qos: 1 },
      });
    },
    begin() {
      const [publisher] = clients;
      end = steadily(rate, (number) => {
        recorder.sent(name);
        publisher?.publish(ownTopic(label, name), `${number}`, { qos: 0 }, () => undefined);
      });
    },
    rest: () => end(),
    async close() {
      end();
      await Promise.all(clients.map((client) => client.endAsync(true)));
    },
  };
};
