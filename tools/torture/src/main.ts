import { fileURLToPath } from 'node:url';
import { runTool } from '@mqtt-cluster/kit';
import { readArguments } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { checkHistoryFile, renderVerdict } from '@mqtt-cluster/history-checker';
import { buildCommit } from './commit-build.ts';
import { Campaign } from './run/campaign.ts';
import { allPassed, renderResults } from './run/report.ts';
import { rollingUpdate, scenarios } from './scenarios/scenarios.ts';
import { makeTarget } from './targets/index.ts';

/** Longest time that this process waits for the target to stop after a signal, ms. */
const stopMsMax = 15_000;
/** Folder of the repository. The bundle of this file is in its folder `dist`. */
const root = fileURLToPath(new URL('..', import.meta.url));
const startedAtMs = performance.now();

function log(text: string): void {
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0).padStart(4);
  process.stderr.write(`${seconds} s  ${text}\n`);
}

async function main(given: Arguments): Promise<boolean> {
  switch (given.command) {
    case 'list':
      return print(
        [...scenarios, rollingUpdate].map(({ name, about }) => `${name.padEnd(16)} ${about}`).join('\n'),
        true,
      );
    case 'recheck': {
      const verdict = await checkHistoryFile(given.recheck);
      return print(given.json ? JSON.stringify(verdict) : renderVerdict(verdict), verdict.ok);
    }
    case 'run':
      return run(given);
  }
}

async function run(given: Arguments): Promise<boolean> {
  const name = `${Math.floor(Date.now() / 1_000).toString(36)}${process.pid.toString(36)}`;
  log(`seed ${given.seed}`);
  const earlier = given.from === null ? null : await buildCommit({ commit: given.from, root, log });
  const campaign = new Campaign({
    given,
    name,
    makeTarget: (folder) => makeTarget(given, folder, earlier),
    log,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      log('stopping');
      setTimeout(() => process.exit(130), stopMsMax);
      void campaign.stop(true).finally(() => process.exit(130));
    });
  }
  const results = await campaign.run();
  const ok = allPassed(results);
  if (given.json) return print(JSON.stringify({ ok, seed: given.seed, target: given.target, results }), ok);
  for (const { scenario, verdict, state } of results) {
    if (verdict === null || (state === 'ok' && results.length > 1)) continue;
    await print(`${scenario}\n${renderVerdict(verdict)}\n`, ok);
  }
  const kept = results.flatMap(({ history }) => (history === null ? [] : [`history: ${history}`]));
  return print([renderResults(results), ...kept].join('\n'), ok);
}

function print(text: string, ok: boolean): Promise<boolean> {
  return new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve(ok)));
}

await runTool('torture', async () => {
  const ok = await main(readArguments(process.argv.slice(2)));
  // Without `exit` the process would wait for sockets of disconnected clients that are still open.
  process.exit(ok ? 0 : 1);
});
