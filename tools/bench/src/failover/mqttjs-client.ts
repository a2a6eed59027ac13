import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { MeasuredClientFactory } from './measured-client.ts';
import {
  feedTopic,
  keepaliveSeconds,
  openMsMax,
  ownTopic,
  seriesName,
  sessionExpirySeconds,
} from './protocol.ts';
import { recordFeed } from './our-client.ts';
import { steadily } from './steady.ts';

/**
 * Creates clients of MQTT.js with a list of servers. They reconnect after one second, the default of MQTT.js. The keep-alive
 * is short, and the clients also ping during traffic: otherwise a publisher would never detect a silent server.
 */
export const mqttJs: MeasuredClientFactory = ({ label, servers, rate }, recorder) => {
  const name = 'mqtt.js';
  const clients: MqttClient[] = [];
  const connect = async (role: string): Promise<MqttClient> => {
    const client = await connectAsync({
      servers: servers.map(({ host, port }) => ({ host, port, protocol: 'mqtt' as const })),
      clientId: `${label}-${name}-${role}`,
      protocolVersion: 5,
      clean: false,
      properties: { sessionExpiryInterval: sessionExpirySeconds },
      keepalive: keepaliveSeconds,
      reschedulePings: false,
      connectTimeout: openMsMax,
      // A member without a majority refuses CONNECT. Without this option, MQTT.js never connects again after a refusal.
      reconnectOnConnackError: true,
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
        publisher?.publish(ownTopic(label, name), `${number}`, { qos: 1 }, (error) => {
          if (!error) recorder.record(seriesName(name, 'publisher'));
        });
      });
    },
    rest: () => end(),
    async close() {
      end();
      await Promise.all(clients.map((client) => client.endAsync(true)));
    },
  };
};
