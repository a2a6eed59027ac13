import { RehearsalError } from '../errors.ts';
import type { HostRecap } from '../playbook.ts';
import type { RehearsalContext, Step } from './context.ts';

/** Deploys brokers, client and monitoring with one command, as a new user does. */
export const deploy: Step = {
  name: 'deploy the brokers, a client and the monitoring with site.yml',
  withoutLoad: true,
  async run({ playbooks, cluster, versions }: RehearsalContext) {
    await playbooks.run('site', { mqtt_cluster_version: versions.first });
    await cluster.waitUntilHealthy();
  },
};

/** Runs the deployment again, and checks that it changes no host. */
export const checkIdempotence: Step = {
  name: 'run site.yml again: nothing may change',
  withoutLoad: true,
  async run({ playbooks, versions, log }: RehearsalContext) {
    const recap = await playbooks.run('site', { mqtt_cluster_version: versions.first });
    assertUnchanged(recap);
    log(`changed=0 on ${recap.map(({ host }) => host).join(', ')}`);
  },
};

/** Checks that a playbook changed no host. @throws RehearsalError with the changed hosts */
export function assertUnchanged(recap: readonly HostRecap[]): void {
  if (recap.length === 0) throw new RehearsalError('ansible printed no recap');
  const changed = recap.filter((host) => host.changed > 0);
  if (changed.length === 0) return;
  const words = changed.map((host) => `${host.host} (${host.changed})`).join(', ');
  throw new RehearsalError(`the second run changed hosts: ${words}`);
}
