import type { MeasuredClientFactory } from './measured-client.ts';
import { mqttJsPair } from './mqttjs-pair.ts';

export const oneAddressName = 'one address, like an Arduino';
/** The delay of the example of PubSubClient, the usual library of an Arduino. */
const reconnectMs = 5_000;
/** The default of PubSubClient. */
const keepaliveSeconds = 15;

/**
 * Creates clients that behave like PubSubClient: MQTT 3.1.1, one address, and publishes with QoS 0 only, which fail without a
 * connection. The address is that of a proxy.
 */
export const oneAddress: MeasuredClientFactory = (command, recorder) => {
  const { address } = command;
  if (address === null) return null;
  return mqttJsPair(command, recorder, {
    name: oneAddressName,
    idPart: 'arduino',
    qos: 0,
    connection: {
      host: address.host,
      port: address.port,
      protocolVersion: 4,
      keepalive: keepaliveSeconds,
      reconnectPeriod: reconnectMs,
      queueQoSZero: false,
      resubscribe: false,
    },
  });
};
