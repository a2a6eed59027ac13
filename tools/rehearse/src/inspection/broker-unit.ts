import type { Host } from '../bed/host.ts';

export const brokerUnit = 'mqtt-cluster-broker.service';
const administer = 'podman exec mqtt-cluster-broker node /opt/mqtt-cluster/main.mjs admin';

/** Returns an id that changes with each start of the broker's unit. */
async function startOf(host: Host): Promise<string> {
  return (await host.ssh(`systemctl show --property=InvocationID --value ${brokerUnit}`)).trim();
}

/** Returns the starts of the units of several hosts. */
export async function startsOf(hosts: readonly Host[]): Promise<string> {
  return (await Promise.all(hosts.map(startOf))).join(' ');
}

/** Runs the admin command in the broker's container. @returns its standard output */
export function admin(host: Host, command: string): Promise<string> {
  return host.ssh(`${administer} ${command}`);
}
