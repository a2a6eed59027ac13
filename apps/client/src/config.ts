import { ConfigError } from '@mqtt-cluster/contracts';
import type { Server } from '@mqtt-cluster/failover-client';
import { normalizeUrl } from '@mqtt-cluster/failover-client';
import { loadConfig, logLevels } from '@mqtt-cluster/runtime';
import { z } from 'zod';

const port = z.int().min(0).max(65_535);
const milliseconds = (min: number, max: number) => z.int().min(min).max(max);

/** All settings with their defaults. Each has an environment variable `MQTT_CLIENT_<PATH>`. */
export const schema = z.object({
  /** The MQTT client id, which identifies the session. */
  id: z.string().min(1).max(200).default('telemetry-client'),
  /**
   * `mqtt://host:port` or `id=mqtt://host:port`, or with `mqtts`, `ws` or `wss` (`wss://host:port/path`). Either all servers
   * use TLS, or none of them. The client learns other members with the same schemes from the cluster.
   */
  servers: z.array(z.string()).min(1),
  /** The publisher group to subscribe to: one topic level, or `+` for all groups. */
  group: z
    .string()
    .regex(/^[^/#]+$/)
    .default('+'),
  /** The QoS levels to subscribe to. */
  qosLevels: z.array(z.int().min(0).max(2)).min(1).default([0, 1, 2]),
  session: z.enum(['none', 'process', 'persistent']).default('persistent'),
  /**
   * How long the cluster keeps the session and queues messages while this client is disconnected, in seconds. Raising it
   * costs memory on all members.
   */
  sessionExpirySeconds: z.int().min(0).max(0xffff_ffff).default(3_600),
  /**
   * 2 keeps connections to two members, so that there is no gap when one fails. Every message is then sent twice on the
   * network.
   */
  redundancy: z.int().min(1).max(2).default(1),
  /** MQTT protocol version: 5, or 4 for MQTT 3.1.1. */
  protocolVersion: z.int().min(4).max(5).default(5),
  username: z.string().default(''),
  password: z.string().default(''),
  /**
   * File with a token (JWT) or a password in its first line, instead of `password`. The client reads the file before each
   * connection, so a renewed token is used.
   */
  tokenFile: z.string().default(''),
  /** Paths of PEM files. An empty path means that the file is not used. Changed files are used for new connections. */
  tls: z
    .object({
      /** Authorities that sign the certificates of the servers. Empty: the authorities of Node. */
      ca: z.string().default(''),
      /** Certificate of this client, and its key. Both or none of them. */
      cert: z.string().default(''),
      key: z.string().default(''),
      /** Name that the certificates of all servers must contain, instead of the host of their URLs. */
      serverName: z.string().default(''),
      /** False accepts each certificate of an authority of `ca`, whatever server it names. */
      checkServerName: z.boolean().default(true),
    })
    .prefault({}),
  http: z.object({ host: z.string().min(1).default('0.0.0.0'), port: port.default(9_110) }).prefault({}),
  timings: z
    .object({
      connectTimeoutMs: milliseconds(50, 60_000).default(2_000),
      pingIntervalMs: milliseconds(50, 60_000).default(1_000),
      /**
       * The client closes a connection on which it receives nothing for this long. Must be above
       * pingIntervalMs. Lowering it closes connections to servers that are only busy.
       */
      silenceMsMax: milliseconds(100, 120_000).default(2_000),
    })
    .prefault({}),
  log: z.object({ level: z.enum(logLevels).default('info') }).prefault({}),
});

export type ClientConfig = z.output<typeof schema>;

/**
 * @throws ConfigError a setting is wrong; the message lists every wrong setting and its valid values in one
 * line
 */
export function readConfig(
  directory: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<ClientConfig> {
  const config = loadConfig(schema, { prefix: 'MQTT_CLIENT', directory, environment });
  checkAccess(config);
  if (config.protocolVersion === 4 && config.session === 'process') {
    throw new ConfigError('session "process" requires protocolVersion 5 (MQTT_CLIENT_SESSION)');
  }
  if (config.timings.silenceMsMax <= config.timings.pingIntervalMs) {
    throw new ConfigError('timings: silenceMsMax must be above pingIntervalMs');
  }
  return config;
}

/** Checks that the settings of servers, credentials and TLS fit together. @throws ConfigError */
function checkAccess({ servers, username, password, tokenFile, protocolVersion, tls }: ClientConfig): void {
  const schemes = new Set(parseServers(servers).map(({ url }) => new URL(url).protocol));
  const secure = ['mqtts:', 'wss:'].filter((scheme) => schemes.has(scheme)).length;
  if (secure > 0 && secure < schemes.size) {
    throw new ConfigError(
      'servers: must all use TLS (mqtts, wss), or none of them (mqtt, ws) (MQTT_CLIENT_SERVERS)',
    );
  }
  if (secure === 0 && (tls.ca !== '' || tls.cert !== '' || tls.serverName !== '' || !tls.checkServerName)) {
    throw new ConfigError(
      'tls: no server uses TLS; the URLs must start with mqtts:// or wss:// (MQTT_CLIENT_SERVERS)',
    );
  }
  if ((tls.cert === '') !== (tls.key === '')) {
    throw new ConfigError('tls: must set cert and key together (MQTT_CLIENT_TLS_CERT, MQTT_CLIENT_TLS_KEY)');
  }
  if (password !== '' && tokenFile !== '') {
    throw new ConfigError(
      'tokenFile and password exclude each other (MQTT_CLIENT_TOKEN_FILE, MQTT_CLIENT_PASSWORD)',
    );
  }
  if (protocolVersion === 4 && username === '' && (password !== '' || tokenFile !== '')) {
    throw new ConfigError(
      'username is missing: MQTT 3.1.1 allows no password without it (MQTT_CLIENT_USERNAME)',
    );
  }
}

/** @throws ConfigError a text is not of the form `mqtt://host:port` or `id=mqtt://host:port`, or with another scheme */
export function parseServers(texts: readonly string[]): Server[] {
  return texts.map((text) => {
    const [, id, rest] = /^([a-z0-9.-]{1,32})=(.*)$/.exec(text) ?? [undefined, undefined, text];
    const url = normalizeUrl(rest ?? '');
    if (url === undefined) {
      // A text with a user name may contain a password.
      const shown = text.includes('@') ? 'a URL with a user name' : `"${text}"`;
      throw new ConfigError(
        `servers: ${shown} is not of the form mqtt://host:port or id=mqtt://host:port (or mqtts, ws, wss)`,
      );
    }
    return id === undefined ? { url } : { id, url };
  });
}
