import type { Layout, MemberPlace } from '../layout.ts';
import { UsageError } from '../errors.ts';

export interface ApplianceSettings {
  readonly dataFolder: string;
  /** From which the appliance takes the faults of its disk and clock. */
  readonly faultsFile: string;
  readonly logLevel: string;
  /** Messages a second of the appliance's own publisher, for each QoS; 0 for none. */
  readonly publisherRate: number;
  /** `--set key=value`, in the order given: win over everything else. */
  readonly overrides: readonly (readonly [string, string])[];
}

/** `log.level` becomes `MQTT_CLUSTER_LOG_LEVEL`, `whenIsolated` `MQTT_CLUSTER_WHEN_ISOLATED`. */
export function variableName(key: string): string {
  const words = key.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll(/[.-]/g, '_');
  return `MQTT_CLUSTER_${words.toUpperCase()}`;
}

/** @throws UsageError when it is not `key=value`. */
export function parseOverride(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  const key = text.slice(0, at);
  if (at < 1 || !/^[A-Za-z][\w.-]*$/.test(key)) throw new UsageError(`--set ${text}: expected key=value`);
  return [key, text.slice(at + 1)];
}

/** Everything an appliance is told. Its peers are the lab's link proxies, itself its own cluster address. */
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
    MQTT_CLUSTER_NAME: 'lab',
    MQTT_CLUSTER_HOST: member.host,
    MQTT_CLUSTER_MQTT_PORT: String(member.mqttPort),
    MQTT_CLUSTER_HTTP_PORT: String(member.httpPort),
    MQTT_CLUSTER_CLUSTER_PORT: String(member.clusterPort),
    MQTT_CLUSTER_PEERS: peers.join(','),
    MQTT_CLUSTER_URLS: serverList(layout),
    MQTT_CLUSTER_DATA: settings.dataFolder,
    MQTT_CLUSTER_PUBLISHER_RATE: String(settings.publisherRate),
    MQTT_CLUSTER_WHEN_ISOLATED: 'accept',
    MQTT_CLUSTER_LOG_LEVEL: settings.logLevel,
    MQTT_CLUSTER_TESTING_FAULTS: settings.faultsFile,
    ...Object.fromEntries(settings.overrides.map(([key, value]) => [variableName(key), value])),
  };
}

export function clientEnvironment(layout: Layout, logLevel: string): Record<string, string> {
  return {
    MQTT_CLIENT_SERVERS: serverList(layout),
    MQTT_CLIENT_ID: 'lab-client',
    MQTT_CLIENT_HTTP_HOST: layout.client.host,
    MQTT_CLIENT_HTTP_PORT: String(layout.client.httpPort),
    MQTT_CLIENT_LOG_LEVEL: logLevel,
  };
}

function serverList(layout: Layout): string {
  return layout.members.map(({ id, host, mqttPort }) => `${id}=mqtt://${host}:${mqttPort}`).join(',');
}
