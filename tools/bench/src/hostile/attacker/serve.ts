import { parseJson } from '@mqtt-cluster/contracts';
import { attacks, memoryFloods } from '../attacks/index.ts';
import { GainCounter } from './gain.ts';
import { targetSchema } from './protocol.ts';
import type { Progress } from './protocol.ts';

/** First argument of a bench process that runs an attack; the second one is its target. */
export const attackArgument = '--hostile-attack';

const reportIntervalMs = 500;

/** Runs an attack until the bench kills this process, and reports what the attacker gets. */
export function serveAttack(json: string | undefined): void {
  const target = parseJson(targetSchema, json ?? '');
  const attack = [...attacks, ...memoryFloods].find(({ name }) => name === target?.attack);
  if (target === undefined || attack === undefined) throw new Error(`no such attack: ${json}`);
  const gain = new GainCounter();
  let state: Progress['state'] = 'preparing';
  const send = (): void => void process.stdout.write(`${JSON.stringify({ state, gain: gain.counts })}\n`);
  send();
  setInterval(send, reportIntervalMs);
  const report = (next: Progress['state']): void => {
    state = next;
    send();
  };
  // An end of the bench closes this pipe. No attack may outlive the bench.
  process.stdin.resume();
  process.stdin.once('end', () => process.exit(1));
  attack.run({ target, gain, signal: new AbortController().signal, report }).catch((error: unknown) => {
    process.stderr.write(`${attack.name}: ${String(error)}\n`);
    process.exit(1);
  });
}
