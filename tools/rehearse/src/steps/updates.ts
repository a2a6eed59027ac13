import { addressOf } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { until } from '../poll.ts';
import type { Scene, Step } from './scene.ts';

const container = 'mqtt-cluster-broker';
const readyMsMax = 600_000;

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
    // P10: at most one reconnect per client per host. The deployed client is itself restarted, and counts anew.
    await clients.judge(before, cluster.hosts.length);
    tell(await clients.describe());
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
    await clients.judge(before, cluster.hosts.length);
    tell(await clients.describe());
  },
};

export const replaceHost: Step = {
  name: 'replace a host by one with an empty disk: READY only once it has everything',
  async run({ bed, cluster, playbooks, clients, versions, tell }: Scene) {
    const host = bed.host(cluster.at(4));
    const before = await clients.marks();
    await host.powerOff();
    await host.wipe();
    const { commitIndex } = await cluster.position(cluster.at(0));
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
    tell(`READY at entry ${appliedIndex}; the others had ${commitIndex} committed before it was switched on`);
    if (appliedIndex < commitIndex) {
      throw new RehearsalError(`READY at entry ${appliedIndex}, though ${commitIndex} were committed before`);
    }
    await cluster.well();
    await clients.judge(before, 2);
  },
};
