import { monitoringHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { firstFailure, parseRecap } from '../playbook.ts';
import type { Variables } from '../playbook.ts';
import type { Scene, Step } from './scene.ts';

/** What is wrong, how to make it so, and a part of the sentence that must be said. */
type Wrong = readonly [string, Variables, string];

const wrongs: readonly Wrong[] = [
  ['too little disk', { preflight_disk_bytes_min: '999999999999999' }, 'are needed below one of'],
  ['another architecture', { preflight_architectures: ['riscv128'] }, 'but the images are made for riscv128'],
  [
    'an image that is not there',
    { mqtt_cluster_version: 'nowhere' },
    'There is no image localhost/mqtt-cluster/',
  ],
  ['an admin token that is too short', { vault_broker_admin_token: 'short' }, '16 characters or more'],
];

/** @throws RehearsalError when it was not refused with that sentence, or something was changed all the same */
export function assertRefused(status: number, output: string, sentence: string): void {
  if (status === 0) throw new RehearsalError('it was not refused');
  if (!output.replaceAll('\\n', ' ').includes(sentence)) {
    throw new RehearsalError(`"${sentence}" was not said, but: ${firstFailure(output)}`);
  }
  const changed = parseRecap(output).filter((host) => host.changed > 0);
  if (changed.length > 0) {
    throw new RehearsalError(`refused, but changed before on ${changed.map(({ host }) => host).join(', ')}`);
  }
}

export const refusals: Step = {
  name: 'what must be refused: one sentence, and nothing changed',
  async run({ bed, playbooks, versions, tell }: Scene) {
    const refuse = async ([name, variables, sentence]: Wrong): Promise<void> => {
      const given = { mqtt_cluster_version: versions.first, ...variables };
      const { status, output } = await playbooks.attempt('site', given);
      try {
        assertRefused(status, output, sentence);
      } catch (error) {
        throw new RehearsalError(`${name}: ${(error as Error).message}`, { cause: error });
      }
      tell(`${name}: refused, nothing changed`);
    };
    for (const wrong of wrongs) await refuse(wrong);
    const host = bed.host(monitoringHost);
    await host.powerOff();
    try {
      await refuse(['a host that is off', {}, `The host ${host.address} can't be reached by ssh`]);
    } finally {
      await host.start();
      await host.reachable();
    }
  },
};
