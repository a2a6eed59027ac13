import { monitoringHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { rejectionFault } from '../local-playbook.ts';
import type { Variables } from '../playbook.ts';
import type { RehearsalContext, Step } from './context.ts';

/** A wrong deployment: its name, its variables, and a part of the expected error message. */
type WrongDeployment = readonly [string, Variables, string];

const wrongDeployments: readonly WrongDeployment[] = [
  ['too little disk', { preflight_disk_bytes_min: '999999999999999' }, 'needs at least'],
  ['another architecture', { preflight_architectures: ['riscv128'] }, 'but the images are made for riscv128'],
  ['a missing image', { mqtt_cluster_version: 'nowhere' }, 'There is no image localhost/mqtt-cluster/'],
  [
    'an update that would lock clients out',
    { broker_publisher_anonymous: 'false', broker_publisher_authentication: [] },
    'would admit no clients: set broker_publisher_authentication',
  ],
  ['an admin token that is too short', { vault_broker_admin_token: 'short' }, '16 characters or more'],
];

/**
 * Checks that a playbook stopped with the expected message before it changed a host.
 * @throws RehearsalError when the playbook succeeded, printed another message, or changed a host
 */
export function assertRejected(status: number, output: string, sentence: string): void {
  const fault = rejectionFault({ status, output }, sentence);
  if (fault !== null) throw new RehearsalError(fault);
}

export const refusals: Step = {
  name: 'wrong deployments: site.yml must reject each with one message and change no host',
  async run({ bed, playbooks, versions, log }: RehearsalContext) {
    const expectRejection = async ([name, variables, sentence]: WrongDeployment): Promise<void> => {
      const given = { mqtt_cluster_version: versions.first, ...variables };
      const { status, output } = await playbooks.attempt('site', given);
      try {
        assertRejected(status, output, sentence);
      } catch (error) {
        throw new RehearsalError(`${name}: ${(error as Error).message}`, { cause: error });
      }
      log(`${name}: rejected, nothing changed`);
    };
    for (const wrong of wrongDeployments) await expectRejection(wrong);
    const host = bed.host(monitoringHost);
    await host.powerOff();
    try {
      await expectRejection(['a host that is off', {}, `The host ${host.address} can't be reached by ssh`]);
    } finally {
      await host.start();
      await host.reachable();
    }
  },
};
