import { runCommand } from '@mqtt-cluster/kit';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { inFolder, playLocally } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

const msMax = 120_000;

/** Senders by their part: hosts of the inventory `example`, and addresses of other machines. */
const senders = {
  broker: ['192.0.2.12'],
  monitoring: ['192.0.2.31'],
  client: ['192.0.2.21'],
  control: ['198.51.100.5', '2001:db8::5'],
  person: ['198.51.100.70'],
  outsider: ['203.0.113.9', '2001:db8:ffff::9'],
} as const;
type Sender = keyof typeof senders;
const everyone = Object.keys(senders) as Sender[];
const watchers: readonly Sender[] = ['broker', 'monitoring', 'control'];
const administrators: readonly Sender[] = ['control', 'person'];

const variables = {
  virtual_address_ip: '192.0.2.100',
  virtual_address_console_port: 9443,
  firewall_control_networks: senders.control,
  firewall_admin_networks: ['198.51.100.64/26'],
  firewall_services: [{ name: 'backup', ports: [8500], networks: senders.client }],
};

/** The port number that stands for VRRP, which has no ports. */
const vrrp = 0;
/** The senders to which each port answers. A port that is not listed answers to no sender. */
type Ports = Readonly<Record<number, readonly Sender[]>>;
const ofAllHosts: Ports = { 22: administrators, 8500: ['client'], 9101: watchers, 5000: [] };

/** For each kind of host: a host of the inventory `example`, its address and its ports. */
const hosts: readonly (readonly [string, string, Ports])[] = [
  [
    'broker-a',
    '192.0.2.11',
    {
      ...ofAllHosts,
      1883: everyone,
      8883: everyone,
      7883: ['broker'],
      1884: ['broker'],
      8884: ['broker'],
      9100: [...watchers, 'person'],
      9443: ['person'],
      8404: watchers,
      9090: [],
      [vrrp]: ['broker'],
    },
  ],
  ['client-a', '192.0.2.21', { ...ofAllHosts, 9110: watchers, 8883: [], [vrrp]: [] }],
  [
    'watch-a',
    '192.0.2.31',
    { ...ofAllHosts, 9090: ['person'], 9093: ['person'], 3000: ['person'], 9100: [] },
  ],
];

const resultSchema = z.object({ open: z.array(z.boolean()), outgoing: z.boolean() });

/**
 * Loads the rules of each kind of host into a network namespace, and connects to its ports from the addresses of other
 * hosts. @returns the first difference from the ports that must answer, or null
 */
export function firewallFault(root: string): Promise<string | null> {
  return inFolder('firewall', async (target) => {
    const args = ['-i', 'inventories/example/hosts.yml', 'tests/firewall.yml'];
    const { status, output } = await playLocally(join(root, 'ansible'), args, {
      variables: { render_to: target, ...variables },
    });
    if (status !== 0) return firstFailure(output);
    for (const [name, address, ports] of hosts) {
      const rules = readFileSync(join(target, `${name}.nft`), 'utf8');
      const fault =
        (await probe(root, '', address, open(ports))) ?? (await probe(root, rules, address, ports));
      if (fault !== null) return `${name}: ${fault}`;
    }
    return null;
  });
}

/** Without rules each port answers to every sender. This proves that a closed port is closed by the rules. */
function open(ports: Ports): Ports {
  return Object.fromEntries(Object.keys(ports).map((port) => [port, everyone]));
}

async function probe(root: string, rules: string, address: string, ports: Ports): Promise<string | null> {
  const probes = Object.entries(ports).flatMap(([port, allowed]) =>
    everyone.flatMap((sender) =>
      senders[sender]
        .filter((from) => from !== address && !(port === String(vrrp) && from.includes(':')))
        .map((from) => ({ sender, from, port: Number(port), expected: allowed.includes(sender) })),
    ),
  );
  // The closed ports come first: when an open port has answered, all earlier probes have been handled.
  probes.sort((one, other) => Number(one.expected) - Number(other.expected));
  const plan = {
    rules,
    host: [address, '2001:db8:1::1'],
    probes: probes.map(({ from, port }) => [from, port]),
    expected: probes.map(({ expected }) => expected),
  };
  const script = join(root, 'tools/rehearse/hosts/probe-firewall.py');
  const answer = await runCommand('python3', [script], { input: JSON.stringify(plan), timeoutMs: msMax });
  const result = resultSchema.parse(JSON.parse(answer));
  const wrong = probes.find(({ expected }, index) => expected !== result.open[index]);
  if (wrong !== undefined) {
    const what = wrong.port === vrrp ? 'VRRP' : `port ${wrong.port}`;
    const does = wrong.expected ? 'does not answer' : 'answers';
    return `${what} ${does} to ${wrong.sender} (${wrong.from})${rules === '' ? ' without rules' : ''}`;
  }
  return result.outgoing ? null : 'the host cannot open a connection itself';
}
