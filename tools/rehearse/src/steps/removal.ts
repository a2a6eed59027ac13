import type { Host } from '../bed/host.ts';
import { monitoringHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import type { RehearsalContext, Step } from './context.ts';

/** Files that a former version could have left on the monitoring host. */
const formerFiles = [
  '/etc/prometheus/mqtt-cluster/alerts-former.yml',
  '/etc/prometheus/mqtt-cluster-web/runbooks/Former.md',
];
const repository = 'localhost/mqtt-cluster/broker-publisher';

export const removal: Step = {
  name: 'run site.yml without things that the hosts have: it must remove them',
  async run({ bed, cluster, playbooks, versions, log }: RehearsalContext) {
    const monitoring = bed.host(monitoringHost);
    const broker = bed.host(cluster.hosts[0]!);
    for (const file of formerFiles) await monitoring.ssh(`echo 'groups: []' >${file}`);
    for (const version of ['former-1', 'former-2'])
      await broker.ssh(`podman tag ${repository}:${versions.first} ${repository}:${version}`);
    await playbooks.run('site', { mqtt_cluster_version: versions.first, virtual_address_ip: '' });
    for (const file of formerFiles) await expectNone(monitoring, `ls ${file}`, file);
    await expectNone(
      broker,
      'systemctl is-active keepalived haproxy | grep -x active',
      'the virtual address',
    );
    const images = (await broker.ssh(`podman images --format {{.Tag}} ${repository}`)).trim().split('\n');
    if (!images.includes(versions.first) || images.length > 2)
      throw new RehearsalError(`${broker.address} has the images ${images.join(', ')}`);
    log('former rules, runbooks, images and the virtual address are gone');
    await playbooks.run('site', { mqtt_cluster_version: versions.first });
    await cluster.waitUntilHealthy();
  },
};

/** Throws if the command succeeds, because then the host still has what a former run left. */
async function expectNone(host: Host, command: string, what: string): Promise<void> {
  const { status } = await host.attemptSsh(command);
  if (status === 0) throw new RehearsalError(`${host.address} still has ${what}`);
}
