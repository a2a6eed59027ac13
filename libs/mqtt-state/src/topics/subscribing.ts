import { accessSemantics } from '@mqtt-cluster/contracts';
import type { Subscription, SubscribeCommand, UnsubscribeCommand } from '@mqtt-cluster/contracts';
import { isWithinShare } from '../bounds/share.ts';
import { subscriptionBytes } from '../bounds/sizes.ts';
import { dequeue, reassignSharedItems } from '../session/queueing.ts';
import { queueRetained } from './retained-queueing.ts';
import type { Session } from '../session/session.ts';
import { SharedSubscription } from './shared-subscription.ts';
import type { StateData, ApplyContext } from '../state-data.ts';
import { parseSharedFilter, isValidTopicFilter } from './topic-names.ts';
import type { CommandResult } from '../types.ts';

/** SUBACK reason code "Unspecified error" (MQTT 5, 3.9.3), return code "Failure" in MQTT 3.1.1. */
const refusedCode = 0x80;
/** SUBACK reason code "Quota exceeded" (MQTT 5, 3.9.3). The broker sends "Failure" to clients of MQTT 3.1.1. */
const quotaExceededCode = 0x97;

/**
 * Applies a `subscribe` command. A filter that is not valid gets the code 0x80, a filter beyond a bound the code
 * 0x97.
 */
export function subscribe(context: ApplyContext, session: Session, command: SubscribeCommand): CommandResult {
  const codes: number[] = [];
  const isNew: boolean[] = [];
  const retainedQueued: boolean[] = [];
  for (const subscription of command.subscriptions) {
    const code = codeOf(context, session, subscription);
    const granted = code < refusedCode;
    const added = granted && !session.subscriptions.has(subscription.filter);
    codes.push(code);
    isNew.push(added);
    if (granted) addSubscription(context.data, session, subscription);
    retainedQueued.push(granted && queueRetained(context, session, subscription, added));
  }
  return { kind: 'subscribed', codes, isNew, retainedQueued };
}

/** Returns whether a bound refuses the filter of a new subscription of the session. */
export function exceedsBounds(data: StateData, session: Session, subscription: Subscription): boolean {
  return codeOf({ data, semantics: data.semantics }, session, subscription) === quotaExceededCode;
}

function codeOf(
  { data, semantics }: Pick<ApplyContext, 'data' | 'semantics'>,
  session: Session,
  subscription: Subscription,
): number {
  if (!isValidTopicFilter(subscription.filter)) return refusedCode;
  if (semantics < accessSemantics || session.subscriptions.has(subscription.filter)) return subscription.qos;
  const { settings } = data;
  const bytes = subscriptionBytes(subscription);
  const fits =
    session.subscriptions.size < settings.sessionSubscriptionsMax &&
    session.subscriptionBytes + bytes <= settings.sessionSubscriptionBytesMax &&
    isWithinShare(
      session.account.subscriptionBytes,
      bytes,
      data.subscriptionBytes,
      settings.subscriptionBytesMax,
    );
  return fits ? subscription.qos : quotaExceededCode;
}

/** Adds a subscription, or replaces the session's subscription of the same filter [MQTT-3.8.4-3]. */
function addSubscription(data: StateData, session: Session, subscription: Subscription): void {
  const { filter } = subscription;
  data.keepSubscription(session, subscription);
  const shared = parseSharedFilter(filter);
  if (!shared) {
    data.subscriptions.add(filter, session.client, { session, subscription });
    return;
  }
  sharedSubscriptionFor(data, filter, shared.filter).add(session);
}

/** Returns the shared subscription with this key. Creates it if it does not exist yet. */
export function sharedSubscriptionFor(data: StateData, key: string, filter: string): SharedSubscription {
  let group = data.sharedSubscriptions.get(key);
  if (!group) {
    group = new SharedSubscription(key, filter);
    data.sharedSubscriptions.set(key, group);
    data.sharedSubscriptionTrie.add(filter, key, group);
  }
  return group;
}

/**
 * Removes a subscription. Queued items of a shared filter stay in the session's queue; the callers move them.
 * @returns whether the session had the subscription
 */
export function removeSubscription(data: StateData, session: Session, filter: string): boolean {
  if (!data.releaseSubscription(session, filter)) return false;
  session.retainedCursors.delete(filter);
  const group = data.sharedSubscriptions.get(filter);
  if (!group) {
    data.subscriptions.remove(filter, session.client);
    return true;
  }
  group.remove(session);
  if (group.sessions.size === 0) {
    data.sharedSubscriptions.delete(filter);
    data.sharedSubscriptionTrie.remove(group.filter, filter);
  }
  return true;
}

/** Applies an `unsubscribe` command. */
export function unsubscribe(
  context: ApplyContext,
  session: Session,
  command: UnsubscribeCommand,
): CommandResult {
  const { data } = context;
  const existed = command.filters.map((filter) => {
    const found = removeSubscription(data, session, filter);
    if (found && parseSharedFilter(filter)) leaveSharedSubscription(context, session, filter);
    return found;
  });
  return { kind: 'unsubscribed', existed };
}

/**
 * Moves the queued items of a shared filter to its other sessions, or drops them if there is no other session
 * [MQTT-3.10.4-3]. Items whose QoS 2 exchange has begun stay.
 */
function leaveSharedSubscription(context: ApplyContext, session: Session, key: string): void {
  const droppedCount = reassignSharedItems(context, session, (group) => group === key, false);
  if (droppedCount === 0) return;
  for (const number of session.items.numbersWithGroup((group) => group === key)) {
    if (session.items.packetIdOf(number) === 0) dequeue(context, session, number);
  }
  session.dropped += droppedCount;
  context.effects.push({ kind: 'dropped', reason: 'expired', count: droppedCount });
}
