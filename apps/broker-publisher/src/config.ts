import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ConfigError } from '@mqtt-cluster/contracts';
import { environmentVariables, loadConfig } from '@mqtt-cluster/runtime';
import { z } from 'zod';

const memberIdPattern = /^[a-z0-9.-]{1,32}$/;
const port = z.int().min(0).max(65_535);
const milliseconds = (min: number, max: number) => z.int().min(min).max(max);

/**
 * Everything that can be set, with its default; each has an environment variable `MQTT_CLUSTER_<PATH>`. What all
 * members must agree on (queue bounds and the like) stands in the log instead, see `ClusterSettings`.
 */
export const schema = z.object({
  /** This member's name; the same id on two hosts is refused. */
  id: z.string().regex(memberIdPattern),
  /** Members of clusters with other names are refused. */
  name: z.string().min(1).max(64).default('mqtt-cluster'),
  /** Address to listen on, for clients, peers and HTTP. */
  host: z.string().min(1).default('0.0.0.0'),
  mqtt: z.object({ port: port.default(1883), clientsMax: z.int().min(1).default(10_000) }).prefault({}),
  http: z.object({ port: port.default(9100) }).prefault({}),
  cluster: z.object({ port: port.default(7883) }).prefault({}),
  /** All members, this one included: `id=host:port` of their cluster listeners. */
  peers: z.array(z.string()).min(1),
  /** Where clients reach each member: `id=mqtt://host:port`. */
  urls: z.array(z.string()).default([]),
  /** Directory of this member's store. */
  data: z.string().min(1).default('./data'),
  /** Without a majority: `accept` acks QoS 1 from its own disk, `hold` waits. */
  whenIsolated: z.enum(['accept', 'hold']).default('accept'),
  /** An operator's word to found the cluster without hearing from all members. Only for a first start. */
  bootstrap: z.boolean().default(false),
  publisher: z
    .object({
      /** Messages a second and QoS level; 0 for none. */
      rate: z.number().min(0).max(10_000).default(1),
      /** A group shared by several members, of which one publishes. */
      group: z.string().max(64).default(''),
    })
    .prefault({}),
  timings: z
    .object({
      /** Raising it makes failover slower; lowering it makes a busy machine vote without need. */
      heartbeatMs: milliseconds(10, 10_000).default(100),
      electionMsMin: milliseconds(50, 60_000).default(400),
      electionMsMax: milliseconds(100, 120_000).default(800),
      /** Without a majority for this long a member says so and acks from its own disk (`accept`). */
      isolatedAfterMs: milliseconds(500, 120_000).default(2_000),
      /** A member unheard for this long loses its connections: their wills fire. */
      lostAfterMs: milliseconds(500, 120_000).default(2_500),
    })
    .prefault({}),
  limits: z
    .object({
      /** Bytes of log kept in memory and on disk before a snapshot cuts it. Raising it costs memory and restart time. */
      logBytesMax: z
        .int()
        .min(1_048_576)
        .default(32 * 1024 * 1024),
      /** Bytes acked without a majority that one member holds. Raising it costs memory and disk. */
      outboxBytesMax: z
        .int()
        .min(65_536)
        .default(64 * 1024 * 1024),
    })
    .prefault({}),
  log: z.object({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  tls: z
    .object({
      /** Files (PEM) for mutual TLS between members; all three or none. */
      key: z.string().default(''),
      cert: z.string().default(''),
      ca: z.string().default(''),
    })
    .prefault({}),
  /** For the tests of whole members only, see `testing.ts`: never in a configuration that is to be trusted. */
  testing: z
    .object({ faults: z.string().default(''), ackBeforeCommit: z.boolean().default(false) })
    .prefault({}),
  admin: z
    .object({
      /**
       * File with the token that administration asks for (HTTP: bearer token; MQTT: user `admin`, the token as password). Without
       * it only this host may administer, and only by HTTP.
       */
      tokenFile: z.string().default(''),
      /**
       * Whether who comes from the loopback address counts as this host. Not in a container with a network of its own: some
       * port forwarding (rootless podman's) makes everybody look so.
       */
      trustLoopback: z.boolean().default(true),
    })
    .prefault({}),
  /** Connections closed per second while draining. */
  drainPerSecond: z.int().min(1).max(100_000).default(200),
});

export type ApplianceConfig = z.output<typeof schema>;

export interface PeerAddress {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

const prefix = 'MQTT_CLUSTER';

/** Environment variables of all settings. An image tells them to whoever deploys it: it starts with no others. */
export function settingNames(): string[] {
  return environmentVariables(schema, prefix).map(({ name }) => name);
}

/** @throws ConfigError in one line what is wrong and what would be right */
export function readConfig(directory: string): Readonly<ApplianceConfig> {
  const config = loadConfig(schema, { prefix, directory });
  const peers = parsePeers(config.peers);
  const ids = peers.map((peer) => peer.id);
  const twice = ids.find((id, position) => ids.indexOf(id) !== position);
  if (twice !== undefined)
    throw new ConfigError(`peers names the member "${twice}" twice: ids must be unique`);
  const addresses = peers.map((peer) => `${peer.host}:${peer.port}`);
  const shared = addresses.find((address, position) => addresses.indexOf(address) !== position);
  if (shared !== undefined) throw new ConfigError(`peers gives the address ${shared} to two members`);
  if (!ids.includes(config.id)) {
    throw new ConfigError(
      `peers must name all members, this one ("${config.id}") too; it names ${ids.join(', ')}`,
    );
  }
  const { electionMsMin, electionMsMax, heartbeatMs, isolatedAfterMs } = config.timings;
  if (!(heartbeatMs * 2 <= electionMsMin && electionMsMin < electionMsMax)) {
    throw new ConfigError(
      'timings: electionMsMin must be at least twice heartbeatMs and below electionMsMax',
    );
  }
  if (isolatedAfterMs <= electionMsMax) {
    throw new ConfigError(
      'timings: isolatedAfterMs must be above electionMsMax, else every election isolates',
    );
  }
  const { key, cert, ca } = config.tls;
  if (new Set([key, cert, ca].map((file) => file === '')).size > 1) {
    throw new ConfigError('tls needs key, cert and ca together, or none of them');
  }
  parseUrls(config.urls, ids);
  return config;
}

export function parsePeers(texts: readonly string[]): PeerAddress[] {
  return texts.map((text) => {
    const match = /^([^=]+)=(.+):(\d+)$/.exec(text);
    const [, id, host, portText] = match ?? [];
    if (id === undefined || host === undefined || !memberIdPattern.test(id) || Number(portText) > 65_535) {
      throw new ConfigError(`peers: "${text}" is not of the form id=host:port (id: 1 to 32 of a-z 0-9 . -)`);
    }
    return { id, host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(portText) };
  });
}

/** Client URLs by member. */
export function parseUrls(texts: readonly string[], ids: readonly string[]): Map<string, string[]> {
  const urls = new Map<string, string[]>();
  for (const text of texts) {
    const [, id, url] = /^([^=]+)=((?:mqtts?|tcp|ssl):\/\/.+)$/.exec(text) ?? [];
    if (id === undefined || url === undefined || !URL.canParse(url)) {
      throw new ConfigError(`urls: "${text}" is not of the form id=mqtt://host:port`);
    }
    if (!ids.includes(id)) throw new ConfigError(`urls names "${id}", which peers doesn't`);
    urls.set(id, [...(urls.get(id) ?? []), url]);
  }
  return urls;
}

/** Listening on all addresses tells clients nothing: then peers' own address is the one to give. */
export function advertisedUrl(config: ApplianceConfig, own: PeerAddress): string {
  const host = config.host === '0.0.0.0' || config.host === '::' ? own.host : config.host;
  return `mqtt://${isIP(host) === 6 ? `[${host}]` : host}:${config.mqtt.port}`;
}

/** @throws ConfigError when the file can't be read */
export function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`tls: the file ${file} cannot be read`, { cause });
  }
}
