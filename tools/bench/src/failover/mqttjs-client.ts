import type { MeasuredClientFactory } from './measured-client.ts';
import { mqttJsPair } from './mqttjs-pair.ts';
import { keepaliveSeconds, sessionExpirySeconds } from './protocol.ts';

/**
 * Creates clients of MQTT.js with a list of servers. They reconnect after one second, the default of MQTT.js. The keep-alive
 * is short, and the clients also ping during traffic: otherwise a publisher would never detect a silent server.
 */
export const mqttJs: MeasuredClientFactory = (command, recorder) =>
  mqttJsPair(command, recorder, {
    name: 'mqtt.js',
    idPart: 'mqtt.js',
    qos: 1,
    connection: {
      servers: command.servers.map(({ host, port }) => ({ host, port, protocol: 'mqtt' as const })),
      protocolVersion: 5,
      properties: { sessionExpiryInterval: sessionExpirySeconds },
      keepalive: keepaliveSeconds,
      reschedulePings: false,
    },
  });
