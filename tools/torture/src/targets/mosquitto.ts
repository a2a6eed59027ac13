import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { findInstalledProgram } from './installed.ts';
import { freePort } from '@mqtt-cluster/kit';
import type { BrokerProduct } from './process-target.ts';

export interface MosquittoOptions {
  /** Largest number of unacknowledged messages of each client; 0: no bound. */
  readonly inFlightMax?: number;
}

/**
 * Returns the configuration of one broker. The first broker is the hub; each other broker has a mosquitto
 * bridge to the hub for all topics in both directions at QoS 2. A star has no loops, and a bridge does not
 * return messages to their sender. All brokers are persistent, save every second, and have unbounded queues.
 */
export function mosquittoConfiguration(
  server: ServerAddress,
  hub: ServerAddress,
  folder: string,
  { inFlightMax = 0 }: MosquittoOptions = {},
): string {
  const settings = [
    `listener ${server.port} ${server.host}`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_interval 1',
    'max_queued_messages 0',
    'max_queued_bytes 0',
    `max_inflight_messages ${inFlightMax}`,
    'log_dest stderr',
    // Without this setting a broker that root starts changes to a user that can't write to the folder.
    'user root',
    'log_type error',
    'log_type warning',
  ];
  const bridgeSettings = [
    `connection ${server.id}-to-${hub.id}`,
    `address ${hub.host}:${hub.port}`,
    `remote_clientid bridge-${server.id}`,
    'topic # both 2',
    'cleansession false',
    'notifications false',
    'restart_timeout 1',
    'try_private true',
  ];
  return `${[...settings, ...(server === hub ? [] : bridgeSettings)].join('\n')}\n`;
}

/** mosquitto brokers that mosquitto bridges connect, because mosquitto has no cluster. */
export function mosquitto(options: MosquittoOptions = {}): BrokerProduct {
  const command = findInstalledProgram('mosquitto', 'mosquitto');
  return {
    name: 'mosquitto',
    qosMax: 2,
    versions: [4, 5],
    sharesSubscriptions: true,
    async prepare(folder, members) {
      const servers: ServerAddress[] = [];
      for (let number = 1; number <= members; number++) {
        const host = `127.0.3.${number}`;
        servers.push({ id: `mosquitto${number}`, host, port: await freePort(host) });
      }
      return servers.map((server) => {
        const own = join(folder, server.id);
        mkdirSync(own, { recursive: true });
        const file = join(own, 'mosquitto.conf');
        writeFileSync(file, mosquittoConfiguration(server, servers[0] ?? server, own, options));
        return { server, command, args: ['-c', file], environment: {}, folder: own };
      });
    },
  };
}
