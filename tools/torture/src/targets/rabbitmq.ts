import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { findInstalledProgram } from './installed.ts';
import { ChildProgram, freePort, killOnExit } from '@mqtt-cluster/kit';
import type { BrokerProduct } from './process-target.ts';

const debianPackage = 'rabbitmq-server';
/**
 * Folder of RabbitMQ's programs. The wrapper script in /usr/sbin would change to another user and to the
 * system's configuration.
 */
const serverFolder = '/usr/lib/rabbitmq/bin';

export interface RabbitNode {
  readonly server: ServerAddress;
  readonly amqpPort: number;
  readonly distributionPort: number;
}

function nodeName({ server }: RabbitNode): string {
  return `${server.id}@localhost`;
}

/**
 * Returns the configuration of one node: quorum queues for persistent sessions, and a minority pauses in a
 * partition.
 */
export function rabbitConfiguration(node: RabbitNode, all: readonly RabbitNode[]): string {
  const { server, amqpPort } = node;
  const settings = [
    `listeners.tcp.1 = ${server.host}:${amqpPort}`,
    `mqtt.listeners.tcp.1 = ${server.host}:${server.port}`,
    'mqtt.allow_anonymous = true',
    'mqtt.durable_queue_type = quorum',
    'mqtt.prefetch = 100',
    'loopback_users = none',
    'cluster_partition_handling = pause_minority',
    'cluster_formation.peer_discovery_backend = classic_config',
    `cluster_formation.target_cluster_size_hint = ${all.length}`,
    ...all.map((each, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${nodeName(each)}`),
  ];
  return `${settings.join('\n')}\n`;
}

/** RabbitMQ with its MQTT plugin: MQTT 3.1.1 with QoS 0 and 1 (it serves QoS 2 as QoS 1). */
export function rabbitmq(): BrokerProduct {
  findInstalledProgram('rabbitmq-server', debianPackage);
  const epmd = findInstalledProgram('epmd', debianPackage);
  let portMapper: ChildProgram | null = null;
  killOnExit(() => (portMapper === null ? [] : [portMapper]));
  return {
    name: 'rabbitmq',
    qosMax: 1,
    versions: [4],
    sharesSubscriptions: false,
    async prepare(folder, members) {
      const nodes: RabbitNode[] = [];
      for (let number = 1; number <= members; number++) {
        const host = `127.0.3.${40 + number}`;
        const server = { id: `rabbit${number}`, host, port: await freePort(host) };
        const distributionPort = await freePort('127.0.0.1');
        nodes.push({ server, amqpPort: await freePort(host), distributionPort });
      }
      const mapperPort = await freePort('127.0.0.1');
      // This process starts the port mapper and ends it. A port mapper that a node starts would keep running.
      const args = ['-port', String(mapperPort)];
      portMapper = new ChildProgram({ command: epmd, args, logFile: join(folder, 'epmd.log') });
      return nodes.map((node) => {
        const own = join(folder, node.server.id);
        mkdirSync(own, { recursive: true });
        writeFileSync(join(own, 'rabbitmq.conf'), rabbitConfiguration(node, nodes));
        writeFileSync(join(own, 'enabled_plugins'), '[rabbitmq_mqtt].\n');
        return {
          server: node.server,
          command: join(serverFolder, 'rabbitmq-server'),
          args: [],
          environment: environmentOf(node, own, mapperPort),
          folder: own,
        };
      });
    },
    close() {
      portMapper?.signal('SIGTERM');
      portMapper = null;
    },
  };
}

function environmentOf(node: RabbitNode, own: string, mapperPort: number): Record<string, string> {
  return {
    HOME: own,
    ERL_EPMD_PORT: String(mapperPort),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODENAME: nodeName(node),
    RABBITMQ_DIST_PORT: String(node.distributionPort),
    RABBITMQ_CONFIG_FILE: join(own, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(own, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(own, 'data'),
    RABBITMQ_LOG_BASE: join(own, 'logs'),
    RABBITMQ_PID_FILE: join(own, 'pid'),
    // Nodes of one cluster authenticate with a common cookie.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-setcookie torture +S 1:1 +sbwt none',
  };
}
