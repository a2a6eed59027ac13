import { accessSemantics, largeStateSemantics } from '@mqtt-cluster/contracts';
import { isWithinShare } from '../bounds/share.ts';
import { queueItemBytes } from '../bounds/sizes.ts';
import { addedBytes } from '../bounds/usage.ts';
import type { ApplyContext } from '../state-data.ts';
import { dequeue } from './dequeuing.ts';
import type { BodyId } from '../bodies/body-content.ts';
import type { QueuedMessage } from './queued-message.ts';
import type { Session } from './session.ts';

/**
 * Makes room for a message in the queues of the cluster (docs/DESIGN.md, "Fair shares"): while the cluster's
 * bound is reached, the session with the largest queue loses its oldest message. Connected sessions have a reserve that
 * absent sessions cannot use: an absent session takes no room from a connected session whose queue is within its equal
 * share of the reserve.
 *
 * A state of an older version can be above the bound. A message then displaces as many bytes as it needs.
 * @returns false if the message is dropped
 */
export function makeShare(context: ApplyContext, session: Session, body: BodyId): boolean {
  const { data, semantics } = context;
  if (semantics < accessSemantics) return true;
  const { settings, usage } = data;
  if (
    session.account.queueBytes + addedBytes(data.bodies, session.account, body) >
    settings.userQueueMemoryMax
  )
    return replaceOldest(context, session, body);
  const reserve = session.home ? settings.connectedQueueReserve : 0;
  const memoryMax = Math.max(settings.clusterQueueMemoryMax + reserve, usage.queueBytes);
  const bytesMax = Math.max(settings.clusterQueuedBytesMax + reserve, data.queuedBytes);
  // The queue of another session can already contain the message.
  const isNew = data.bodies.referencesOf(body) === 0;
  const memory = queueItemBytes + (isNew ? data.bodies.memoryOf(body) : 0);
  const bytes = isNew ? data.bodies.bytesOf(body) : 0;
  while (usage.queueBytes + memory > memoryMax || data.queuedBytes + bytes > bytesMax) {
    const victim = victimFor(context, session);
    if (!victim) return false;
    dequeue(context, victim.session, victim.oldest.number);
    context.droppedAtShare++;
    victim.session.dropped++;
  }
  return true;
}

interface Victim {
  readonly session: Session;
  readonly oldest: QueuedMessage;
}

/** Returns the session that loses its oldest message because this session needs room, or null if none can. */
function victimFor({ data, semantics }: ApplyContext, { home }: Session): Victim | null {
  const { largest, largestAbsent, connectedCount } = data.queueHoldersNow();
  if (semantics < largeStateSemantics) return victimOf(home ? largest : largestAbsent);
  const equalShare = data.settings.connectedQueueReserve / connectedCount;
  const mayTakeFromAll = home !== null || (largest?.items.memory ?? 0) > equalShare;
  return (mayTakeFromAll ? victimOf(largest) : null) ?? victimOf(largestAbsent);
}

/** Returns null if all messages of the session are QoS 2 exchanges in progress. */
function victimOf(session: Session | undefined): Victim | null {
  const oldest = session?.items.oldestDroppable();
  return session && oldest ? { session, oldest } : null;
}

/**
 * Returns whether the message is within the session's share if `queueFull` is `refuse`. No session loses
 * queued messages then, so each session can only use a part of what is free.
 * @param copies number of copies for this session
 */
export function hasShare(
  { data, semantics }: ApplyContext,
  session: Session,
  body: { readonly bytes: number; readonly memory: number },
  copies: number,
): boolean {
  if (semantics < accessSemantics) return true;
  const { settings, usage, queuedBytes } = data;
  const { home, items, account } = session;
  const reserve = home ? settings.connectedQueueReserve : 0;
  const memory = copies * (queueItemBytes + body.memory);
  const bytes = copies * body.bytes;
  return (
    account.queueBytes + memory <= settings.userQueueMemoryMax &&
    isWithinShare(items.memory, memory, usage.queueBytes, settings.clusterQueueMemoryMax + reserve) &&
    isWithinShare(items.bytes, bytes, queuedBytes, settings.clusterQueuedBytesMax + reserve)
  );
}

/**
 * Drops the oldest messages of a session whose user has reached the bound, except QoS 2 exchanges in progress,
 * until they have freed as much as the new message needs.
 * @returns whether the user's queues are not larger than before with the new message
 */
function replaceOldest(context: ApplyContext, session: Session, body: BodyId): boolean {
  const { account, items } = session;
  const { bodies } = context.data;
  const memory = queueItemBytes + bodies.memoryOf(body);
  const accountMax = account.queueBytes;
  let freed = 0;
  while (freed < memory) {
    const oldest = items.oldestDroppable();
    if (!oldest) return false;
    freed += queueItemBytes + bodies.memoryOf(oldest.body);
    dequeue(context, session, oldest.number);
    context.droppedAtShare++;
    session.dropped++;
  }
  // The dropped messages can still be in the queues of other sessions.
  return account.queueBytes + addedBytes(bodies, account, body) <= accountMax;
}
