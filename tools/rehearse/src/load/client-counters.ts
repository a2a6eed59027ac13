import { RehearsalError } from '../errors.ts';
import type { ClientCounters } from './tally.ts';

/** The fields of the subscriber's /status that a rehearsal uses. */
export interface ClientStatus {
  readonly byQos: readonly {
    readonly received: number;
    readonly missing: number;
    readonly duplicates: number;
  }[];
  readonly violations: readonly string[];
  readonly client: {
    readonly connected: boolean;
    /** Id of the member; null without a connection. */
    readonly server: string | null;
    readonly connects: number;
    readonly failovers: number;
  };
  readonly failovers: ClientCounters['failovers'];
}

export function countersOf({ byQos, client, failovers }: ClientStatus): ClientCounters {
  const messages = byQos.reduce((sum, { received }) => sum + received, 0);
  return { messages, connects: client.connects, failovers };
}

/** Returns the host with the most connected clients; the first of equals. */
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

/** @throws RehearsalError with all violations */
export function assertNone(found: readonly string[]): void {
  if (found.length > 0) throw new RehearsalError(found.join('; '));
}
