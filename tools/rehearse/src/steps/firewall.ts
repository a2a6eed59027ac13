import { attemptCommand, waitFor } from '@mqtt-cluster/kit';
import { addressOf, bedNamespaceOf, clientHost, monitoringHost, namespaceOf } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { assertRejected } from './refusals.ts';
import type { RehearsalContext, Step } from './context.ts';

const connectSecondsMax = 3;
const returnMsMax = 60_000;
const mqttPort = 1883;
/** Ports that must not answer to the host of the client, by the host that has them. */
const closedOfBroker = [22, 7883, 8404, 9100, 9101];
/** Ports of the monitoring host that need a password. */
const withPassword = [9090, 9093, 9101];
const closedOfMonitoring = [22, 9090, 9093, 9101];

async function connects(layout: TestBedLayout, to: string, port: number): Promise<boolean> {
  const program = `import socket; socket.create_connection(("${to}", ${port}), ${connectSecondsMax})`;
  const inside = ['netns', 'exec', namespaceOf(layout, clientHost), 'python3', '-c', program];
  return (await attemptCommand('ip', inside)).status === 0;
}

/** @returns the HTTP status of a request without a password */
async function statusWithoutPassword(layout: TestBedLayout, url: string): Promise<string> {
  const curl = [
    'curl',
    '--silent',
    '--insecure',
    '--output',
    '/dev/null',
    '--write-out',
    '%{http_code}',
    url,
  ];
  return (await attemptCommand('ip', ['netns', 'exec', bedNamespaceOf(layout), ...curl])).output;
}

export const firewall: Step = {
  name: 'the firewall: only MQTT answers to other hosts, and a host that locks out the control node opens again',
  async run({ bed, cluster, playbooks, versions, log }: RehearsalContext) {
    const broker = addressOf(cluster.hosts[0]!);
    const monitoring = addressOf(monitoringHost);
    if (!(await connects(bed.layout, broker, mqttPort)))
      throw new RehearsalError(`${broker}: port ${mqttPort} does not answer to a client`);
    const closed = [
      ...closedOfBroker.map((port) => [broker, port] as const),
      ...closedOfMonitoring.map((port) => [monitoring, port] as const),
    ];
    for (const [host, port] of closed) {
      if (await connects(bed.layout, host, port))
        throw new RehearsalError(`${host}: port ${port} answers to a host that is not allowed`);
    }
    log(`${closed.length} ports are closed for ${addressOf(clientHost)}, MQTT is open`);
    for (const port of withPassword) {
      const url = `https://${monitoring}:${port}/metrics`;
      const found = await statusWithoutPassword(bed.layout, url);
      if (found !== '401') throw new RehearsalError(`${url} answers "${found}" without a password, not 401`);
    }
    const { status, output } = await playbooks.attempt('../tests/firewall-lockout');
    if (status === 0 || !output.includes('has its former firewall again')) {
      throw new RehearsalError(`a firewall that locks out the control node was applied to ${broker}`);
    }
    await waitFor(
      `${broker} to answer again`,
      async () => ((await bed.host(cluster.hosts[0]!).attemptSsh('true')).status === 0 ? true : undefined),
      { timeoutMs: returnMsMax },
    );
    log(`${broker}: locked out the control node, and returned to its former rules`);
    await playbooks.run('firewall', { mqtt_cluster_version: versions.first });
    const refused = await playbooks.attempt('firewall', { firewall_admin_networks: ['203.0.113.0/24'] });
    assertRejected(refused.status, refused.output, 'would lock out the control node');
    await cluster.waitUntilHealthy();
  },
};
