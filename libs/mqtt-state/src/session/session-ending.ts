import { handoverSemantics } from '@mqtt-cluster/contracts';
import type { ClientId, ConnectionAccess, Will } from '@mqtt-cluster/contracts';
import { composeMessage } from '../codec/message-codec.ts';
import { mayPublishWill } from '../access/will-access.ts';
import { publishMessage } from '../commands/publishing.ts';
import { dequeue, reassignSharedItems } from './queueing.ts';
import { scheduleExpiries } from './queue-expiry.ts';
import { expiryNever, Session } from './session.ts';
import { attachHome, detachHome } from './session-home.ts';
import { cancelTimer, startTimer } from './session-timers.ts';
import { removeSubscription } from '../topics/subscribing.ts';
import type { ApplyContext } from '../state-data.ts';

/** How a client's connection ended. */
export interface ConnectionEnd {
  /** True after a DISCONNECT with reason code 0x00, or when the user lost its rights: the will is discarded. */
  readonly graceful: boolean;
  readonly reason: 'homeLost' | 'closed' | 'notAuthorized';
  /** True when the home of the client reported the end of the connection. */
  readonly byHome: boolean;
  /** The Session Expiry Interval of an MQTT 5 DISCONNECT. */
  readonly expirySeconds?: number;
}

/** Returns a Session Expiry Interval in seconds, limited to the cluster's bound. */
export function boundedExpiry(context: ApplyContext, seconds: number): number {
  return Math.min(seconds, context.data.settings.sessionExpirySecondsMax, expiryNever);
}

/**
 * Ends the session's connection, if it has one. The will is published or its delay starts, and the session
 * ends or its expiry starts.
 */
export function endConnection(context: ApplyContext, session: Session, ending: ConnectionEnd): void {
  const { data } = context;
  const { home } = session;
  if (!home) return;
  context.effects.push({
    kind: 'connectionEnded',
    client: session.client,
    epoch: session.epoch,
    home: home.member,
    incarnation: home.incarnation,
    reason: ending.reason,
  });
  detachHome(context, session);
  session.takenOver = null;
  if (ending.expirySeconds !== undefined)
    session.expirySeconds = boundedExpiry(context, ending.expirySeconds);
  if (ending.graceful) session.will = null; // [MQTT-3.14.4-3]
  const { will, access, expirySeconds } = session;
  if (expirySeconds === 0) {
    session.will = null;
    endSession(context, session);
    if (will) publishWill(context, session.client, { will, access }, ending.byHome);
    return;
  }
  reassignSharedItems(context, session, () => true, true);
  scheduleExpiries(data, session);
  // [5.0 MQTT-3.1.2-8] The will delay or the session's expiry, whichever is first.
  const delaySeconds = will ? Math.min(will.delaySeconds, expirySeconds) : 0;
  if (will && delaySeconds > 0) {
    session.willByHome = ending.byHome;
    startTimer(data, session, 'will', data.timeMs + delaySeconds * 1_000);
  } else if (will) {
    session.will = null;
    publishWill(context, session.client, { will, access }, ending.byHome);
  }
  if (expirySeconds !== expiryNever) {
    startTimer(data, session, 'expiry', data.timeMs + expirySeconds * 1_000);
  }
}

/**
 * Applies the report about a connection that the session's current connection has taken over: publishes or discards
 * its will, and ends the session that the current connection has resumed if the report changes its expiry to 0.
 */
export function settleTakeover(
  context: ApplyContext,
  session: Session,
  { graceful, byHome, expirySeconds }: Pick<ConnectionEnd, 'graceful' | 'byHome' | 'expirySeconds'>,
): void {
  const { client, takenOver } = session;
  session.takenOver = null;
  const expiry = expirySeconds === undefined ? Infinity : boundedExpiry(context, expirySeconds);
  const ends = takenOver?.resumed === true && expiry === 0;
  if (ends) beginAnew(context, session);
  if (takenOver?.will && !graceful) {
    const { will, access, resumed } = takenOver;
    const isDue = ends || !resumed || will.delaySeconds === 0; // [5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.3-9]
    if (isDue) publishWill(context, client, { will, access }, byHome);
  }
  const ended = ends ? { sessionEnded: true as const } : {};
  context.effects.push({ kind: 'takeoverSettled', client, ...ended });
}

/** Ends a session and begins a new one for its current connection, which has not received its CONNACK. */
function beginAnew(context: ApplyContext, session: Session): void {
  const { data } = context;
  const { home, will, access, expirySeconds, receiveMaximum } = session;
  const { orphan } = session.timers;
  endSession(context, session);
  const next = new Session(session.client, session.epoch, data.usage);
  Object.assign(next, { will, access, expirySeconds, receiveMaximum, owner: access?.user ?? null });
  next.openedAt = next.items.nextNumber;
  data.addSession(next);
  if (home) attachHome(data, next, home);
  // The home has restarted: the session still waits for its client, until the same deadline.
  if (orphan && context.semantics >= handoverSemantics) startTimer(data, next, 'orphan', orphan.deadline);
}

/** Deletes the session, its subscriptions and its queue. The caller publishes or discards the will. */
export function endSession(context: ApplyContext, session: Session, expired = false): void {
  const { data } = context;
  detachHome(context, session);
  cancelTimer(data, session, 'will');
  cancelTimer(data, session, 'expiry');
  for (const filter of [...session.subscriptions.keys()]) removeSubscription(data, session, filter);
  const droppedCount = reassignSharedItems(context, session, () => true, false);
  if (droppedCount > 0) context.effects.push({ kind: 'dropped', reason: 'expired', count: droppedCount });
  for (const number of session.items.numbers()) dequeue(context, session, number);
  // Until here the session can be the one that is displaced, on each member.
  data.removeSession(session);
  session.close();
  const { client } = session;
  context.effects.push(
    expired ? { kind: 'sessionEnded', client, expired } : { kind: 'sessionEnded', client },
  );
}

/** Publishes a will message, if the user of its connection still may. At the bounds of retained messages the will is not retained. */
export function publishWill(
  context: ApplyContext,
  client: ClientId,
  { will, access }: { readonly will: Will; readonly access: ConnectionAccess | null },
  byHome: boolean,
): void {
  if (!mayPublishWill(context, client, will, access)) {
    context.effects.push({ kind: 'dropped', reason: 'notAuthorized', count: 1 });
    return;
  }
  const { topic, payload, qos, retain, properties } = will;
  const message = composeMessage(topic, payload, qos, retain, properties, client, undefined);
  const owner = access?.user ?? null;
  const source = { member: null, origin: undefined, force: true, isolatedSince: undefined, owner };
  publishMessage(context, message, client, source);
  context.effects.push({ kind: 'willFired', client, byHome });
}
