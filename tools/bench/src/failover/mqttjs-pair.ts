import { connectAsync } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { MeasuredClient } from './measured-client.ts';
import { feedTopic, openMsMax, ownTopic, seriesName } from './protocol.ts';
import type { OpenCommand } from './protocol.ts';
import { recordFeed } from './recorder.ts';
import type { Recorder } from './recorder.ts';
import { steadily } from './steady.ts';

interface PairOptions {
  /** Name of the client in the series of the recorder. */
  readonly name: string;
  /** Part of the client ids. */
  readonly idPart: string;
  /** QoS of the publishes. The recorder records the acknowledgements of QoS 1. */
  readonly qos: 0 | 1;
  readonly connection: IClientOptions;
}

/** Creates a publisher and a subscriber of MQTT.js with persistent sessions. */
export function mqttJsPair(
  { label, rate }: OpenCommand,
  recorder: Recorder,
  { name, idPart, qos, connection }: PairOptions,
): MeasuredClient {
  const clients: MqttClient[] = [];
  const connect = async (role: string): Promise<MqttClient> => {
    const client = await connectAsync({
      ...connection,
      clientId: `${label}-${idPart}-${role}`,
      clean: false,
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
        publisher?.publish(ownTopic(label, name), `${number}`, { qos }, (error) => {
          if (qos === 1 && !error) recorder.record(seriesName(name, 'publisher'));
        });
      });
    },
    rest: () => end(),
    async close() {
      end();
      await Promise.all(clients.map((client) => client.endAsync(true)));
    },
  };
}
