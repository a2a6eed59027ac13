import { z } from 'zod';
import { RehearsalError } from '../errors.ts';
import { failoversSchema } from './tally.ts';
import type { ClientCounters } from './tally.ts';

/** The fields of the subscriber's /status that a rehearsal uses. */
export const clientStatusSchema = z.object({
  byQos: z.array(z.object({ received: z.int(), missing: z.int(), duplicates: z.int() })),
  violations: z.array(z.string()),
  client: z.object({
    connected: z.boolean(),
    /** Id of the member to which the client is connected; null without a connection. */
    server: z.string().nullable(),
    connects: z.int(),
    failovers: z.int(),
  }),
  failovers: failoversSchema,
});
export type ClientStatus = z.output<typeof clientStatusSchema>;

export function countersOf({ byQos, client, failovers }: ClientStatus): ClientCounters {
  const messages = byQos.reduce((sum, { received }) => sum + received, 0);
  return { messages, connects: client.connects, failovers };
}

/** Returns the host with the most connected clients; if several hosts have the most clients, returns the first. */
export function busiestOf<Host>(
  hosts: readonly Host[],
  idOf: (host: Host) => string,
  statuses: readonly Pick<ClientStatus, 'client'>[],
): Host {
  const clientsOf = (host: Host): number =>
    statuses.filter(({ client }) => client.connected && client.server === idOf(host)).length;
  const most = Math.max(...hosts.map(clientsOf));
  if (most === 0) throw new RehearsalError('no subscriber is connected to any of the hosts');
  return hosts.find((host) => clientsOf(host) === most)!;
}

/** Checks that there are no violations. @throws RehearsalError with all violations */
export function assertNoViolations(violations: readonly string[]): void {
  if (violations.length > 0) throw new RehearsalError(violations.join('; '));
}
