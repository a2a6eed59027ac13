import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '@mqtt-cluster/kit';
import { readArguments } from './arguments.ts';
import { check } from './check.ts';
import { MonitoredLab } from './monitored-lab.ts';
import type { MonitoredLabOptions } from './monitored-lab.ts';
import { takePictures } from './pictures/take-pictures.ts';

/** Folder of the bundles. At run time this file is `dist/watch.mjs`. */
const dist = fileURLToPath(new URL('.', import.meta.url));
const monitoring = fileURLToPath(new URL('../monitoring/', import.meta.url));

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const given = readArguments(argv);
  const folder = resolve(given.folder);
  mkdirSync(folder, { recursive: true });
  const options = { folder, members: given.members, monitoring, dist, publisherRate: given.rate };
  if (given.pictures !== null) return pictures(options, resolve(given.pictures));
  if (!given.check) return watch(options);
  const problems = await check(options, given.loadMs, print);
  for (const problem of problems) process.stderr.write(`watch: ${problem}\n`);
  print(problems.length === 0 ? 'Prometheus and the lab agree' : 'Prometheus and the lab disagree');
  return problems.length === 0 ? 0 : 1;
}

/** Runs the lab, writes pictures of the dashboards, and stops the lab. */
async function pictures(options: MonitoredLabOptions, folder: string): Promise<number> {
  const lab = new MonitoredLab(options);
  print(`starting ${options.members} members, an application and Prometheus in ${options.folder}`);
  // A signal must not leave the processes of the lab behind.
  const interrupted = signalled().then(() => 1);
  await lab.start();
  try {
    const taken = takePictures(lab, options.monitoring, folder, print).then(() => 0);
    return await Promise.race([taken, interrupted]);
  } finally {
    await lab.stop(false);
  }
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}

/** Runs the lab until a signal stops it. */
async function watch(options: MonitoredLabOptions): Promise<number> {
  const stopped = signalled();
  const lab = new MonitoredLab(options);
  print(`starting ${options.members} members, an application and Prometheus in ${options.folder}`);
  await lab.start();
  for (const line of addresses(lab, options)) print(line);
  await stopped;
  print('stopping');
  await lab.stop(false);
  return 0;
}

function addresses(lab: MonitoredLab, { folder, monitoring: source }: MonitoredLabOptions): string[] {
  const { members } = lab.cluster.layout;
  return [
    ...members.map(
      ({ id, host, mqttPort, httpPort }) =>
        `${id}  mqtt://${host}:${mqttPort}  http://${host}:${httpPort}/metrics`,
    ),
    `application  http://${lab.clientAddress}/status`,
    `Prometheus   ${lab.api.url}/graph   alerts ${lab.api.url}/alerts   runbooks ${lab.api.url}/user/runbooks/`,
    `Grafana      if installed: data source ${lab.api.url}, dashboards ${source}grafana/dashboards`,
    `faults       npm run --silent lab -- fault kill 3 --dir ${folder}/cluster   (see npm run lab -- --help)`,
    'Press Ctrl-C to stop.',
  ];
}

await runTool('watch', async () => {
  process.exitCode = await main(process.argv.slice(2));
});
// Half-closed connections of the load may keep the event loop alive, so the process must exit explicitly.
process.exit();
