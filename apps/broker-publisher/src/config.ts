import { readFileSync } from 'node:fs';
import { ConfigError } from '@mqtt-cluster/contracts';
import type { MemberId } from '@mqtt-cluster/contracts';
import { environmentVariables, loadConfig } from '@mqtt-cluster/runtime';
import { z } from 'zod';
import { jwtSchema } from './authentication/jwt-settings.ts';
import { publisherSettings } from './authentication/publisher-settings.ts';
import { limitSettings } from './limits/limit-settings.ts';
import { isClientUrl, listenersSchema } from './listeners/listener-settings.ts';

/** Value of the setting `host`: all IPv4 and IPv6 addresses. */
export const allAddresses = '*';
/** Bounds of the setting `mqtt.packetBytesMax`. */
const packetBytesLowest = 1_024;
const packetBytesHighest = 1_048_576;
const memberIdPattern = /^[a-z0-9.-]{1,32}$/;
const portMax = 65_535;
const port = z.int().min(0).max(portMax);
const milliseconds = (min: number, max: number) => z.int().min(min).max(max);

/** Address of one member's cluster listener. */
export interface PeerAddress {
  readonly id: MemberId;
  readonly host: string;
  readonly port: number;
}

/** Parses `id=host:port`. An IPv6 address is in brackets. */
const peer = z.string().transform((text, context): PeerAddress => {
  const [, id = '', host = '', portText] = /^([^=]+)=(.+):(\d+)$/.exec(text) ?? [];
  if (memberIdPattern.test(id) && Number(portText) <= portMax) {
    return { id, host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(portText) };
  }
  const message = 'must have the form id=host:port (id: 1 to 32 characters of a-z 0-9 . -)';
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

const peers = z
  .array(peer)
  .min(1)
  .check(({ value, issues }) => {
    const id = firstRepeated(value.map((each) => each.id));
    if (id !== undefined) {
      const message = `must contain each member once: the member "${id}" appears twice`;
      issues.push({ code: 'custom', message, input: value });
    }
    const address = firstRepeated(value.map((each) => `${each.host}:${each.port}`));
    if (address !== undefined) {
      const message = `must give each member its own address: ${address} is the address of two members`;
      issues.push({ code: 'custom', message, input: value });
    }
  });

/** Parses `id=mqtt://host:port`. */
const clientUrl = z.string().transform((text, context) => {
  const [, id, url] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (id !== undefined && url !== undefined && isClientUrl(url)) return { id, url };
  context.issues.push({ code: 'custom', message: 'must have the form id=mqtt://host:port', input: text });
  return z.NEVER;
});

/** Maps each member id to the URLs at which clients reach the member. */
export type ClientUrls = ReadonlyMap<MemberId, readonly string[]>;

const urls = z
  .array(clientUrl)
  .default([])
  .transform((list): ClientUrls => {
    const byMember = new Map<MemberId, string[]>();
    for (const { id, url } of list) byMember.set(id, [...(byMember.get(id) ?? []), url]);
    return byMember;
  });

const timings = z
  .object({
    /**
     * Heartbeat interval of the leader. A longer interval delays failover. A shorter interval causes
     * needless elections on a busy machine.
     */
    heartbeatMs: milliseconds(10, 10_000).default(100),
    electionMsMin: milliseconds(50, 60_000).default(400),
    electionMsMax: milliseconds(100, 120_000).default(800),
    /** A member without a majority for this long becomes isolated (see `whenIsolated`). */
    isolatedAfterMs: milliseconds(500, 120_000).default(2_000),
    /**
     * Time without a message from a member after which the cluster treats this member as failed and publishes the
     * wills of its clients.
     */
    lostAfterMs: milliseconds(500, 120_000).default(2_500),
  })
  .check(({ value, issues }) => {
    const { heartbeatMs, electionMsMin, electionMsMax, isolatedAfterMs } = value;
    if (!(heartbeatMs * 2 <= electionMsMin && electionMsMin < electionMsMax)) {
      const message =
        `electionMsMin (${electionMsMin}) must be at least twice heartbeatMs (${heartbeatMs}) ` +
        `and below electionMsMax (${electionMsMax})`;
      issues.push({ code: 'custom', message, input: value });
    }
    if (isolatedAfterMs <= electionMsMax) {
      const message =
        `isolatedAfterMs must be above electionMsMax (${electionMsMax}), ` +
        'because otherwise every election isolates the members';
      issues.push({ code: 'custom', message, input: value });
    }
  });

/** The providers of authentication. */
const authenticationProvider = z.enum(['cluster', 'passwordFile', 'certificate', 'jwt']);

const tls = z
  .object({
    /** Files (PEM) for mutual TLS between members. Set all three or none of them. */
    key: z.string().default(''),
    cert: z.string().default(''),
    ca: z.string().default(''),
    /**
     * File (PEM) with a revocation list of each authority in `ca`. A member with a revoked certificate is refused, and its
     * connections are closed. It is read again when it changes.
     */
    crl: z.string().default(''),
  })
  .check(({ value, issues }) => {
    const { key, cert, ca, crl } = value;
    if (ca === '' && crl !== '') {
      const message = 'must not set crl without key, cert and ca: there is no certificate to check';
      issues.push({ code: 'custom', message, input: value });
    }
    if (new Set([key, cert, ca].map((file) => file === '')).size === 1) return;
    issues.push({
      code: 'custom',
      message: 'must set key, cert and ca together, or none of them',
      input: value,
    });
  });

/**
 * Settings of one member, with their defaults. The environment variable of a setting is
 * `MQTT_CLUSTER_<PATH>`. Settings that all members must agree on, such as queue bounds, are part of the log
 * instead; see `ClusterSettings`.
 */
export const configSchema = z
  .object({
    /** Name of this member. The member does not start when another running process uses the same id. */
    id: z.string().regex(memberIdPattern),
    /** Name of the cluster. Members of a cluster with another name are rejected. */
    name: z.string().min(1).max(64).default('mqtt-cluster'),
    /**
     * Address on which the member listens for clients, peers and HTTP requests. `*`: all IPv4 and IPv6
     * addresses, or all IPv4 addresses of a host without IPv6.
     */
    host: z.string().min(1).default(allAddresses),
    mqtt: z
      .object({
        port: port.default(1883),
        /**
         * The listeners for clients. With listeners, the member does not listen at `mqtt.port`, and `mqtt.authentication`
         * and `mqtt.anonymous` have no effect. The environment variable is a JSON array.
         */
        listeners: listenersSchema,
        clientsMax: z.int().min(1).default(10_000),
        /**
         * Bytes of one packet from a client (Maximum Packet Size of the server). The members should have the
         * same value. A higher bound costs memory per client, and large messages delay those behind them.
         */
        packetBytesMax: z
          .int()
          .min(packetBytesLowest)
          .max(packetBytesHighest)
          .default(256 * 1024),
        /**
         * The longest keep-alive of MQTT 5 clients, seconds; 0 sets no bound. CONNACK announces it as Server Keep
         * Alive to a client that asks for more. A lower value detects dead clients sooner and costs more PINGREQs.
         */
        keepAliveSecondsMax: z.int().min(0).max(65_535).default(0),
        /**
         * Whether the will of a connection is published when its client connects again, but the member of the
         * connection is unreachable, has restarted, or had moved the client to another server.
         */
        willAfterFailover: z.enum(['discard', 'publish']).default('discard'),
        /**
         * Providers that check the clients of the default listener, in this order: users of the cluster, the
         * password file, client certificates, JSON Web Tokens.
         */
        authentication: z.array(authenticationProvider).default([]),
        /**
         * Whether the default listener admits clients without a check. Then every host that reaches the listener may
         * read, write and clear everything that the rules permit to clients without a user. The member starts only if
         * this setting is true or a provider is set.
         */
        anonymous: z.boolean().default(false),
        /** Users of the provider `passwordFile`: a file of `mosquitto_passwd`. It is read again when it changes. */
        passwordFile: z.string().default(''),
        /**
         * The part of a client certificate that is the user name: the Common Name, or the first Subject Alternative
         * Name.
         */
        certificateUser: z.enum(['cn', 'san']).default('cn'),
        /**
         * Access rules of this member: an ACL file in the format of mosquitto. It is read again when it changes. The
         * rules of the cluster precede its rules.
         */
        aclFile: z.string().default(''),
        /** The provider `jwt`. */
        jwt: jwtSchema.prefault({}),
      })
      .prefault({}),
    http: z
      .object({
        port: port.default(9100),
        /**
         * Names under which browsers and programs address this member's HTTP port, without port, in addition to IP
         * addresses, `localhost`, the name of the host and the names in `peers`, `urls` and `mqtt.listeners`. A request to
         * any other name is refused, because it may come from a page that has pointed its own name here.
         */
        hosts: z
          .array(z.string().regex(/^[A-Za-z0-9._-]{1,253}$/, 'must be a host name without port'))
          .max(100)
          .default([]),
        /**
         * With `http.tls`: whether the port serves HTTP, too, for Prometheus, probes and scripts without TLS. Over HTTP,
         * another host gets only the pages that need no authorization: passwords, tokens and sessions are refused. If
         * `admin.trustLoopback` has no effect, this host counts as another one, and so does a proxy on it.
         */
        plain: z.boolean().default(false),
        /**
         * Files (PEM) for HTTPS instead of HTTP. With `ca`, each client of HTTPS must present a certificate of this
         * authority, without `http.plain` also Prometheus and probes.
         */
        tls: z
          .object({
            key: z.string().default(''),
            cert: z.string().default(''),
            ca: z.string().default(''),
            /** File (PEM) with a revocation list of each authority in `ca`. It is read again when it changes. */
            crl: z.string().default(''),
          })
          .check(({ value, issues }) => {
            const { key, cert, ca, crl } = value;
            if (ca === '' && crl !== '') {
              const message = 'must not set crl without ca: the port would check no certificate';
              issues.push({ code: 'custom', message, input: value });
            }
            if ((key === '') === (cert === '') && (ca === '' || key !== '')) return;
            issues.push({
              code: 'custom',
              message: 'must set key and cert together, and ca only with them',
              input: value,
            });
          })
          .prefault({}),
      })
      .prefault({}),
    cluster: z.object({ port: port.default(7883) }).prefault({}),
    /** Cluster listeners of all members, including this one: `id=host:port`. */
    peers,
    /**
     * URLs at which clients reach the members: `id=mqtt://host:port`, or with mqtts, ws or wss. Members that are not in the
     * list announce the URLs of their listeners.
     */
    urls,
    /** Directory of this member's store. */
    data: z.string().min(1).default('./data'),
    /**
     * What this member does with QoS 1 publishes while it is isolated. `accept`: the member acknowledges them when
     * they are on its own disk. `hold`: the member acknowledges them when it has a majority again.
     */
    whenIsolated: z.enum(['accept', 'hold']).default('accept'),
    /**
     * Allows this member to form a cluster although some members have not answered. An operator
     * sets `bootstrap` for the first start only.
     */
    bootstrap: z.boolean().default(false),
    publisher: publisherSettings.prefault({}),
    links: z
      .object({
        /**
         * Folder of the passwords, certificates and keys of links to other brokers. A link names files in this folder. Empty:
         * this member runs only links without files.
         */
        directory: z.string().default(''),
      })
      .prefault({}),
    timings: timings.prefault({}),
    limits: limitSettings,
    log: z.object({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
    tls: tls.prefault({}),
    /**
     * Fault injection for tests of whole members; see `FaultInjection`. Never use these settings on a
     * production host.
     */
    testing: z
      .object({ faults: z.string().default(''), ackBeforeCommit: z.boolean().default(false) })
      .prefault({}),
    admin: z
      .object({
        /**
         * File with the token that administration requires (HTTP: bearer token; MQTT: user `admin` with the
         * token as password, over TLS or from a loopback address). Without a token only this host may administer the member, by
         * HTTP and at `/mqtt` of the HTTP port.
         */
        tokenFile: z.string().default(''),
        /**
         * True when a request or a client from the loopback address counts as one from this host. Set false
         * in a container with its own network: some port forwarders, such as that of rootless podman, make
         * all requests appear to come from loopback.
         */
        trustLoopback: z.boolean().default(true),
      })
      .prefault({}),
    /**
     * True on a machine for experiments and tests: the member then starts without mutual TLS between the members
     * (`tls`). Every host that reaches the cluster port of this member can then pose as a peer.
     */
    lab: z.boolean().default(false),
    /** Client connections closed per second while the member drains. */
    drainPerSecond: z.int().min(1).max(100_000).default(200),
  })
  .check(({ value, issues }) => {
    const ids = value.peers.map(({ id }) => id);
    if (!ids.includes(value.id)) {
      const message = `must include this member ("${value.id}"), not only ${ids.join(', ')}`;
      issues.push({ code: 'custom', message, input: value.peers, path: ['peers'] });
    }
    const unknownId = [...value.urls.keys()].find((id) => !ids.includes(id));
    if (unknownId !== undefined) {
      const message = `must contain only members of the setting peers: "${unknownId}" is not one of them`;
      issues.push({ code: 'custom', message, input: value.urls, path: ['urls'] });
    }
    const { http, lab } = value;
    if (lab && http.plain && http.tls.ca !== '') {
      const message =
        'must not be true with http.tls.ca in a lab: a client without a certificate could administer over HTTP';
      issues.push({ code: 'custom', message, input: http.plain, path: ['http', 'plain'] });
    }
  });

export type ApplianceConfig = z.output<typeof configSchema>;

const prefix = 'MQTT_CLUSTER';

/** Returns the environment variables of all settings. */
export function settingNames(): string[] {
  return environmentVariables(configSchema, prefix).map(({ name }) => name);
}

/**
 * @param ignoredVariables variables of the environment that have the prefix and are no settings
 * @throws ConfigError the message is one line with each invalid setting, its value and the valid form
 */
export function readConfig(
  directory: string,
  ignoredVariables: readonly string[] = [],
): Readonly<ApplianceConfig> {
  return loadConfig(configSchema, { prefix, directory, ignoredVariables });
}

/** Returns whether a program that reads `/metrics` needs HTTPS. It uses HTTP if HTTPS would demand its certificate. */
export function metricsNeedTls({ http: { plain, tls } }: Pick<ApplianceConfig, 'http'>): boolean {
  return tls.key !== '' && !(plain && tls.ca !== '');
}

/** Returns the address at which the peers reach this member. */
export function ownAddress({ id, peers: addresses }: ApplianceConfig): PeerAddress {
  const own = addresses.find((each) => each.id === id);
  if (own === undefined)
    throw new Error(
      `the setting peers does not list ${id}: the schema should have rejected the configuration`,
    );
  return own;
}

/** @throws ConfigError when the file cannot be read */
export function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`tls: the file ${file} cannot be read`, { cause });
  }
}

function firstRepeated(values: readonly string[]): string | undefined {
  return values.find((value, position) => values.indexOf(value) !== position);
}
