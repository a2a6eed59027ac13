import { findMember } from '@mqtt-cluster/contracts';
import type { ClusterConfig, StartCommand } from '@mqtt-cluster/contracts';
import type { LenientBatch, BatchHeader } from '../codec/batch-codec.ts';
import { endConnection } from '../session/session-ending.ts';
import type { Home } from '../session/session.ts';
import { startTimer } from '../session/session-timers.ts';
import { alarm } from '../state-data.ts';
import type { Proposer, StateData, ApplyContext } from '../state-data.ts';

/**
 * Whether the batch is the next one of its member (design, section 3): then it counts as applied from now on.
 * @returns the member's record, or null for repeats, holes and those that may not propose.
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
    alarm(
      context,
      `Member ${batch.member} did not beginIncarnation its incarnation ${batch.incarnation} with a start.`,
    );
    return null;
  }
  return beginIncarnation(context, batch, start, known?.storeId === batch.storeId ? known : undefined);
}

function isConfigured(config: ClusterConfig | null, { member, storeId }: Home): boolean {
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

/** Those of the member's earlier incarnations wait for their clients (design, section 3). */
function orphanSessions(data: StateData, { member, storeId, incarnation }: BatchHeader): void {
  const deadline = data.timeMs + data.settings.orphanGraceMs;
  for (const session of data.sessionsHomedAt(member)) {
    const { home } = session;
    if (!home || (home.storeId === storeId && home.incarnation >= incarnation)) continue;
    if (!session.timers.orphan) startTimer(data, session, 'orphan', deadline);
  }
}

/**
 * Members that are none any more: what they held is gone, what they say does not count. Their numbers are remembered (one
 * record per id), so that one that is taken back with its store goes on where it was.
 */
export function endRemovedConnections(context: ApplyContext, config: ClusterConfig): void {
  const { data } = context;
  const homeless = [...data.sessions.values()].filter(({ home }) => home && !isConfigured(config, home));
  for (const session of homeless.sort((left, right) => left.epoch - right.epoch)) {
    endConnection(context, session, { graceful: false, reason: 'homeLost', byHome: false });
  }
}
