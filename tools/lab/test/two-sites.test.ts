import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { until } from '@mqtt-cluster/testing';
import { readArguments } from '../src/arguments.ts';
import { startLab } from '../src/commands/running-lab.ts';
import type { RunningLab } from '../src/commands/running-lab.ts';
import { RecordingClient } from './support/recording-client.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const startMsMax = 240_000;
/** Port ranges of this test. Labs that tests of other packages run at the same time use other ranges. */
const firstPortShifts = [7, 8];
/** Messages in each direction. Members are killed while they are published. */
const messages = 200;
const publishIntervalMs = 20;

interface LinkReport {
  readonly state: string;
  readonly member: string | null;
  readonly dropped: Readonly<Record<string, number>>;
}

let folder = '';
const sites: RunningLab[] = [];
const clients: RecordingClient[] = [];

/** Returns the arguments of the commands in the section "Link two clusters" of the README. */
function documentedCommands(): { readonly starts: string[][]; readonly links: string[][] } {
  const page = readFileSync(join(root, 'README.md'), 'utf8');
  const [, block = ''] = /## Link two clusters\n.*?```sh\n(.*?)```/s.exec(page) ?? [];
  const lines = block.split('\n').map((line) => line.replace(/ +#.*/, '').trim());
  const argumentsAfter = (command: string): string[][] =>
    lines
      .filter((line) => line.startsWith(`${command} `))
      .map((line) => line.slice(command.length + 1).split(/ +/))
      .map((words) => words.map((word) => word.replaceAll("'", '')));
  return { starts: argumentsAfter('npm start --'), links: argumentsAfter('npx mqtt-cluster') };
}

function member(site: number, position: number) {
  const place = sites[site]?.cluster.layout.members[position];
  if (place === undefined) throw new Error(`no member ${position} of site ${site}`);
  return place;
}

/** Replaces the documented addresses by those of the labs of this test, which use other port ranges. */
function withAddresses(text: string): string {
  return sites.reduce((done, { cluster }, site) => {
    const shift = 1_000 * site;
    return cluster.layout.members.reduce(
      (replaced, { number, host, mqttPort, httpPort }) =>
        replaced
          .replace(`127.0.0.${54 + number}:${1_883 + shift}`, `${host}:${mqttPort}`)
          .replace(`127.0.0.${54 + number}:${9_100 + shift}`, `${host}:${httpPort}`),
      done,
    );
  }, text);
}

async function connect(site: number, position: number, clientId: string): Promise<RecordingClient> {
  const { id, host, mqttPort } = member(site, position);
  const server: ServerAddress = { id, host, port: mqttPort };
  const client = await RecordingClient.connect(server, clientId);
  clients.push(client);
  return client;
}

/** Returns the report about the only link of a site, from a member that is not killed. */
async function linkOf(site: number): Promise<LinkReport | undefined> {
  const { host, httpPort } = member(site, 2);
  const response = await fetch(`http://${host}:${httpPort}/api/v1/links`);
  return ((await response.json()) as { links?: LinkReport[] }).links?.[0];
}

/** Kills the member that runs the link of a site. Clients use the third member: if that one runs it, the first one is killed. */
async function killRunner(site: number): Promise<void> {
  const runner = (await linkOf(site))?.member ?? 'm1';
  await sites[site]!.cluster.fault('kill', [[runner === 'm3' ? 'm1' : runner]]);
}

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'pipe' });
  process.env['MQTT_LAB_APPLIANCE'] = join(root, 'dist', 'broker-publisher.mjs');
  folder = mkdtempSync(join(tmpdir(), 'two-sites-'));
  for (const [site, start] of documentedCommands().starts.entries()) {
    const given = readArguments(['start', ...start, '--dir', join(folder, String(site))]);
    const firstPortShift = firstPortShifts[site] ?? 0;
    const settings = { publisherRate: 0, logLevel: 'info', shiftPorts: true, firstPortShift };
    sites.push(await startLab(given, settings, () => undefined));
  }
}, startMsMax);

afterAll(async () => {
  for (const client of clients) client.close();
  for (const { end } of sites) await end(false);
  rmSync(folder, { recursive: true, force: true });
});

test('two clusters that the commands of the README link pass every QoS 2 message once, through kills on both sides', async () => {
  const { starts, links } = documentedCommands();
  expect([starts.length, links.length]).toEqual([2, 2]);
  for (const words of links) {
    const program = join(root, 'dist', 'command-line.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...words.map(withAddresses)]);
    expect(stdout).toMatch(/^the link to-[ab] /);
  }
  for (const site of [0, 1]) await until(async () => (await linkOf(site))?.state === 'connected');
  const topics = ['a', 'b'].map((letter) =>
    Array.from({ length: messages }, (_, number) => `${letter}/${number}`),
  );
  const [ofFirst = [], ofSecond = []] = topics;
  // Clients use the third members, which are not killed.
  const first = await connect(0, 2, 'first');
  const second = await connect(1, 2, 'second');
  await first.subscribe('#', 2);
  await second.subscribe('#', 2);
  for (let number = 0; number < messages; number++) {
    first.publish(ofFirst[number]!, 'x', false, 2);
    second.publish(ofSecond[number]!, 'x', false, 2);
    if (number === messages / 4) await killRunner(0);
    if (number === messages / 2) await killRunner(1);
    await sleep(publishIntervalMs);
  }
  await Promise.all([first.acknowledged(), second.acknowledged()]);
  await first.receivesAll(ofSecond);
  await second.receivesAll(ofFirst);
  // Each message that came back would arrive before this one, which makes the same way.
  first.publish('a/end', 'x', false, 2);
  await second.receivesAll(['a/end']);
  second.publish('b/end', 'x', false, 2);
  await first.receivesAll(['b/end']);
  for (const client of [first, second])
    expect([...ofFirst, ...ofSecond].filter((topic) => client.count(topic) !== 1)).toEqual([]);
  const reports = await Promise.all([linkOf(0), linkOf(1)]);
  const drops = reports.flatMap((report) => Object.entries(report?.dropped ?? { report: 1 }));
  expect(drops.filter(([, count]) => count > 0)).toEqual([]);
});
