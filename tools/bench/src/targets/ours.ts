import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Endpoint } from '../generator/load.ts';
import { loopProbeEnvironment, loopProbeFlags } from '../loop-delays.ts';
import type { Processes, StartedProcess } from '../processes.ts';
import { findProgram, freePort } from '@mqtt-cluster/kit';
import { Authority } from '@mqtt-cluster/lab';
import type { RunningTarget, StartOptions, Target } from './target.ts';

/** Node flags as in production. A young generation of 4 MiB saves 7 MiB at no measurable cost (docs/BENCHMARKS.md). */
const nodeFlags: readonly string[] = ['--max-semi-space-size=4'];

export interface MemberOptions {
  /** Whether the clients connect over TLS. They are anonymous in any case, so that only TLS makes the difference. */
  readonly secure?: boolean;
  /** Whether each member measures the delays of its event loop. */
  readonly watchesLoops?: boolean;
  /** Returns Node flags of one member, in addition to those of all members. */
  readonly flagsOf?: (id: string) => readonly string[];
  /** Environment variables of all members, in addition to those of the bench. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Returns the command that starts a member with the given command. */
  readonly wrap?: (
    id: string,
    command: string,
    args: readonly string[],
  ) => readonly [string, readonly string[]];
}

export interface RunningMembers extends RunningTarget {
  readonly http: readonly Endpoint[];
  /** The files with the delays of the event loops, for `readLoopDelays`; empty without `watchesLoops`. */
  readonly loopFiles: readonly string[];
  /** Starts all members again. They must have ended. */
  readonly startAgain: () => readonly StartedProcess[];
}

/**
 * Starts members of this cluster without their publisher. With the setting `hold` a member sends no acknowledgement without
 * a majority, so every acknowledged message is on the synced disks of a majority.
 */
export async function startMembers(
  processes: Processes,
  directory: string,
  count: number,
  {
    secure = false,
    watchesLoops = false,
    flagsOf = () => [],
    environment = {},
    wrap = (_id, command, args) => [command, args],
  }: MemberOptions = {},
): Promise<RunningMembers> {
  const hosts = Array.from({ length: count }, (_, position) => `127.0.2.${position + 1}`);
  const members: { id: string; host: string; mqtt: number; cluster: number; http: number }[] = [];
  for (const [position, host] of hosts.entries()) {
    const ports = [await freePort(host), await freePort(host), await freePort(host)] as const;
    members.push({ id: `m${position + 1}`, host, mqtt: ports[0], cluster: ports[1], http: ports[2] });
  }
  const peers = members.map(({ id, host, cluster }) => `${id}=${host}:${cluster}`).join(',');
  const script = join(dirname(process.argv[1]!), 'broker-publisher.mjs');
  const probeFlags = watchesLoops ? loopProbeFlags(directory) : [];
  const loopFiles = members.map(({ id }) => join(directory, `${id}.loop`));
  const authority = secure ? new Authority(join(directory, 'certificates')) : null;
  const start = (
    { id, host, mqtt, cluster, http }: (typeof members)[number],
    position: number,
  ): StartedProcess => {
    const data = join(directory, id);
    mkdirSync(data, { recursive: true });
    const flags = [...nodeFlags, ...probeFlags, ...extraFlags(), ...flagsOf(id)];
    const [command, args] = wrap(id, process.execPath, [...flags, script]);
    return processes.start(id, command, args, `${data}.log`, {
      ...environment,
      ...(watchesLoops && loopProbeEnvironment(loopFiles[position]!)),
      NODE_ENV: 'production',
      NODE_CONFIG_DIR: data,
      MQTT_CLUSTER_ID: id,
      MQTT_CLUSTER_HOST: host,
      MQTT_CLUSTER_PEERS: peers,
      MQTT_CLUSTER_MQTT_PORT: String(mqtt),
      MQTT_CLUSTER_CLUSTER_PORT: String(cluster),
      MQTT_CLUSTER_HTTP_PORT: String(http),
      MQTT_CLUSTER_DATA: data,
      MQTT_CLUSTER_WHEN_ISOLATED: 'hold',
      MQTT_CLUSTER_PUBLISHER_RATE: '0',
      // The members listen on loopback addresses only.
      MQTT_CLUSTER_LAB: 'true',
      ...(authority === null
        ? { MQTT_CLUSTER_MQTT_ANONYMOUS: 'true' }
        : { MQTT_CLUSTER_MQTT_LISTENERS: tlsListener(authority, id, host, mqtt) }),
    });
  };
  const startAll = (): StartedProcess[] => members.map(start);
  return {
    endpoints: members.map(({ host, mqtt }) => ({
      host,
      port: mqtt,
      ...(authority && { access: { ca: authority.ca } }),
    })),
    http: members.map(({ host, http }) => ({ host, port: http })),
    processes: startAll(),
    startAgain: startAll,
    loopFiles: watchesLoops ? loopFiles : [],
  };
}

/** Returns the setting `mqtt.listeners` with one listener for anonymous clients over TLS. */
function tlsListener(authority: Authority, id: string, host: string, port: number): string {
  return JSON.stringify([
    { name: 'clients', kind: 'tls', host, port, tls: authority.issue(id, host), anonymous: true },
  ]);
}

/** Returns the Node flags in BENCH_NODE_FLAGS, separated by spaces, for profiling the members. */
function extraFlags(): string[] {
  return (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
}

function ours(name: string, count: number, sessions: Target['sessions'], secure = false): Target {
  return {
    name,
    description: `this cluster, ${count === 1 ? 'one member' : `${count} members`}; synced before every ack${secure ? '; clients over TLS' : ''}`,
    sessions,
    qosLevels: [0, 1, 2],
    qosByDefault: count === 1 ? [0, 1, 2] : [1],
    unavailable: () => (secure && findProgram('openssl') === null ? 'openssl is not installed' : null),
    start: (processes: Processes, directory: string, _options: StartOptions) =>
      startMembers(processes, directory, count, { secure }),
  };
}

export const oneMember = ours('ours', 1, 'clean');
export const oneMemberTls = ours('ours-tls', 1, 'clean', true);
export const threeMembers = ours('ours3', 3, 'persistent');
export const threeMembersTls = ours('ours3-tls', 3, 'persistent', true);
