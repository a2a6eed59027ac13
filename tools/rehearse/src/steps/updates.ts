import { addressOf } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import type { Allowance } from '../load/tally.ts';
import { until } from '../poll.ts';
import { tellAll } from './scene.ts';
import type { Scene, Step } from './scene.ts';

const container = 'mqtt-cluster-broker';
const readyMsMax = 600_000;
const silenceMsMax = 30_000;

/** P10: at most one reconnect per client per host; and messages all the time, or it was no update under load. */
const allOnce = (hosts: readonly number[]): Allowance => ({
  reconnectsMax: hosts.length,
  perHostMax: 1,
  silenceMsMax,
});

async function expectVersion({ bed, cluster }: Scene, version: string): Promise<void> {
  for (const host of cluster.hosts) {
    const image = await bed.host(host).ssh(`podman container inspect --format {{.ImageName}} ${container}`);
    if (!image.trim().endsWith(`:${version}`)) {
      throw new RehearsalError(`${addressOf(host)} runs ${image.trim()}, not version ${version}`);
    }
  }
}

export const rollingUpdate: Step = {
  name: 'rolling update of all brokers to a second version, under load',
  async run(scene: Scene) {
    const { playbooks, clients, cluster, versions, tell } = scene;
    const before = await clients.marks();
    await playbooks.run('rolling-update', { mqtt_cluster_version: versions.second });
    await expectVersion(scene, versions.second);
    await cluster.well();
    tellAll(tell, await clients.judge(before, allOnce(cluster.hosts)));
  },
};

export const rollback: Step = {
  name: 'rollback of all brokers to the first version, under load',
  async run(scene: Scene) {
    const { playbooks, clients, cluster, versions, tell } = scene;
    const before = await clients.marks();
    await playbooks.run('rollback');
    await expectVersion(scene, versions.first);
    await cluster.well();
    tellAll(tell, await clients.judge(before, allOnce(cluster.hosts)));
  },
};

export const replaceHost: Step = {
  name: 'replace a host by one with an empty disk: READY only once it has everything',
  async run({ bed, cluster, playbooks, clients, versions, tell }: Scene) {
    const host = bed.host(await clients.busiest());
    const before = await clients.marks();
    await host.powerOff();
    await host.wipe();
    const { commitIndex } = await cluster.position(cluster.hosts.find((number) => number !== host.number)!);
    await host.start();
    await host.reachable();
    let ended = false;
    const done = playbooks
      .run('replace-host', { host: host.address, mqtt_cluster_version: versions.first })
      .finally(() => (ended = true));
    // Asked on the host itself: systemd first, then at once the member.
    const atReady = until('READY of the replaced host', readyMsMax, async () => {
      const { status, output } = await host.attemptSsh(
        `systemctl is-active --quiet mqtt-cluster-broker && curl -s http://${host.address}:9100/status`,
      );
      if (status === 0) return Number((JSON.parse(output) as { appliedIndex: number }).appliedIndex);
      if (ended) throw new RehearsalError('the playbook has ended');
      return undefined;
    });
    const [appliedIndex] = await Promise.all([atReady, done]);
    tell(`${host.address}: READY at entry ${appliedIndex}; the others had ${commitIndex} committed before it was switched on`);
    if (appliedIndex < commitIndex) {
      throw new RehearsalError(`READY at entry ${appliedIndex}, though ${commitIndex} were committed before`);
    }
    await cluster.well();
    tellAll(tell, await clients.judge(before, { reconnectsMax: 1, perHostMax: 1 }));
  },
};
