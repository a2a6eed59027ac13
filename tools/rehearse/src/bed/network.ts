import { existsSync } from 'node:fs';
import { attempt, run } from '../command.ts';
import { addressOf, bridgeAddress, bridgeNamespace, namespaceOf } from './layout.ts';

const bridge = 'br0';
const prefixLength = 24;
/** A namespace's devices go a little after its last process. */
const filterTable = 'rehearsal';

const portOf = (host: number): string => `v${host}`;

/** A bridge in a namespace of its own: nothing that happens here can reach the machine's networks. */
export async function createBridge(): Promise<void> {
  if (!existsSync(`/run/netns/${bridgeNamespace}`)) await run('ip', ['netns', 'add', bridgeNamespace]);
  const inBridge = (...args: string[]): Promise<string> => run('ip', ['-n', bridgeNamespace, ...args]);
  await inBridge('link', 'set', 'lo', 'up');
  const { status } = await attempt('ip', ['-n', bridgeNamespace, 'link', 'show', bridge]);
  if (status !== 0) await inBridge('link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0');
  await inBridge('address', 'replace', `${bridgeAddress}/${prefixLength}`, 'dev', bridge);
  await inBridge('link', 'set', bridge, 'up');
}

/** The host's namespace and its cable; does nothing when they are there. */
export async function plugIn(host: number): Promise<void> {
  const namespace = namespaceOf(host);
  const { status } = await attempt('ip', ['-n', namespace, 'link', 'show', 'eth0']);
  if (status === 0) return;
  await pullOut(host);
  await run('ip', ['netns', 'add', namespace]);
  await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  const hardware = `02:00:0a:00:00:${host.toString(16).padStart(2, '0')}`;
  const ends = ['add', portOf(host), 'type', 'veth', 'peer', 'name', 'eth0', 'address', hardware];
  await run('ip', ['-n', bridgeNamespace, 'link', ...ends, 'netns', namespace]);
  await run('ip', ['-n', bridgeNamespace, 'link', 'set', portOf(host), 'master', bridge, 'up']);
  await run('ip', ['-n', namespace, 'address', 'add', `${addressOf(host)}/${prefixLength}`, 'dev', 'eth0']);
  await run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
}

/** As when the power goes: no packet leaves any more, not even a FIN. */
export async function silence(host: number): Promise<void> {
  await attempt('ip', ['-n', bridgeNamespace, 'link', 'set', portOf(host), 'down']);
}

export async function pullOut(host: number): Promise<void> {
  await attempt('ip', ['-n', bridgeNamespace, 'link', 'delete', portOf(host)]);
  await attempt('ip', ['netns', 'delete', namespaceOf(host)]);
}

/** Silently: the host keeps its carrier. */
export async function cut(host: number): Promise<void> {
  await run('ip', ['-n', bridgeNamespace, 'link', 'set', portOf(host), 'nomaster']);
}

export async function heal(host: number): Promise<void> {
  await run('ip', ['-n', bridgeNamespace, 'link', 'set', portOf(host), 'master', bridge, 'up']);
}

/** Drops everything between two hosts; others reach both. */
export async function part(left: number, right: number): Promise<void> {
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
  const args = ['netns', 'exec', bridgeNamespace, 'nft', '-f', '-'];
  await run('ip', args, { input: `${lines.join('\n')}\n` });
}

export async function unpart(): Promise<void> {
  const inBridge = ['netns', 'exec', bridgeNamespace];
  await attempt('ip', [...inBridge, 'nft', 'delete', 'table', 'bridge', filterTable]);
}

export async function removeBridge(): Promise<void> {
  await attempt('ip', ['netns', 'delete', bridgeNamespace]);
}
