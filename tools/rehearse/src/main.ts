import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { TestBed } from './bed/bed.ts';
import { clusterHosts, layoutOf } from './bed/layout.ts';
import { runTool, UsageError } from '@mqtt-cluster/kit';
import { publishTelemetry } from './load/publishing.ts';
import { rehearse } from './rehearsal.ts';
import { checkStatically } from './static.ts';

/** Folder of the repository. At run time this file is part of a bundle in the folder `dist` of the repository. */
const root = fileURLToPath(new URL('..', import.meta.url));
const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(given: Arguments): Promise<boolean> {
  if (given.command === 'static') return checkStatically(root, given.words[0] ?? '', print);
  if (given.command === 'publish') return publish(given.words);
  if (process.getuid?.() !== 0)
    throw new UsageError('the hosts need root privileges: run the command as root');
  if (given.command === 'run') return rehearse({ root, print, ...given });
  const bed = new TestBed(layoutOf(given.bed, given.directory, join(root, 'tools/rehearse/hosts')));
  const numbers = given.hosts.length > 0 ? given.hosts : clusterHosts;
  await manage(bed, given, numbers);
  return true;
}

/** Publishes messages until the process receives SIGTERM or SIGINT. The words are a client id and then servers. */
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
  await publishTelemetry({ id, servers: known, log: print, signal: ended.signal });
  return true;
}

async function manage(bed: TestBed, given: Arguments, numbers: readonly number[]): Promise<void> {
  const named = given.hosts.map((number) => bed.host(number));
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
      throw new UsageError(`unknown command "${given.command}"; see --help`);
  }
}

await runTool('rehearse', async () => {
  process.exitCode = (await main(readArguments(process.argv.slice(2)))) ? 0 : 1;
});
