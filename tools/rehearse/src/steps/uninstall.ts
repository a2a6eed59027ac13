import { addressOf, virtualHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { assertRejected } from './refusals.ts';
import type { RehearsalContext, Step } from './context.ts';

/** Services of Debian's packages that the roles start. */
const services = 'haproxy keepalived prometheus prometheus-alertmanager prometheus-node-exporter';
const names = "'*mqtt-cluster*' -o -name '*mqtt_cluster*'";

/** Prints what a host has of the product, one line for each thing. */
const script = [
  "systemctl list-units --all --plain --no-legend 'mqtt-cluster*' | awk '{ print \"unit \" $1 }'",
  "systemctl list-unit-files --no-legend 'mqtt-cluster*' | awk '{ print \"unit file \" $1 }'",
  `systemctl is-active ${services} | grep -n '^active' | sed 's/^/service of Debian that runs: number /'`,
  "podman ps --all --format 'container {{.Names}}'",
  "podman images --format 'image {{.Repository}}:{{.Tag}}'",
  "getent passwd mqtt-cluster keepalived_script | sed 's/:.*//; s/^/user /'",
  "getent group mqtt-cluster keepalived_script | sed 's/:.*//; s/^/group /'",
  "pgrep -af '/opt/mqtt-cluster/' | grep -v pgrep | sed 's/^/process /'",
  "nft list tables | grep mqtt_cluster | sed 's/^/firewall: /'",
  `ip -o address show | grep -F ' ${addressOf(virtualHost)}/' | sed 's/^/virtual address: /'`,
  `find / /run -xdev \\( -name ${names} \\) -prune -printf 'file %p\\n'`,
  'true',
].join('\n');

/** Things that stay without `data=delete` (docs/OPERATIONS.md, "Uninstall"). */
const keptWithData = ['file /var/lib/mqtt-cluster', 'user mqtt-cluster', 'group mqtt-cluster'];
/** Things that always stay. */
const keptAlways = ['file /var/backups/mqtt-cluster'];

/** Returns the first thing that an uninstalled host has and may not have, or null. */
export function remainder(text: string, kept: readonly string[]): string | null {
  return (
    text
      .trim()
      .split('\n')
      .find((line) => line !== '' && !kept.includes(line)) ?? null
  );
}

export const uninstall: Step = {
  name: 'uninstall: no unit, container, image, user or file of the product stays, except those that the manual keeps',
  withoutLoad: true,
  async run({ bed, cluster, playbooks, log }: RehearsalContext) {
    const hosts = [...bed.hosts.values()].filter((host) => host.isRunning);
    const refused = await playbooks.attempt('uninstall', { data: 'delete' });
    assertRejected(refused.status, refused.output, 'needs -e confirm=uninstall');
    const expectOnly = async (kept: readonly string[]): Promise<void> => {
      for (const host of hosts) {
        const rest = remainder(await host.ssh(script), kept);
        if (rest !== null) throw new RehearsalError(`${host.address} still has the ${rest}`);
      }
    };
    await playbooks.run('uninstall', { confirm: 'uninstall' });
    await expectOnly([...keptAlways, ...keptWithData]);
    for (const number of cluster.hosts) {
      const { status } = await bed.host(number).attemptSsh('test -d /var/lib/mqtt-cluster/store');
      if (status !== 0) throw new RehearsalError(`${addressOf(number)} lost its store without data=delete`);
    }
    log('the stores and their user are kept');
    await playbooks.run('uninstall', { confirm: 'uninstall', data: 'delete' });
    await expectOnly(keptAlways);
    log(`nothing is left on ${hosts.length} hosts, except the backups`);
  },
};
