import { fork } from 'node:child_process';
import { generate } from './generator.ts';
import type { LoadPlan, LoadResult } from './load.ts';
import type { Processes } from '../processes.ts';

/** First argument of this program when it is the generator's own process. */
export const generatorArgument = '--generator';

/** Beyond what a plan asks for: connecting and draining. */
const overheadMsMax = 60_000;

type Answer = { readonly result: LoadResult } | { readonly error: string };

/** The generator's side: one plan in, one answer out. */
export function serveGenerator(): void {
  process.once('message', (plan: LoadPlan) => {
    const answer = (message: Answer): void => void process.send?.(message, () => process.exit(0));
    generate(plan).then(
      (result) => answer({ result }),
      (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(1));
}

/** Carries a plan out in a process of its own. */
export async function runGenerator(processes: Processes, plan: LoadPlan): Promise<LoadResult> {
  const child = fork(process.argv[1]!, [generatorArgument], { execArgv: [] });
  processes.adopt('generator', child);
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
