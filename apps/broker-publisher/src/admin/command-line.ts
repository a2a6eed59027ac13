import { renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ConfigError } from '@mqtt-cluster/contracts';
import type { ClusterSettings, MemberStatus } from '@mqtt-cluster/contracts';
import { decodeBackup } from './backup.ts';
import type { ClusterHealth } from '../health/cluster-health.ts';
import { readConfig } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { AdminClient, AdminError } from './admin-client.ts';
import { adminPaths } from './paths.ts';
import { readArguments, readSettings, usage } from './arguments.ts';
import type { AdminArguments } from './arguments.ts';
import { readToken } from './authorization.ts';
import { restore } from './restore.ts';
import { healthText, membersText, settingsText, statusText } from './format.ts';

const pollMs = 500;

export interface CommandLine {
  /** Standard output, for the result. */
  readonly print: (text: string) => void;
  /** Standard error, for progress. */
  readonly progress: (text: string) => void;
  readonly configDirectory: string;
}

/**
 * The appliance's own admin command.
 *
 * @returns the exit code
 * @throws ClusterError one clear line
 */
export async function administer(words: readonly string[], line: CommandLine): Promise<number> {
  const given = readArguments(words);
  if (given.help) {
    line.print(usage);
    return 0;
  }
  if (given.command === 'restore') {
    await restore({ file: given.rest[0]!, ...restoreTarget(given, line), progress: line.progress });
    return 0;
  }
  return carryOut(given, clientFor(given, line), line);
}

async function carryOut(given: AdminArguments, client: AdminClient, line: CommandLine): Promise<number> {
  const [word = ''] = given.rest;
  const show = <T>(value: T, text: (value: T) => string): void =>
    line.print(given.json ? `${JSON.stringify(value, null, 2)}\n` : text(value));
  const done = ({ text }: { text: string }): number => {
    show({ ok: true, text }, (answer) => `${answer.text === '' ? 'done' : answer.text}\n`);
    return 0;
  };
  switch (given.command) {
    case 'status':
      show(await client.get<MemberStatus>('/status'), statusText);
      return 0;
    case 'health': {
      const query = given.stop === undefined ? '' : `?stop=${encodeURIComponent(given.stop)}`;
      const health = await client.get<ClusterHealth>(`/cluster/health${query}`);
      show(health, healthText);
      return (health.stop?.safe ?? health.healthy) ? 0 : 1;
    }
    case 'members':
      show(await client.get<ClusterHealth>(adminPaths.members), membersText);
      return 0;
    case 'add':
      return done(await add(given, client, line));
    case 'remove':
      return done(
        await insist(given, line, () => client.post(adminPaths.remove, { id: word, force: given.force })),
      );
    case 'transfer':
      return done(
        await insist(given, line, () => client.post(adminPaths.transfer, word === '' ? {} : { to: word })),
      );
    case 'drain':
      return done(await drain(given, client, line));
    case 'undrain':
    case 'bootstrap':
      return done(await client.post(`/admin/${given.command}`));
    case 'settings':
      show(await insist(given, line, () => settings(given.rest, client)), settingsText);
      return 0;
    default:
      return done(await backup(word, client));
  }
}

async function settings(words: readonly string[], client: AdminClient): Promise<ClusterSettings> {
  if (words.length === 0) return client.get(adminPaths.settings);
  return client.post(adminPaths.settings, readSettings(words));
}

/** Asks again what is refused only for the moment. @throws AdminError */
async function insist<T>(
  given: AdminArguments,
  { progress }: CommandLine,
  ask: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + given.waitSeconds * 1_000;
  let told = '';
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AdminError) || !error.later || performance.now() >= deadline) throw error;
      if (error.message !== told) progress(`not yet: ${error.message}`);
      told = error.message;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

async function add(given: AdminArguments, client: AdminClient, line: CommandLine): Promise<{ text: string }> {
  const { waitSeconds } = given;
  const [id = ''] = given.rest;
  const { progress } = line;
  await insist(given, line, () => client.post(adminPaths.add, { id }));
  const deadline = performance.now() + waitSeconds * 1_000;
  let told = '';
  for (;;) {
    const { members } = await client.get<ClusterHealth>(adminPaths.members);
    const member = members.find((each) => each.id === id);
    if (member?.role === 'voter') return { text: `${id} is a member and votes` };
    const now =
      member === undefined
        ? `${id} is not let in yet`
        : `${id} learns: ${member.lagEntries ?? '?'} entries behind`;
    if (now !== told) progress(now);
    told = now;
    if (performance.now() >= deadline) throw new AdminError(`${now}; still so after ${waitSeconds} s`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function drain(
  given: AdminArguments,
  client: AdminClient,
  { progress }: CommandLine,
): Promise<{ text: string }> {
  await client.post(adminPaths.drainShort, { exit: given.exit });
  const deadline = performance.now() + given.waitSeconds * 1_000;
  let told = '';
  for (;;) {
    const status = await client.whileThere<MemberStatus>('/status');
    if (status === null && given.exit) return { text: 'drained, and the process has ended' };
    if (status === null) throw new AdminError('the appliance has ended while it was drained');
    if (status.drained && !given.exit) return { text: 'drained' };
    const now = left(status);
    if (now !== told) progress(`draining: ${now}`);
    told = now;
    if (performance.now() >= deadline)
      throw new AdminError(`not drained after ${given.waitSeconds} s: ${now}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function left({ connections }: MemberStatus): string {
  return connections > 0 ? `${connections} clients left` : 'no client left, handing over';
}

/** Under another name until it is whole. */
async function backup(file: string, client: AdminClient): Promise<{ text: string }> {
  const bytes = await client.bytes(adminPaths.backup);
  const { header } = decodeBackup(bytes);
  const partial = `${file}.partial`;
  try {
    writeFileSync(partial, bytes, { mode: 0o600, flush: true });
    renameSync(partial, file);
  } catch (cause) {
    throw new AdminError(`the file ${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
  return {
    text: `${file}: ${bytes.length} bytes, the state after entry ${header.index}, sha256 ${header.sha256}`,
  };
}

function clientFor({ url, tokenFile }: AdminArguments, { configDirectory }: CommandLine): AdminClient {
  if (url !== undefined && !URL.canParse(url))
    throw new AdminError(`--url: "${url}" is no URL such as http://127.0.0.1:9100`);
  // Where both are given no configuration is needed.
  const config =
    url === undefined || tokenFile === undefined ? tryConfig(configDirectory, url !== undefined) : null;
  const address = url ?? addressOf(config!);
  return new AdminClient(address, readToken(tokenFile ?? config?.admin.tokenFile ?? ''));
}

function tryConfig(directory: string, optional: boolean): ApplianceConfig | null {
  try {
    return readConfig(directory);
  } catch (error) {
    if (optional && error instanceof ConfigError) return null;
    throw error;
  }
}

function addressOf({ host, http }: ApplianceConfig): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIP(reachable) === 6 ? `[${reachable}]` : reachable}:${http.port}`;
}

function restoreTarget(
  { data, id }: AdminArguments,
  { configDirectory }: CommandLine,
): { directory: string; id: string } {
  if (data !== undefined && id !== undefined) return { directory: data, id };
  const config = readConfig(configDirectory);
  return { directory: data ?? config.data, id: id ?? config.id };
}
