import { RehearsalError } from '../errors.ts';
import type { HostRecap } from '../playbook.ts';
import type { Scene, Step } from './scene.ts';

/** As a new user would, with one command. */
export const deploy: Step = {
  name: 'deploy the brokers, a client and the monitoring with site.yml',
  async run({ playbooks, cluster, versions }: Scene) {
    await playbooks.run('site', { mqtt_cluster_version: versions.first });
    await cluster.well();
  },
};

export const converge: Step = {
  name: 'run site.yml again: nothing may change',
  async run({ playbooks, versions, tell }: Scene) {
    const recap = await playbooks.run('site', { mqtt_cluster_version: versions.first });
    assertUnchanged(recap);
    tell(`changed=0 on ${recap.map(({ host }) => host).join(', ')}`);
  },
};

/** @throws RehearsalError naming the hosts on which something changed */
export function assertUnchanged(recap: readonly HostRecap[]): void {
  if (recap.length === 0) throw new RehearsalError('ansible gave no recap');
  const changed = recap.filter((host) => host.changed > 0);
  if (changed.length === 0) return;
  const words = changed.map((host) => `${host.host} (${host.changed})`).join(', ');
  throw new RehearsalError(`a second run changed something on ${words}`);
}
