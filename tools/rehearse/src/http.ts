import { run } from './command.ts';
import { bridgeNamespace } from './bed/layout.ts';

const askSecondsMax = 5;
const askMsMax = 10_000;

/** Asks from inside the hosts' network. @throws RehearsalError when there is no answer, whatever its status */
export async function getJson<Answer>(url: string): Promise<Answer> {
  const curl = ['curl', '--silent', '--show-error', '--max-time', String(askSecondsMax), url];
  const text = await run('ip', ['netns', 'exec', bridgeNamespace, ...curl], { timeoutMs: askMsMax });
  return JSON.parse(text) as Answer;
}
