import { existsSync } from 'node:fs';
import { attempt, run } from '../command.ts';
import { addressOf, bridgeAddress, bridgeNamespaceOf, namespaceOf } from './layout.ts';
import type { BedLayout } from './layout.ts';

const bridge = 'br0';
const prefixLength = 24;
/** A namespace's devices go a little after its last process. */
const filterTable = 'rehearsal';

const portOf = (host: number): string => `v${host}`;

/** A bridge in a namespace of its own: nothing that happens here can reach the machine's networks. */
export async function createBridge(bed: BedLayout): Promise<void> {
  if (!existsSync(`/run/netns/${bridgeNamespaceOf(bed)}`))
    await run('ip', ['netns', 'add', bridgeNamespaceOf(bed)]);
  const inBridge = (...args: string[]): Promise<string> => run('ip', ['-n', bridgeNamespaceOf(bed), ...args]);
  await inBridge('link', 'set', 'lo', 'up');
  const { status } = await attempt('ip', ['-n', bridgeNamespaceOf(bed), 'link', 'show', bridge]);
  if (status !== 0) await inBridge('link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0');
  await inBridge('address', 'replace', `${bridgeAddress}/${prefixLength}`, 'dev', bridge);
  await inBridge('link', 'set', bridge, 'up');
}

/** The host's namespace and its cable; does nothing when they are there. */
export async function plugIn(bed: BedLayout, host: number): Promise<void> {
  const namespace = namespaceOf(bed, host);
  const { status } = await attempt('ip', ['-n', namespace, 'link', 'show', 'eth0']);
  if (status === 0) return;
  await pullOut(bed, host);
  await run('ip', ['netns', 'add', namespace]);
  await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  const hardware = `02:00:0a:00:00:${host.toString(16).padStart(2, '0')}`;
  const ends = ['add', portOf(host), 'type', 'veth', 'peer', 'name', 'eth0', 'address', hardware];
  await run('ip', ['-n', bridgeNamespaceOf(bed), 'link', ...ends, 'netns', namespace]);
  await run('ip', ['-n', bridgeNamespaceOf(bed), 'link', 'set', portOf(host), 'master', bridge, 'up']);
  await run('ip', ['-n', namespace, 'address', 'add', `${addressOf(host)}/${prefixLength}`, 'dev', 'eth0']);
  await run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
}

/** As when the power goes: no packet leaves any more, not even a FIN. */
export async function silence(bed: BedLayout, host: number): Promise<void> {
  await attempt('ip', ['-n', bridgeNamespaceOf(bed), 'link', 'set', portOf(host), 'down']);
}

export async function pullOut(bed: BedLayout, host: number): Promise<void> {
  await attempt('ip', ['-n', bridgeNamespaceOf(bed), 'link', 'delete', portOf(host)]);
  await attempt('ip', ['netns', 'delete', namespaceOf(bed, host)]);
}

/** Silently: the host keeps its carrier. */
export async function cut(bed: BedLayout, host: number): Promise<void> {
  await run('ip', ['-n', bridgeNamespaceOf(bed), 'link', 'set', portOf(host), 'nomaster']);
}

export async function heal(bed: BedLayout, host: number): Promise<void> {
  await run('ip', ['-n', bridgeNamespaceOf(bed), 'link', 'set', portOf(host), 'master', bridge, 'up']);
}

/** Drops everything between two hosts; others reach both. */
export async function part(bed: BedLayout, left: number, right: number): Promise<void> {
  const rules = [
    [left, right],
    [right, left],
  ].map(
    ([from, to]) =>
      `add rule bridge ${filterTable} forward ip saddr ${addressOf(from!)} ip daddr ${addressOf(to!)} drop`,
  );
  const lines = [
    `add table bridge ${filterTable}`,
    `add chain bridge ${filterTable} forward { type filter hook forward priority 0; }`,
    ...rules,
  ];
  const args = ['netns', 'exec', bridgeNamespaceOf(bed), 'nft', '-f', '-'];
  await run('ip', args, { input: `${lines.join('\n')}\n` });
}

export async function unpart(bed: BedLayout): Promise<void> {
  const inBridge = ['netns', 'exec', bridgeNamespaceOf(bed)];
  await attempt('ip', [...inBridge, 'nft', 'delete', 'table', 'bridge', filterTable]);
}

export async function removeBridge(bed: BedLayout): Promise<void> {
  await attempt('ip', ['netns', 'delete', bridgeNamespaceOf(bed)]);
}
