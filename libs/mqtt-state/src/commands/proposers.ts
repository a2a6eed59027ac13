import { findMember } from '@mqtt-cluster/contracts';
import type { ClusterConfig, StartCommand } from '@mqtt-cluster/contracts';
import type { LenientBatch, BatchHeader } from '../codec/batch-codec.ts';
import { endConnection } from '../session/session-ending.ts';
import type { Home } from '../session/session.ts';
import { startTimer } from '../session/session-timers.ts';
import { alarm } from '../state-data.ts';
import type { Proposer, StateData, ApplyContext } from '../state-data.ts';

/**
 * Admits a batch if its number is the next one of its member (docs/DESIGN.md, "The log and its entries"). The
 * batch number is then recorded as applied.
 * @returns the proposer, or null for a repeat, a batch after a gap, and a store that is not a member
 */
export function admitBatch(context: ApplyContext, batch: LenientBatch): Proposer | null {
  const { data } = context;
  if (!isConfigured(data.config, batch)) return null;
  const known = data.proposers.get(batch.member);
  if (known && known.storeId === batch.storeId) {
    if (batch.incarnation < known.incarnation) return null;
    if (batch.incarnation === known.incarnation) {
      if (batch.sequence !== known.sequence + 1) return null;
      known.sequence = batch.sequence;
      return known;
    }
  }
  if (batch.sequence !== 1) return null;
  const start = batch.commands[0];
  if (start?.kind !== 'start') {
    const { member, incarnation } = batch;
    alarm(context, `batch of ${member} ignored: incarnation ${incarnation} has no start command`);
    return null;
  }
  return beginIncarnation(context, batch, start, known?.storeId === batch.storeId ? known : undefined);
}

/** Returns whether batches of this store count: the store is that of a member. Before the first configuration all count. */
export function isConfigured(
  config: ClusterConfig | null,
  { member, storeId }: Pick<Home, 'member' | 'storeId'>,
): boolean {
  return config === null || findMember(config, member)?.storeId === storeId;
}

function beginIncarnation(
  context: ApplyContext,
  header: BatchHeader,
  start: StartCommand,
  earlier?: Proposer,
): Proposer {
  const { data } = context;
  const { member, storeId, incarnation } = header;
  const cursors = new Map(earlier?.recovered);
  if (earlier) cursors.set(earlier.incarnation, earlier.sequence);
  const wanted = [...new Set(start.outboxIncarnations)].filter((past) => past < incarnation);
  const recovered = new Map(wanted.sort((a, b) => a - b).map((past) => [past, cursors.get(past) ?? 0]));
  const proposer = { storeId, incarnation, sequence: 1, recovered };
  data.proposers.set(member, proposer);
  orphanSessions(data, header);
  return proposer;
}

/**
 * Sessions of the member's earlier incarnations become orphans: they wait `orphanGraceMs` for their clients.
 */
function orphanSessions(data: StateData, { member, storeId, incarnation }: BatchHeader): void {
  const deadline = data.timeMs + data.settings.orphanGraceMs;
  for (const session of data.sessionsHomedAt(member)) {
    const { home } = session;
    if (!home || (home.storeId === storeId && home.incarnation >= incarnation)) continue;
    if (!session.timers.orphan) startTimer(data, session, 'orphan', deadline);
  }
}

/**
 * Ends the connections of members that were removed. The batch numbers of removed members are kept, one
 * record for each member id. So a member that is added again with its store continues with its batch numbers.
 */
export function endRemovedConnections(context: ApplyContext, config: ClusterConfig): void {
  const { data } = context;
  const homeless = [...data.sessions.values()].filter(({ home }) => home && !isConfigured(config, home));
  for (const session of homeless.sort((left, right) => left.epoch - right.epoch)) {
    endConnection(context, session, { graceful: false, reason: 'homeLost', byHome: false });
  }
}
