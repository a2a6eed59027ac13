import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, inventoryWithLost, playLocally, rejectionFault } from './local-playbook.ts';
import { writeProgram } from './substitute-program.ts';

interface Case {
  readonly what: string;
  /** Hosts that cannot be reached. */
  readonly lost?: readonly string[];
  /** More arguments of ansible-playbook. */
  readonly args?: readonly string[];
  /** Text of the message of the playbook. */
  readonly message: string;
}

const cases: readonly Case[] = [
  {
    what: 'a broker that cannot be reached',
    lost: ['two'],
    message: "The host two can't be reached by ssh",
  },
  {
    what: 'the first broker left out',
    args: ['--limit', '!one'],
    message:
      'one, which restores the backup, is no broker of this run. Give -e restore_host=NAME with one of two, three.',
  },
  {
    what: 'an unknown broker that restores',
    args: ['-e', 'restore_host=nobody'],
    message: 'nobody, which restores the backup, is no broker of this run',
  },
  {
    what: 'most brokers left out',
    args: ['--limit', 'one'],
    message: 'this run has only 1 of the 3 brokers of the inventory',
  },
  {
    what: 'another broker that restores, and a third one that cannot be reached',
    args: ['--limit', '!one', '-e', 'restore_host=two'],
    lost: ['three'],
    message: "The host three can't be reached by ssh",
  },
];

/**
 * Checks that restore.yml changes no host if a broker cannot be reached, or if the broker that restores takes no part.
 *
 * @returns the first fault, or null
 */
export async function restoreFault(ansible: string): Promise<string | null> {
  for (const each of cases) {
    const fault = await inFolder('restore', (folder) => faultOf(each, ansible, folder));
    if (fault !== null) return `${each.what}: ${fault}`;
  }
  return null;
}

async function faultOf(
  { lost = [], args = [], message }: Case,
  ansible: string,
  folder: string,
): Promise<string | null> {
  const backup = join(folder, 'backup');
  writeFileSync(backup, 'content');
  writeProgram(folder, 'podman', ':');
  const playbook = ['-i', inventoryWithLost(folder, lost), 'playbooks/restore.yml', ...args];
  const result = await playLocally(ansible, playbook, {
    variables: {
      backup,
      confirm: 'restore',
      mqtt_cluster_version: 'static',
      mqtt_cluster_images: folder,
      broker_publisher_data: folder,
      broker_publisher_user: 'root',
    },
    environment: { PATH: `${folder}:${process.env.PATH}` },
  });
  return rejectionFault(result, message);
}
