import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import { findInstalledProgram } from './installed.ts';
import { attemptCommand, freePort } from '@mqtt-cluster/kit';
import type { BrokerProduct } from './process-target.ts';

export interface NatsNode {
  readonly server: ServerAddress;
  readonly clientPort: number;
  readonly routePort: number;
}

/**
 * Returns the configuration of one node: JetStream with three replicas in a cluster of at least three nodes,
 * and a sync after every write if the server supports that.
 */
export function natsConfiguration(
  { server, clientPort, routePort }: NatsNode,
  all: readonly NatsNode[],
  folder: string,
  syncAlways: boolean,
): string {
  const routes = all.map((node) => `"nats://${node.server.host}:${node.routePort}"`).join(', ');
  const replicas = all.length >= 3 ? 3 : 1;
  return [
    `server_name: ${server.id}`,
    `listen: "${server.host}:${clientPort}"`,
    `jetstream { store_dir: "${folder}"${syncAlways ? ', sync_interval: always' : ''} }`,
    ...(all.length > 1
      ? [`cluster { name: torture, listen: "${server.host}:${routePort}", routes: [${routes}] }`]
      : []),
    `mqtt { listen: "${server.host}:${server.port}", stream_replicas: ${replicas}, ack_wait: "2s" }`,
    '',
  ].join('\n');
}

/**
 * NATS with JetStream and its MQTT listener: MQTT 3.1.1 with QoS 0 and 1 (only NATS 2.10 and later support
 * QoS 2).
 *
 * @param onNodes receives the addresses of the nodes
 */
export function nats(onNodes: (nodes: readonly NatsNode[]) => void = () => undefined): BrokerProduct {
  const command = findInstalledProgram('nats-server', 'nats-server');
  return {
    name: 'nats',
    qosMax: 1,
    versions: [4],
    sharesSubscriptions: false,
    async prepare(folder, members) {
      const nodes: NatsNode[] = [];
      for (let number = 1; number <= members; number++) {
        const host = `127.0.3.${20 + number}`;
        const server = { id: `nats${number}`, host, port: await freePort(host) };
        nodes.push({ server, clientPort: await freePort(host), routePort: await freePort(host) });
      }
      onNodes(nodes);
      return Promise.all(
        nodes.map(async (node) => {
          const own = join(folder, node.server.id);
          mkdirSync(own, { recursive: true });
          const file = join(own, 'nats.conf');
          const write = (syncAlways: boolean): void =>
            writeFileSync(file, natsConfiguration(node, nodes, join(own, 'store'), syncAlways));
          write(true);
          // NATS servers before 2.10 reject the setting `sync_interval: always`.
          if ((await attemptCommand(command, ['-c', file, '-t'])).status !== 0) write(false);
          return { server: node.server, command, args: ['-c', file], environment: {}, folder: own };
        }),
      );
    },
  };
}

/** A nats-server with JetStream as the stream between clusters. */
export interface JetstreamServer {
  readonly product: BrokerProduct;
  /** Returns the address for clients of NATS. @throws TortureError before the server is prepared */
  clientAddress(): { readonly host: string; readonly port: number };
}

/** @throws UsageError when nats-server is not installed */
export function jetstreamServer(): JetstreamServer {
  let node: NatsNode | null = null;
  const product = nats((nodes) => (node = nodes[0] ?? null));
  return {
    product,
    clientAddress: () => {
      if (node === null) throw new TortureError('nats-server is not prepared');
      return { host: node.server.host, port: node.clientPort };
    },
  };
}
