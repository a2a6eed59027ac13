import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findInstalledProgram } from '../src/targets/installed.ts';
import { mosquittoConfiguration } from '../src/targets/mosquitto.ts';
import { natsConfiguration } from '../src/targets/nats.ts';
import { ProcessTarget } from '../src/targets/process-target.ts';
import type { BrokerProduct } from '../src/targets/process-target.ts';
import { rabbitConfiguration } from '../src/targets/rabbitmq.ts';

const servers = [1, 2, 3].map((number) => ({
  id: `b${number}`,
  host: `127.0.3.${number}`,
  port: 1_800 + number,
}));
const [hub = servers[0]!, other = servers[0]!] = servers;

describe('the configuration of other broker products', () => {
  it('mosquittoConfiguration sets persistence, unbounded queues, and a mosquitto bridge from every other broker to the hub', () => {
    const ofHub = mosquittoConfiguration(hub, hub, '/data');
    const ofOther = mosquittoConfiguration(other, hub, '/data');
    for (const text of [ofHub, ofOther]) {
      expect(text).toContain('persistence true\n');
      expect(text).toContain('autosave_interval 1\n');
      expect(text).toContain('max_queued_messages 0\n');
    }
    expect(ofHub).not.toContain('connection ');
    expect(ofOther).toContain('address 127.0.3.1:1801\n');
    expect(ofOther).toContain('topic # both 2\n');
    expect(ofOther).toContain('cleansession false\n');
  });

  it('natsConfiguration sets three replicas for three nodes, and sets a sync after every write only if the server supports that setting', () => {
    const nodes = servers.map((server, index) => ({
      server,
      clientPort: 4_000 + index,
      routePort: 6_000 + index,
    }));
    const [node = nodes[0]!] = nodes;
    const synced = natsConfiguration(node, nodes, '/data', true);
    expect(synced).toContain('stream_replicas: 3');
    expect(synced).toContain('sync_interval: always');
    expect(synced).toContain('"nats://127.0.3.3:6002"');
    expect(natsConfiguration(node, nodes, '/data', false)).not.toContain('sync_interval');
    expect(natsConfiguration(node, [node], '/data', true)).not.toContain('cluster {');
  });

  it('rabbitConfiguration sets quorum queues, and lists all nodes as nodes of one cluster', () => {
    const nodes = servers.map((server, index) => ({
      server,
      amqpPort: 5_000 + index,
      distributionPort: 25_000 + index,
    }));
    const text = rabbitConfiguration(nodes[0]!, nodes);
    expect(text).toContain('mqtt.durable_queue_type = quorum\n');
    expect(text).toContain('cluster_formation.classic_config.nodes.3 = b3@localhost\n');
    expect(text).toContain('cluster_formation.target_cluster_size_hint = 3\n');
  });
});

describe('ProcessTarget', () => {
  const product: BrokerProduct = {
    name: 'fake',
    qosMax: 1,
    versions: [4],
    sharesSubscriptions: false,
    prepare: async () => [],
  };

  it('lists the faults that it supports, and rejects all other faults', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'torture-test-'));
    const target = new ProcessTarget(product, folder, 0);
    await target.start();
    expect([...target.supportedFaults]).toEqual(['kill', 'stop', 'pause', 'rolling']);
    await expect(target.begin({ kind: 'wipe', groups: [[]] })).rejects.toThrow(
      'fake does not support the fault wipe',
    );
    await expect(target.begin({ kind: 'kill', groups: [[0]] })).rejects.toThrow('fake has no broker 1');
    await target.stop(false);
    rmSync(folder, { recursive: true, force: true });
  });
});

describe('findInstalledProgram', () => {
  it('throws an error with the installation command if the program is not installed', () => {
    expect(() => findInstalledProgram('no-such-broker', 'no-such-package')).toThrow(
      'no-such-broker is not installed; install it with: apt-get install no-such-package',
    );
  });
});
