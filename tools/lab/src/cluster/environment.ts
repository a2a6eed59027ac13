import { UsageError } from '@mqtt-cluster/kit';
import { firstSite } from '../layout.ts';
import type { Layout, MemberPlace } from '../layout.ts';
import type { LabSecurity } from '../security/lab-security.ts';

export interface ApplianceSettings {
  /** Letter of the cluster among several on this machine. */
  readonly site: string;
  readonly dataFolder: string;
  /** The appliance reads the faults of its disk and clock from this file. */
  readonly faultsFile: string;
  readonly logLevel: string;
  /** Messages a second of the appliance's own publisher, for each QoS; 0 stops the publisher. */
  readonly publisherRate: number;
  /** Certificates, users and rules; null: everything is plain, and clients are anonymous. */
  readonly security: LabSecurity | null;
  /** Settings of `--set key=value`, in the order given; they override all other settings. */
  readonly overrides: readonly (readonly [string, string])[];
}

/** Returns the environment variable of a setting: `log.level` is `MQTT_CLUSTER_LOG_LEVEL`. */
export function variableName(key: string): string {
  const words = key.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll(/[.-]/g, '_');
  return `MQTT_CLUSTER_${words.toUpperCase()}`;
}

/** Parses the value `key=value` of the option `--set`. @throws UsageError */
export function parseOverride(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  const key = text.slice(0, at);
  if (at < 1 || !/^[A-Za-z][\w.-]*$/.test(key))
    throw new UsageError(`--set must be key=value (for example log.level=debug), not "${text}"`);
  return [key, text.slice(at + 1)];
}

/** Returns the environment variables of a member. In them, the addresses of the peers are the addresses of link proxies. */
export function applianceEnvironment(
  layout: Layout,
  member: MemberPlace,
  settings: ApplianceSettings,
): Record<string, string> {
  const peers = layout.members.map((peer) =>
    peer === member
      ? `${peer.id}=${peer.host}:${peer.clusterPort}`
      : `${peer.id}=${member.host}:${layout.linkPort(member, peer)}`,
  );
  return {
    MQTT_CLUSTER_ID: member.id,
    // Links mark messages with this name, so two clusters have two names.
    MQTT_CLUSTER_NAME: settings.site === firstSite ? 'lab' : `lab-${settings.site}`,
    MQTT_CLUSTER_HOST: member.host,
    MQTT_CLUSTER_MQTT_PORT: String(member.mqttPort),
    MQTT_CLUSTER_HTTP_PORT: String(member.httpPort),
    MQTT_CLUSTER_CLUSTER_PORT: String(member.clusterPort),
    MQTT_CLUSTER_PEERS: peers.join(','),
    MQTT_CLUSTER_URLS: serverList(layout, settings.security !== null),
    MQTT_CLUSTER_DATA: settings.dataFolder,
    MQTT_CLUSTER_PUBLISHER_RATE: String(settings.publisherRate),
    MQTT_CLUSTER_WHEN_ISOLATED: 'accept',
    MQTT_CLUSTER_LOG_LEVEL: settings.logLevel,
    MQTT_CLUSTER_TESTING_FAULTS: settings.faultsFile,
    ...(settings.security === null ? openSettings : secureSettings(member, settings.security)),
    ...Object.fromEntries(
      settings.overrides.map(([key, value]) => [variableName(key), fillIn(value, layout, member)]),
    ),
  };
}

/** The members listen on loopback addresses only. The live view and their logs warn about both settings. */
const openSettings: Readonly<Record<string, string>> = {
  MQTT_CLUSTER_LAB: 'true',
  MQTT_CLUSTER_MQTT_ANONYMOUS: 'true',
};

/** Mutual TLS between the members, and one listener with TLS that admits the users of the password file. */
function secureSettings(
  member: MemberPlace,
  { caFile, passwordFile, aclFile, certificateOf }: LabSecurity,
): Record<string, string> {
  const { key, cert } = certificateOf(member);
  const { host, mqttPort: port } = member;
  const listener = {
    name: 'clients',
    kind: 'tls',
    host,
    port,
    tls: { key, cert },
    authentication: ['passwordFile'],
  };
  return {
    MQTT_CLUSTER_TLS_KEY: key,
    MQTT_CLUSTER_TLS_CERT: cert,
    MQTT_CLUSTER_TLS_CA: caFile,
    MQTT_CLUSTER_MQTT_LISTENERS: JSON.stringify([listener]),
    MQTT_CLUSTER_MQTT_PASSWORD_FILE: passwordFile,
    MQTT_CLUSTER_MQTT_ACL_FILE: aclFile,
  };
}

/**
 * Replaces the placeholders of a setting. `{id}`, `{host}` and `{mqttPort}` differ between the members. `{peers}` is the
 * setting `peers` without link proxies: links then have no faults, and no load of this process delays them.
 */
function fillIn(value: string, layout: Layout, { id, host, mqttPort }: MemberPlace): string {
  const peers = layout.members.map((peer) => `${peer.id}=${peer.host}:${peer.clusterPort}`).join(',');
  return value
    .replaceAll('{id}', id)
    .replaceAll('{host}', host)
    .replaceAll('{mqttPort}', String(mqttPort))
    .replaceAll('{peers}', peers);
}

/** Returns a warning if the members admit clients without a check, as they do unless `--set` changes that. */
export function anonymousWarning({
  overrides,
  secure,
}: Pick<ApplianceSettings, 'overrides'> & { readonly secure: boolean }): string {
  if (secure) return '';
  const last = overrides.findLast(([key]) => variableName(key) === 'MQTT_CLUSTER_MQTT_ANONYMOUS');
  return (last?.[1] ?? 'true') === 'true'
    ? 'ANONYMOUS: every program on this machine may connect without a user'
    : '';
}

/** Returns the environment variables of the lab's client application. */
export function clientEnvironment(
  layout: Layout,
  logLevel: string,
  security: LabSecurity | null,
): Record<string, string> {
  return {
    MQTT_CLIENT_SERVERS: serverList(layout, security !== null),
    MQTT_CLIENT_ID: 'lab-client',
    MQTT_CLIENT_HTTP_HOST: layout.client.host,
    MQTT_CLIENT_HTTP_PORT: String(layout.client.httpPort),
    MQTT_CLIENT_LOG_LEVEL: logLevel,
    ...(security !== null && {
      MQTT_CLIENT_USERNAME: security.clientUser,
      MQTT_CLIENT_TOKEN_FILE: security.clientTokenFile,
      MQTT_CLIENT_TLS_CA: security.caFile,
    }),
  };
}

function serverList(layout: Layout, secure: boolean): string {
  const scheme = secure ? 'mqtts' : 'mqtt';
  return layout.members.map(({ id, host, mqttPort }) => `${id}=${scheme}://${host}:${mqttPort}`).join(',');
}
