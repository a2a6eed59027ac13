import type { MemberStatus } from '@mqtt-cluster/contracts';
import type { Connection } from '../connection/connection.ts';
import { CommandError } from '../program/errors.ts';
import { printable } from '../text/printable.ts';

/** The fields of the status page of a member. */
type OwnStatus = MemberStatus & {
  /** Settings that let strangers in; absent in the answer of an older member. */
  readonly warnings?: readonly string[];
};

/** Returns the status page of the asked member. @throws CommandError */
export async function ownStatus(connection: Connection): Promise<OwnStatus> {
  const page = await connection.page('/status');
  if (isStatus(page)) return page;
  throw new CommandError(
    `${connection.server}/status has an unexpected form: does the member have the same version?`,
  );
}

function isStatus(page: unknown): page is OwnStatus {
  return typeof page === 'object' && page !== null && 'id' in page && 'state' in page;
}

export function describeOwnStatus(status: OwnStatus): string {
  const { id, state, reason, role, leader, term, appliedIndex, lastIndex, connections, sessions } = status;
  const lines = [
    `${id} is ${state}${reason === '' ? '' : `: ${reason}`}`,
    `role ${role}, leader ${leader ?? 'unknown'}, term ${term}`,
    `applied ${appliedIndex} of ${lastIndex} entries`,
    `${connections} clients here, ${sessions} sessions in the cluster, ` +
      `${status.queuedMessages} messages queued`,
    `outbox ${status.outboxItems} batches, ${status.pendingCommands} commands pending`,
    status.digestsAgree ? 'state agrees with the peers' : 'STATE DIFFERS from the state of a peer',
    ...(status.warnings ?? []).map((warning) => `warning: ${warning}`),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}
