import type { Host } from '../bed/host.ts';

export const brokerUnit = 'mqtt-cluster-broker.service';

/** Returns an id that changes with each start of the broker's unit. */
async function startOf(host: Host): Promise<string> {
  return (await host.ssh(`systemctl show --property=InvocationID --value ${brokerUnit}`)).trim();
}

/** Returns the starts of the units of several hosts. */
export async function startsOf(hosts: readonly Host[]): Promise<string> {
  return (await Promise.all(hosts.map(startOf))).join(' ');
}
