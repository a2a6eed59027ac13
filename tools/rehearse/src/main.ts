import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, usage } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { Bed } from './bed/bed.ts';
import { layoutOf } from './bed/layout.ts';
import { messageOf, UsageError } from './errors.ts';
import { publishTelemetry } from './load/publishing.ts';
import { rehearse } from './rehearsal.ts';
import { checkStatically } from './static.ts';

/** The bundle is in dist/ of the repository. */
const root = fileURLToPath(new URL('..', import.meta.url));
const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(given: Arguments): Promise<boolean> {
  if (given.help) {
    process.stdout.write(usage);
    return true;
  }
  if (given.command === 'static') return checkStatically(root, print);
  if (given.command === 'publish') return publish(given.words);
  if (process.getuid?.() !== 0) throw new UsageError('hosts need root: run it as root');
  if (given.command === 'run') return rehearse({ root, print, ...given });
  const bed = new Bed(layoutOf(given.bed, given.directory, join(root, 'tools/rehearse/hosts')));
  const numbers = given.hosts.length > 0 ? given.hosts : [...bed.hosts.keys()];
  await manage(bed, given, numbers);
  return true;
}

/** Until a signal; `words`: client id, then servers. */
async function publish([id, ...servers]: readonly string[]): Promise<boolean> {
  const known = servers.map((text) => {
    const [, name, url] = /^([a-z0-9.-]{1,32})=(mqtts?:\/\/\S+)$/.exec(text) ?? [];
    if (name === undefined || url === undefined) {
      throw new UsageError(`publish: "${text}" is not of the form id=mqtt://host:port`);
    }
    return { id: name, url };
  });
  if (id === undefined || known.length === 0) {
    throw new UsageError('publish: give a client id and servers, id=mqtt://host:port each');
  }
  const ended = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ended.abort());
  await publishTelemetry({ id, servers: known, tell: print, signal: ended.signal });
  return true;
}

async function manage(bed: Bed, given: Arguments, numbers: readonly number[]): Promise<void> {
  const named = given.hosts.map((number) => bed.host(number));
  if (named.length === 0 && ['kill', 'cut', 'heal', 'start', 'ssh'].includes(given.command)) {
    throw new UsageError(`${given.command}: which host? Give the last number of its address, 57 say`);
  }
  switch (given.command) {
    case 'up':
    case 'start':
      await bed.build(print);
      return bed.start(numbers);
    case 'kill':
      for (const host of named) await host.powerOff();
      return;
    case 'cut':
      for (const host of named) await bed.cut(host.number);
      return;
    case 'heal':
      for (const host of named) await bed.heal(host.number);
      return;
    case 'ssh':
      process.stdout.write(await named[0]!.ssh(given.words.join(' ')));
      return;
    case 'down':
      return bed.stop();
    case 'wipe':
      return bed.wipe();
    default:
      throw new UsageError(`"${given.command}" can't be used so; see --help`);
  }
}

try {
  process.exitCode = (await main(readArguments(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  process.stderr.write(`rehearse: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
