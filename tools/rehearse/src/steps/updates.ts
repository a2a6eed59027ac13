import { addressOf, clientHost, monitoringHost } from '../bed/layout.ts';
import { positionSchema } from '../cluster.ts';
import { RehearsalError } from '../errors.ts';
import { assertRevoked, certificatesOf } from '../inspection/certificates.ts';
import { missingOrOpenSilence } from '../inspection/silences.ts';
import type { Allowance } from '../load/tally.ts';
import { waitFor } from '@mqtt-cluster/kit';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

const container = 'mqtt-cluster-broker';
const readyMsMax = 600_000;
const silenceMsMax = 30_000;

/**
 * Allows each client one reconnect for each host (P10). A client that receives no message for more than 30 s is a
 * violation, because the load then does not test the update.
 */
const oneReconnectPerHost = (hosts: readonly number[]): Allowance => ({
  reconnectsMax: hosts.length,
  perHostMax: 1,
  silenceMsMax,
});

async function expectVersion({ bed, cluster }: RehearsalContext, version: string): Promise<void> {
  for (const host of cluster.hosts) {
    const image = await bed.host(host).ssh(`podman container inspect --format {{.ImageName}} ${container}`);
    if (!image.trim().endsWith(`:${version}`)) {
      throw new RehearsalError(`${addressOf(host)} runs ${image.trim()}, not version ${version}`);
    }
  }
}

/** Checks that the playbook has silenced the alerts of each host that it stopped, and has ended all silences. */
async function expectSilences({ bed, cluster }: RehearsalContext): Promise<void> {
  const folder = '/etc/prometheus/mqtt-cluster-access';
  const url = `https://${addressOf(monitoringHost)}:9093/api/v2/silences`;
  const credentials = `--cacert ${folder}/authority.pem --user prometheus:$(cat ${folder}/password)`;
  const answer = await bed.host(monitoringHost).ssh(`curl --silent --show-error ${credentials} ${url}`);
  const stopped = { brokers: cluster.hosts.map(addressOf), clients: [addressOf(clientHost)] };
  const fault = missingOrOpenSilence(answer, stopped);
  if (fault !== null) throw new RehearsalError(`Alertmanager: ${fault}`);
}

export const rollingUpdate: Step = {
  name: 'rolling update of all brokers to a second version, under load',
  async run(context: RehearsalContext) {
    const { playbooks, clients, cluster, versions, log } = context;
    const before = await clients.snapshot();
    await playbooks.run('rolling-update', { mqtt_cluster_version: versions.second });
    await expectVersion(context, versions.second);
    await expectSilences(context);
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, oneReconnectPerHost(cluster.hosts)));
  },
};

export const rollback: Step = {
  name: 'rollback of all brokers to the first version, under load',
  async run(context: RehearsalContext) {
    const { playbooks, clients, cluster, versions, log } = context;
    const before = await clients.snapshot();
    await playbooks.run('rollback');
    await expectVersion(context, versions.first);
    await cluster.waitUntilHealthy();
    logAll(log, await clients.check(before, oneReconnectPerHost(cluster.hosts)));
  },
};

export const replaceHost: Step = {
  name: 'replace a host by a host with an empty disk: its broker is READY only after it has applied all entries',
  async run({ bed, cluster, playbooks, clients, versions, log }: RehearsalContext) {
    const host = bed.host(await clients.busiest());
    const former = await certificatesOf(host);
    const before = await clients.snapshot();
    await host.powerOff();
    await host.wipe();
    const { commitIndex } = await cluster.position(cluster.hosts.find((number) => number !== host.number)!);
    await host.start();
    await host.reachable();
    let ended = false;
    const done = playbooks
      .run('replace-host', { host: host.address, mqtt_cluster_version: versions.first })
      .finally(() => (ended = true));
    // One ssh command reads first systemd's state and then the member's status, so that the status is later than READY.
    const atReady = waitFor(
      'READY of the replaced host',
      async () => {
        const { status, output } = await host.attemptSsh(
          `systemctl is-active --quiet mqtt-cluster-broker && curl -s http://${host.address}:9100/status`,
        );
        if (status === 0) return positionSchema.parse(JSON.parse(output)).appliedIndex;
        if (ended) throw new RehearsalError('the playbook has ended');
        return undefined;
      },
      { timeoutMs: readyMsMax },
    );
    const [appliedIndex] = await Promise.all([atReady, done]);
    log(
      `${host.address}: READY at entry ${appliedIndex}; entry ${commitIndex} had been committed before the host was powered on`,
    );
    if (appliedIndex < commitIndex) {
      throw new RehearsalError(
        `READY at entry ${appliedIndex}, although entry ${commitIndex} had been committed before`,
      );
    }
    await cluster.waitUntilHealthy();
    await assertRevoked(
      cluster.hosts.map((number) => bed.host(number)),
      former,
    );
    log(`${host.address}: the certificates of the former host are revoked`);
    logAll(log, await clients.check(before, { reconnectsMax: 1, perHostMax: 1 }));
  },
};
