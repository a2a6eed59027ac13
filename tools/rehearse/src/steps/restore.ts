import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Host } from '../bed/host.ts';
import { clientHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { admin, startsOf } from '../inspection/broker-unit.ts';
import { Mosquitto } from '../load/mosquitto.ts';
import { takeBackup } from './backup.ts';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

const retainedTopics = 'rehearsal/restore';
const queueTopic = 'rehearsal/queue';
const sessions = { before: 'rehearsal-restore-before', after: 'rehearsal-restore-after' } as const;
const clientListSchema = z.object({ items: z.array(z.object({ id: z.string() })) });

/** Checks that the restored cluster has the expected things. @throws RehearsalError */
export function assertSame(what: string, found: readonly string[], expected: readonly string[]): void {
  if (found.join('\n') === expected.join('\n')) return;
  throw new RehearsalError(
    `${what}: expected ${JSON.stringify(expected)} of the backup, found ${JSON.stringify(found)}`,
  );
}

async function storesAside(host: Host): Promise<string[]> {
  return (await host.ssh('ls -1 /var/lib/mqtt-cluster'))
    .split('\n')
    .filter((name) => name.startsWith('store.before-'));
}

/** Runs restore.yml with a damaged backup, which must stop no broker. @throws RehearsalError */
async function expectRejection(
  { playbooks, versions }: RehearsalContext,
  hosts: readonly Host[],
  file: string,
): Promise<void> {
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle]! ^= 1;
  const damaged = `${file}.damaged`;
  writeFileSync(damaged, bytes);
  const before = await startsOf(hosts);
  const { status, output } = await playbooks.attempt('restore', {
    mqtt_cluster_version: versions.first,
    backup: damaged,
    confirm: 'restore',
  });
  if (status === 0 || !output.includes('No broker was stopped, because the backup could not be restored'))
    throw new RehearsalError('restore.yml did not reject a damaged backup');
  if ((await startsOf(hosts)) !== before)
    throw new RehearsalError('restore.yml stopped a broker although the backup is damaged');
}

export const restore: Step = {
  name: 'restore a backup: the cluster has the retained messages and sessions of the backup, and no newer ones',
  withoutLoad: true,
  async run(context: RehearsalContext) {
    const { bed, cluster, playbooks, clients, versions, log } = context;
    const hosts = cluster.hosts.map((number) => bed.host(number));
    const [first, last] = [hosts[0]!, hosts.at(-1)!];
    const broker = new Mosquitto(bed.layout, first.address);
    await broker.publish(`${retainedTopics}/kept`, 'before', { retain: true });
    await broker.publish(`${retainedTopics}/deleted`, 'before', { retain: true });
    await broker.createSession(sessions.before, queueTopic);
    await broker.publish(queueTopic, 'before');
    const file = await takeBackup(context);
    await broker.publish(`${retainedTopics}/kept`, 'after', { retain: true });
    await broker.publish(`${retainedTopics}/deleted`, '', { retain: true });
    await broker.publish(`${retainedTopics}/newer`, 'after', { retain: true });
    await broker.createSession(sessions.after, queueTopic);
    await broker.publish(queueTopic, 'after');
    await expectRejection(context, hosts, file);
    log('a damaged backup is rejected, and no broker is stopped');
    const asideBefore = await Promise.all(hosts.map(storesAside));
    await playbooks.run('restore', {
      mqtt_cluster_version: versions.first,
      backup: file,
      confirm: 'restore',
    });
    await cluster.waitUntilHealthy();
    for (const { address } of hosts) {
      const retained = await new Mosquitto(bed.layout, address).retained(`${retainedTopics}/#`);
      assertSame(`retained messages at ${address}`, retained.sort(), [
        `${retainedTopics}/deleted before`,
        `${retainedTopics}/kept before`,
      ]);
    }
    const { items } = clientListSchema.parse(
      JSON.parse(await admin(first, 'clients list --id rehearsal-restore --json')),
    );
    assertSame('sessions', items.map(({ id }) => id).sort(), [sessions.before]);
    const queued = await new Mosquitto(bed.layout, last.address).queued(sessions.before, queueTopic);
    assertSame('queued messages', queued, ['before']);
    log('the retained messages, sessions and queued messages are those of the backup');
    for (const [index, host] of hosts.entries()) {
      const added = (await storesAside(host)).length - asideBefore[index]!.length;
      if (added !== 1)
        throw new RehearsalError(`${host.address} has ${added} new stores store.before-*, not 1`);
      await host.ssh('rm -rf /var/lib/mqtt-cluster/store.before-*');
    }
    // The client counts messages of an earlier number as out of order until it is restarted (docs/OPERATIONS.md).
    await bed.host(clientHost).ssh('systemctl restart mqtt-cluster-client');
    await clients.start();
    const before = await clients.snapshot();
    await clients.waitUntilReceiving();
    logAll(log, await clients.check(before, { reconnectsMax: 0, perHostMax: 0 }));
  },
};
