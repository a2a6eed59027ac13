import { renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { clusterSettingsSchema, ConfigError } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { allAddresses, readConfig } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { clusterHealthSchema } from '../health/cluster-health.ts';
import { AdminClient, AdminError } from './admin-client.ts';
import { parseArguments, parseSettings } from './arguments.ts';
import type { AdminCommand } from './arguments.ts';
import { readToken } from './authorization.ts';
import { decodeBackup } from './backup.ts';
import {
  formatClusterHealth,
  formatMembers,
  formatSettings,
  formatStatus,
  formatUsers,
  statusSchema,
} from './format.ts';
import type { StatusSummary } from './format.ts';
import { adminPaths } from './paths.ts';
import { restore } from './restore.ts';
import { readPassword } from './users/read-password.ts';
import { checkRulesFile, setRules, showRules } from './rules/rule-commands.ts';
import { changeUsers, listUsers } from './users/user-commands.ts';

const pollMs = 500;

/** Answer to a request that returns no data. */
const doneSchema = z.object({ ok: z.boolean(), text: z.string() });

export interface AdminEnvironment {
  /** Writes the result to standard output. */
  readonly print: (text: string) => void;
  /** Writes a progress line to standard error. */
  readonly progress: (line: string) => void;
  readonly configDirectory: string;
}

/**
 * Runs `broker-publisher admin`.
 *
 * @param argv the arguments that follow `admin`
 * @returns the exit status
 * @throws ClusterError the command failed; the message is one line
 */
export async function runAdminCommand(
  argv: readonly string[],
  environment: AdminEnvironment,
): Promise<number> {
  const parsed = parseArguments(argv);
  if ('help' in parsed) {
    environment.print(parsed.help);
    return 0;
  }
  if (parsed.command === 'restore') {
    const [file = ''] = parsed.operands;
    await restore({ file, ...restoreTarget(parsed, environment), progress: environment.progress });
    return 0;
  }
  if (parsed.command === 'rules check') {
    const [file = ''] = parsed.operands;
    const { text } = checkRulesFile(file);
    environment.print(parsed.options.json ? `${JSON.stringify({ ok: true, text })}\n` : `${text}\n`);
    return 0;
  }
  return execute(parsed, await clientFor(parsed, environment), environment);
}

async function execute(
  given: AdminCommand,
  client: AdminClient,
  environment: AdminEnvironment,
): Promise<number> {
  const { command, options } = given;
  const [operand = ''] = given.operands;
  const show = <T>(value: T, format: (value: T) => string): void =>
    environment.print(options.json ? `${JSON.stringify(value, null, 2)}\n` : format(value));
  const done = ({ text }: { readonly text: string }): number => {
    show({ ok: true, text }, (answer) => `${answer.text === '' ? 'done' : answer.text}\n`);
    return 0;
  };
  const postWithRetry = (path: string, body: Readonly<Record<string, unknown>>) =>
    retryWhileTransient(given, environment, () => client.post(path, doneSchema, body));
  switch (command) {
    case 'status':
      show(await client.get('/status', statusSchema), formatStatus);
      return 0;
    case 'health': {
      const query = options.stop === undefined ? '' : `?stop=${encodeURIComponent(options.stop)}`;
      const health = await client.get(`${adminPaths.clusterHealth}${query}`, clusterHealthSchema);
      show(health, formatClusterHealth);
      return (health.stop?.safe ?? health.healthy) ? 0 : 1;
    }
    case 'members':
      show(await client.get(adminPaths.members, clusterHealthSchema), formatMembers);
      return 0;
    case 'add':
      return done(await add(given, client, environment));
    case 'remove':
      return done(await postWithRetry(adminPaths.remove, { id: operand, force: options.force === true }));
    case 'transfer':
      return done(await postWithRetry(adminPaths.transfer, operand === '' ? {} : { to: operand }));
    case 'drain':
      return done(await drain(given, client, environment));
    case 'undrain':
      return done(await client.post(adminPaths.undrain, doneSchema));
    case 'bootstrap':
      return done(await client.post(adminPaths.bootstrap, doneSchema));
    case 'settings': {
      const request = () => readOrChangeSettings(given.operands, client);
      show(await retryWhileTransient(given, environment, request), formatSettings);
      return 0;
    }
    case 'users list':
      show(await listUsers(client), formatUsers);
      return 0;
    case 'users add':
    case 'users set':
    case 'users passwd':
    case 'users remove':
    case 'users import':
      return done(await changeUsers(given, client));
    case 'rules show':
      environment.print(await showRules(client));
      return 0;
    case 'rules set':
      return done(await retryWhileTransient(given, environment, () => setRules(operand, client)));
    case 'backup':
      return done(await backup(operand, client));
    default:
      throw new Error(`no implementation of the command "${command}"`);
  }
}

function readOrChangeSettings(operands: readonly string[], client: AdminClient) {
  if (operands.length === 0) return client.get(adminPaths.settings, clusterSettingsSchema);
  return client.post(adminPaths.settings, clusterSettingsSchema, parseSettings(operands));
}

/**
 * Repeats a request while the appliance rejects the request for a transient reason, at most for the time `--wait`.
 *
 * @throws AdminError
 */
async function retryWhileTransient<T>(
  { options }: AdminCommand,
  { progress }: AdminEnvironment,
  request: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + options.wait * 1_000;
  let reported = '';
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof AdminError) || !error.later || performance.now() >= deadline) throw error;
      if (error.message !== reported) progress(`will retry: ${error.message}`);
      reported = error.message;
      await pause();
    }
  }
}

