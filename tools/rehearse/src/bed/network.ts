import { existsSync } from 'node:fs';
import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import { addressOf, networkBridgeAddress, bedNamespaceOf, namespaceOf } from './layout.ts';
import type { TestBedLayout } from './layout.ts';

const bridge = 'br0';
const prefixLength = 24;

const portOf = (host: number): string => `v${host}`;

/** Creates the hosts' network bridge in a separate network namespace, which has no connection to the machine's networks. */
export async function createNetworkBridge(bed: TestBedLayout): Promise<void> {
  if (!existsSync(`/run/netns/${bedNamespaceOf(bed)}`))
    await runCommand('ip', ['netns', 'add', bedNamespaceOf(bed)]);
  const inBridge = (...args: string[]): Promise<string> =>
    runCommand('ip', ['-n', bedNamespaceOf(bed), ...args]);
  await inBridge('link', 'set', 'lo', 'up');
  const { status } = await attemptCommand('ip', ['-n', bedNamespaceOf(bed), 'link', 'show', bridge]);
  if (status !== 0) await inBridge('link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0');
  await inBridge('address', 'replace', `${networkBridgeAddress}/${prefixLength}`, 'dev', bridge);
  await inBridge('link', 'set', bridge, 'up');
}

/** Creates the host's network namespace and the host's link to the network bridge, if they do not exist. */
export async function attachHost(bed: TestBedLayout, host: number): Promise<void> {
  const namespace = namespaceOf(bed, host);
  const { status } = await attemptCommand('ip', ['-n', namespace, 'link', 'show', 'eth0']);
  if (status === 0) return;
  await detachHost(bed, host);
  await runCommand('ip', ['netns', 'add', namespace]);
  await runCommand('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  const hardware = `02:00:0a:00:00:${host.toString(16).padStart(2, '0')}`;
  const ends = ['add', portOf(host), 'type', 'veth', 'peer', 'name', 'eth0', 'address', hardware];
  await runCommand('ip', ['-n', bedNamespaceOf(bed), 'link', ...ends, 'netns', namespace]);
  await runCommand('ip', ['-n', bedNamespaceOf(bed), 'link', 'set', portOf(host), 'master', bridge, 'up']);
  await runCommand('ip', [
    '-n',
    namespace,
    'address',
    'add',
    `${addressOf(host)}/${prefixLength}`,
    'dev',
    'eth0',
  ]);
  await runCommand('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
}

/** Takes the host's link down, as a power failure does. The host sends no more packets, not even a FIN. */
export async function dropLink(bed: TestBedLayout, host: number): Promise<void> {
  await attemptCommand('ip', ['-n', bedNamespaceOf(bed), 'link', 'set', portOf(host), 'down']);
}

/** Removes the host's network namespace and the host's link to the network bridge. */
export async function detachHost(bed: TestBedLayout, host: number): Promise<void> {
  await attemptCommand('ip', ['-n', bedNamespaceOf(bed), 'link', 'delete', portOf(host)]);
  await attemptCommand('ip', ['netns', 'delete', namespaceOf(bed, host)]);
}

/** Disconnects the host's link from the network bridge. The link keeps its carrier, so the host detects no fault. */
export async function cut(bed: TestBedLayout, host: number): Promise<void> {
  await runCommand('ip', ['-n', bedNamespaceOf(bed), 'link', 'set', portOf(host), 'nomaster']);
}

/** Connects the host's link to the network bridge again. */
export async function heal(bed: TestBedLayout, host: number): Promise<void> {
  await runCommand('ip', ['-n', bedNamespaceOf(bed), 'link', 'set', portOf(host), 'master', bridge, 'up']);
}

export async function removeNetworkBridge(bed: TestBedLayout): Promise<void> {
  await attemptCommand('ip', ['netns', 'delete', bedNamespaceOf(bed)]);
}
