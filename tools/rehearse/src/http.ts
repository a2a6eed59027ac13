import { run } from './command.ts';
import { bridgeNamespaceOf } from './bed/layout.ts';
import type { BedLayout } from './bed/layout.ts';

const askSecondsMax = 5;
const askMsMax = 10_000;

/** Asks from inside the hosts' network. @throws RehearsalError when there is no answer, whatever its status */
export async function getJson<Answer>(bed: BedLayout, url: string): Promise<Answer> {
  const curl = ['curl', '--silent', '--show-error', '--max-time', String(askSecondsMax), url];
  const text = await run('ip', ['netns', 'exec', bridgeNamespaceOf(bed), ...curl], { timeoutMs: askMsMax });
  return JSON.parse(text) as Answer;
}
