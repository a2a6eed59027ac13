import { RehearsalError } from '../errors.ts';
import type { ClientCounters } from './tally.ts';

/** What the subscribing application says on /status, as far as it is judged here. */
export interface ClientStatus {
  readonly byQos: readonly {
    readonly received: number;
    readonly missing: number;
    readonly duplicates: number;
  }[];
  readonly violations: readonly string[];
  readonly client: { readonly connected: boolean; readonly connects: number; readonly failovers: number };
  readonly failovers: ClientCounters['failovers'];
}

export function countersOf({ byQos, client, failovers }: ClientStatus): ClientCounters {
  const messages = byQos.reduce((sum, { received }) => sum + received, 0);
  return { messages, connects: client.connects, failovers };
}

/** @throws RehearsalError naming all complaints */
export function assertNone(found: readonly string[]): void {
  if (found.length > 0) throw new RehearsalError(found.join('; '));
}
