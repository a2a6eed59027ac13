import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, freePort } from '@mqtt-cluster/kit';
import type { Target } from './target.ts';

const program = findProgram('nats-server');
const nodes = 3;

interface Node {
  readonly name: string;
  readonly host: string;
  readonly client: number;
  readonly route: number;
  readonly mqtt: number;
}

function configuration(node: Node, all: readonly Node[], store: string, syncAlways: boolean): string {
  const routes = all.map(({ host, route }) => `"nats://${host}:${route}"`).join(', ');
  return [
    `server_name: ${node.name}`,
    `listen: "${node.host}:${node.client}"`,
    `jetstream { store_dir: "${store}"${syncAlways ? ', sync_interval: always' : ''} }`,
    `cluster { name: bench, listen: "${node.host}:${node.route}", routes: [${routes}] }`,
    `mqtt { listen: "${node.host}:${node.mqtt}", stream_replicas: ${nodes}, max_ack_pending: 65535 }`,
    '',
  ].join('\n');
}

/** Returns whether the installed nats-server has the setting `sync_interval`. Older servers do not have it. */
function hasSyncAlways(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'mqtt-cluster-bench-'));
  try {
    const file = join(directory, 'nats.conf');
    const node = { name: 'n1', host: '127.0.0.1', client: 4222, route: 6222, mqtt: 1883 };
    writeFileSync(file, configuration(node, [node], directory, true));
    return spawnSync(program!, ['-c', file, '-t']).status === 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function nats(name: string, syncAlways: boolean): Target {
  return {
    name,
    description: `nats-server, ${nodes} nodes, 3 replicas; ${syncAlways ? 'sync_interval: always' : 'synced every two minutes, its default'}`,
    sessions: 'persistent',
    qosLevels: [0, 1],
    qosByDefault: [1],
    unavailable() {
      if (program === null) return 'nats-server is not installed';
      return syncAlways && !hasSyncAlways() ? 'this nats-server has no sync_interval' : null;
    },
    async start(processes, directory) {
      const all: Node[] = [];
      for (let number = 1; number <= nodes; number++) {
        const host = `127.0.2.${30 + number}`;
        const ports = [await freePort(host), await freePort(host), await freePort(host)] as const;
        all.push({ name: `n${number}`, host, client: ports[0], route: ports[1], mqtt: ports[2] });
      }
      const started = all.map((node) => {
        const file = join(directory, `${node.name}.conf`);
        writeFileSync(file, configuration(node, all, join(directory, node.name), syncAlways));
        return processes.start(node.name, program!, ['-c', file], join(directory, `${node.name}.log`));
      });
      return { endpoints: all.map(({ host, mqtt }) => ({ host, port: mqtt })), processes: started };
    },
  };
}

export const natsThree = nats('nats3', false);
export const natsThreeSynced = nats('nats3sync', true);
