import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../bed/host.ts';
import { monitoringHost } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import type { RehearsalContext, Step } from './context.ts';

const program = '/usr/local/lib/mqtt-cluster/backup';
const folder = '/var/backups/mqtt-cluster';
const credentials = '/etc/mqtt-cluster-backup/curl';
const metrics = '/var/lib/prometheus/node-exporter/mqtt_cluster_backup.prom';

export const backup: Step = {
  name: 'back up on the timer: a backup that cannot be taken or restored is noticed',
  async run(context: RehearsalContext) {
    const { bed, log } = context;
    const host = bed.host(monitoringHost);
    await host.ssh('systemctl start mqtt-cluster-backup.service');
    const file = (await host.ssh(`ls -1 ${folder}/*.backup | tail -n 1`)).trim();
    log(`${file}: taken, and restored into a scratch member`);
    await host.ssh(
      `cp ${file} /tmp/broken.backup && printf X | dd of=/tmp/broken.backup bs=1 seek=1000 conv=notrunc`,
    );
    await expectFailure(host, `${program} /tmp/broken.backup`, 'checksum of the backup is wrong');
    const before = await host.ssh(`cat ${metrics}`);
    await host.ssh(`cp ${credentials} /root/curl && echo 'user = "nobody:wrong"' >${credentials}`);
    try {
      await expectFailure(host, 'systemctl start mqtt-cluster-backup.service', 'failed');
      if ((await host.ssh(`cat ${metrics}`)) !== before)
        throw new RehearsalError('a backup without credentials counts as a success');
    } finally {
      await host.ssh(`mv /root/curl ${credentials}; systemctl reset-failed mqtt-cluster-backup.service`);
    }
    log('a damaged backup and wrong credentials are noticed');
    await takeBackup(context);
  },
};

/** Returns the folder of the control node for the backups of a test bed. */
export function backupsOf({ directory }: TestBedLayout): string {
  return join(directory, 'backups');
}

/** Takes a backup with backup.yml. @returns the path of the backup on the control node */
export async function takeBackup({ bed, playbooks }: RehearsalContext): Promise<string> {
  const directory = backupsOf(bed.layout);
  await playbooks.run('backup', { backup_directory: directory });
  const newest = readdirSync(directory)
    .filter((name) => name.endsWith('.backup'))
    .sort()
    .at(-1);
  if (newest === undefined) throw new RehearsalError(`backup.yml wrote no file into ${directory}`);
  return join(directory, newest);
}

async function expectFailure(host: Host, command: string, sentence: string): Promise<void> {
  const { status, output, errorOutput } = await host.attemptSsh(`${command} 2>&1`);
  const text = output + errorOutput;
  if (status === 0 || !text.includes(sentence))
    throw new RehearsalError(`"${command}" did not fail with "${sentence}": ${text.trim()}`);
}