async function add(
  given: AdminCommand,
  client: AdminClient,
  environment: AdminEnvironment,
): Promise<{ text: string }> {
  const { wait } = given.options;
  const [id = ''] = given.operands;
  await retryWhileTransient(given, environment, () => client.post(adminPaths.add, doneSchema, { id }));
  const deadline = performance.now() + wait * 1_000;
  let reported = '';
  for (;;) {
    const { members } = await client.get(adminPaths.members, clusterHealthSchema);
    const member = members.find((each) => each.id === id);
    if (member?.role === 'voter') return { text: `${id} is a member and votes` };
    const progress =
      member === undefined
        ? `${id} is not a member yet`
        : `${id} is a learner, ${member.lagEntries ?? '?'} entries behind`;
    if (progress !== reported) environment.progress(progress);
    reported = progress;
    if (performance.now() >= deadline) throw new AdminError(`timeout after ${wait} s: ${progress}`);
    await pause();
  }
}

async function drain(
  { options }: AdminCommand,
  client: AdminClient,
  environment: AdminEnvironment,
): Promise<{ text: string }> {
  const exits = options.exit !== false;
  await client.post(adminPaths.drainShort, doneSchema, { exit: exits });
  const deadline = performance.now() + options.wait * 1_000;
  let reported = '';
  for (;;) {
    const status = await client.getIfRunning('/status', statusSchema);
    if (status === null && exits) return { text: 'drained, and the process has ended' };
    if (status === null) throw new AdminError('the appliance stopped during the drain');
    if (status.drained && !exits) return { text: 'drained' };
    const progress = drainProgress(status);
    if (progress !== reported) environment.progress(`draining: ${progress}`);
    reported = progress;
    if (performance.now() >= deadline) {
      throw new AdminError(`not drained after ${options.wait} s: ${progress}`);
    }
    await pause();
  }
}

function drainProgress({ connections }: StatusSummary): string {
  return connections > 0
    ? `${connections} clients connected`
    : 'no clients connected, transferring leadership';
}

/** Writes the backup to a temporary file and renames this file when it is complete. */
async function backup(file: string, client: AdminClient): Promise<{ text: string }> {
  const bytes = await client.bytes(adminPaths.backup);
  const { header } = decodeBackup(bytes);
  const partial = `${file}.partial`;
  try {
    writeFileSync(partial, bytes, { mode: 0o600, flush: true });
    renameSync(partial, file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AdminError(`the file ${file} cannot be written: ${reason}`, { cause });
  }
  return {
    text: `${file}: ${bytes.length} bytes, the state after entry ${header.index}, sha256 ${header.sha256}`,
  };
}

async function clientFor(
  { options }: AdminCommand,
  { configDirectory }: AdminEnvironment,
): Promise<AdminClient> {
  const { url, tokenFile, user } = options;
  if (url !== undefined && !URL.canParse(url))
    throw new AdminError(`--url: "${url}" is not a URL such as http://127.0.0.1:9100`);
  // With both --url and --token-file the command needs no configuration.
  const config =
    url === undefined || tokenFile === undefined ? readConfigFor(configDirectory, url !== undefined) : null;
  const address = url ?? addressOf(config!);
  if (user !== undefined) {
    const password = await readPassword(options.userPasswordFile, user);
    return new AdminClient(address, { user, password });
  }
  const token = readToken(tokenFile ?? config?.admin.tokenFile ?? '');
  return new AdminClient(address, token === null ? null : { token });
}

/** Returns null when the configuration is invalid and `optional` is true. */
function readConfigFor(directory: string, optional: boolean): ApplianceConfig | null {
  try {
    return readConfig(directory);
  } catch (error) {
    if (optional && error instanceof ConfigError) return null;
    throw error;
  }
}

function addressOf({ host, http }: ApplianceConfig): string {
  const scheme = http.tls.key === '' || http.plain ? 'http' : 'https';
  const listensOnIpv4 = host === allAddresses || host === '0.0.0.0';
  const reachable = listensOnIpv4 ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${scheme}://${isIP(reachable) === 6 ? `[${reachable}]` : reachable}:${http.port}`;
}

function restoreTarget(
  { options }: AdminCommand,
  { configDirectory }: AdminEnvironment,
): { directory: string; id: string } {
  const { data, id } = options;
  if (data !== undefined && id !== undefined) return { directory: data, id };
  const config = readConfig(configDirectory);
  return { directory: data ?? config.data, id: id ?? config.id };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pollMs));
}
