import { waitFor } from '@mqtt-cluster/kit';
import type { Endpoint } from '../generator/load.ts';
import type { Processes, StartedProcess } from '../processes.ts';
import { waitUntilReady } from '../targets/network.ts';
import { startMosquitto } from '../targets/mosquitto.ts';
import { startMembers } from '../targets/ours.ts';
import type { RunningMembers } from '../targets/ours.ts';

/** Topics that the link and the bridge pass in both directions. */
const benchFilter = 'bench/#';
const linkMsMax = 60_000;

/** Two brokers that pass messages to each other. */
interface LinkedBrokers {
  readonly near: Endpoint;
  readonly remote: Endpoint;
  readonly processes: readonly StartedProcess[];
}

/** A connection of the near broker with a mosquitto. */
export interface Connector {
  readonly name: 'link' | 'bridge';
  readonly description: string;
  start(processes: Processes, directory: () => string, members: number): Promise<LinkedBrokers>;
}

/** A cluster that links itself to a mosquitto. */
const link: Connector = {
  name: 'link',
  description: 'a cluster with a link to mosquitto: acknowledgements of a majority, synced',
  async start(processes, directory, members) {
    const remote = await startMosquitto(processes, directory(), { clean: false });
    const cluster = await startMembers(processes, directory(), members);
    await waitUntilReady(remote);
    await waitUntilReady(cluster);
    await addLink(cluster, remote.endpoints[0]!);
    return {
      near: cluster.endpoints[0]!,
      remote: remote.endpoints[0]!,
      processes: [...cluster.processes, ...remote.processes],
    };
  },
};

/** A mosquitto with a bridge to another one. */
const bridge: Connector = {
  name: 'bridge',
  description: 'mosquitto with a bridge to mosquitto: nothing is synced before an acknowledgement',
  async start(processes, directory) {
    const remote = await startMosquitto(processes, directory(), { clean: false });
    await waitUntilReady(remote);
    const { host, port } = remote.endpoints[0]!;
    const settings = [
      'connection bench',
      `address ${host}:${port}`,
      `topic ${benchFilter} both 2`,
      'remote_clientid bench-bridge',
      'cleansession false',
      'notifications false',
      'restart_timeout 1',
    ];
    const near = await startMosquitto(processes, directory(), { clean: false, settings });
    await waitUntilReady(near);
    return {
      near: near.endpoints[0]!,
      remote: remote.endpoints[0]!,
      processes: [...near.processes, ...remote.processes],
    };
  },
};

export const connectors: readonly Connector[] = [link, bridge];

async function addLink({ http }: RunningMembers, { host, port }: Endpoint): Promise<void> {
  const rule = { filter: benchFilter, qosMax: 2 };
  const definition = {
    addresses: [`mqtt://${host}:${port}`],
    rules: [
      { direction: 'out', ...rule },
      { direction: 'in', ...rule },
    ],
  };
  const api = `http://${http[0]!.host}:${http[0]!.port}/api/v1/links`;
  await waitFor(
    'the link',
    async () => {
      const response = await fetch(`${api}/bench`, {
        method: 'PUT',
        headers: { 'x-mqtt-cluster': '1', 'content-type': 'application/json' },
        body: JSON.stringify(definition),
      });
      if (!response.ok) throw new Error(await response.text());
      return true;
    },
    { timeoutMs: linkMsMax, intervalMs: 500 },
  );
}
