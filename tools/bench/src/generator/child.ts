import { fork } from 'node:child_process';
import { describeError } from '@mqtt-cluster/kit';
import { generate } from './generator.ts';
import type { LoadPlan, LoadResult } from './load.ts';
import type { Processes } from '../processes.ts';

/** First argument of a bench process that runs the load generator. */
export const generatorArgument = '--generator';

/** Longest time for connecting the clients and for the arrival of the last messages, in addition to the time of the plan. */
const overheadMsMax = 60_000;

type Answer = { readonly result: LoadResult } | { readonly error: string };

/** Runs in the generator's process: receives one plan and sends one answer. */
export function serveGenerator(): void {
  process.once('message', (plan: LoadPlan) => {
    const answer = (message: Answer): void => void process.send?.(message, () => process.exit(0));
    generate(plan).then(
      (result) => answer({ result }),
      (error: unknown) => answer({ error: describeError(error) }),
    );
  });
  process.once('disconnect', () => process.exit(1));
}

/** Runs a load plan in a separate process. @throws Error when the generator fails */
export async function runGenerator(processes: Processes, plan: LoadPlan): Promise<LoadResult> {
  const child = fork(process.argv[1]!, [generatorArgument], { execArgv: [] });
  processes.adopt(child);
  const budgetMs = (plan.warmUpSeconds + plan.seconds) * 1_000 + overheadMsMax;
  const tooLong = setTimeout(() => child.kill('SIGKILL'), budgetMs);
  try {
    return await new Promise<LoadResult>((resolve, reject) => {
      child.once('message', (answer: Answer) => {
        if ('result' in answer) resolve(answer.result);
        else reject(new Error(answer.error));
      });
      child.once('exit', () => reject(new Error('the generator ended without a result')));
      child.once('error', reject);
      child.send(plan);
    });
  } finally {
    clearTimeout(tooLong);
  }
}
