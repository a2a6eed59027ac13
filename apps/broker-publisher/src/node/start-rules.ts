import { ConfigError } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { allAddresses } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from '../listeners/client-listeners.ts';
import type { ClientListener } from '../listeners/client-listeners.ts';

const howToAdmit =
  'set PATH.authentication to one or more of cluster, passwordFile, certificate and jwt, or set PATH.anonymous to ' +
  'true, which lets everyone who reaches the listener connect without a check';

/**
 * Checks the rules that keep strangers out. A setting that lets strangers in must have been set on purpose: the
 * defaults admit nobody (docs/DESIGN.md, "Who may connect").
 *
 * @throws ConfigError the message is one line that names the settings and what to do
 */
export function checkStartRules(config: ApplianceConfig): void {
  const faults = [...clientListeners(config).flatMap(listenerFault), ...clusterPortFault(config)];
  if (faults.length > 0) throw new ConfigError(`this member does not start: ${faults.join('; ')}`);
}

/** A setting that lets strangers in, although the member may start with it. */
export interface OpenDoor {
  /** Fields of the log line. */
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Returns each setting that lets strangers in. */
export function openDoors(config: ApplianceConfig): readonly OpenDoor[] {
  const doors = clientListeners(config)
    .filter(({ anonymous }) => anonymous)
    .map(({ name, host, port, authentication, setting }): OpenDoor => {
      // An operator who sees clients log in with passwords could believe that the passwords are checked.
      const ignored =
        authentication.length > 0
          ? ''
          : ' The listener has no provider, so it ignores user names, passwords and tokens, wrong ones included.';
      return {
        fields: { listener: name, address: `${displayed(host)}:${port}` },
        text:
          `ANONYMOUS CLIENTS: everyone who reaches this listener may connect without a check.${ignored} Set ` +
          `${setting}.anonymous to false and ${setting}.authentication to a provider to admit known clients only`,
      };
    });
  return [...doors, ...openClusterPort(config)];
}

/** Warns of each setting that lets strangers in. */
export function warnOfOpenDoors(doors: readonly OpenDoor[], logger: Logger): void {
  for (const { fields, text } of doors) logger.warn(fields, text);
}

function openClusterPort({ lab, tls, host, cluster }: ApplianceConfig): OpenDoor[] {
  if (!lab || tls.key !== '') return [];
  const text =
    'LAB: the cluster port has no mutual TLS, so everyone who reaches it can pose as a member. Set tls.key, tls.cert ' +
    'and tls.ca, and lab to false, on every machine that is not for experiments';
  return [{ fields: { address: `${displayed(host)}:${cluster.port}` }, text }];
}

function listenerFault({ name, authentication, anonymous, setting }: ClientListener): string[] {
  if (anonymous || authentication.length > 0) return [];
  const variables =
    setting === 'mqtt' ? ' (MQTT_CLUSTER_MQTT_AUTHENTICATION, MQTT_CLUSTER_MQTT_ANONYMOUS)' : '';
  return [`the listener "${name}" admits no clients: ${howToAdmit.replaceAll('PATH', setting)}${variables}`];
}

function clusterPortFault({ lab, tls }: ApplianceConfig): string[] {
  if (lab || tls.key !== '') return [];
  return [
    'the cluster port has no mutual TLS, so any host could pose as a member: set tls.key, tls.cert and tls.ca ' +
      '(MQTT_CLUSTER_TLS_KEY, MQTT_CLUSTER_TLS_CERT, MQTT_CLUSTER_TLS_CA), or set lab (MQTT_CLUSTER_LAB) to true on a ' +
      'machine for experiments',
  ];
}

function displayed(host: string): string {
  return host === allAddresses ? 'all addresses' : host;
}
