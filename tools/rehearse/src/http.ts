import { runCommand } from '@mqtt-cluster/kit';
import { bridgeNamespaceOf } from './bed/layout.ts';
import type { TestBedLayout } from './bed/layout.ts';

const requestSecondsMax = 5;
const requestMsMax = 10_000;

/**
 * Sends a GET request from inside the hosts' network. @throws CommandError without an answer; an HTTP error status is
 * an answer
 */
export async function getJson<Answer>(bed: TestBedLayout, url: string): Promise<Answer> {
  const curl = ['curl', '--silent', '--show-error', '--max-time', String(requestSecondsMax), url];
  const text = await runCommand('ip', ['netns', 'exec', bridgeNamespaceOf(bed), ...curl], {
    timeoutMs: requestMsMax,
  });
  return JSON.parse(text) as Answer;
}
