import type { Subscription, SubscribeCommand, UnsubscribeCommand } from '@mqtt-cluster/contracts';
import { dequeue, passOnGroupItems } from '../session/queueing.ts';
import { queueRetained } from './retained-queueing.ts';
import type { Session } from '../session/session.ts';
import { SharedGroup } from './shared-subscription.ts';
import type { StateData, Turn } from '../state-data.ts';
import { parseShare, validFilter } from './topic-names.ts';
import type { CommandResult } from '../types.ts';

/** MQTT 5, 3.9.3: Unspecified error; MQTT 3.1.1: Failure. */
const refusedCode = 0x80;

export function subscribe(turn: Turn, session: Session, command: SubscribeCommand): CommandResult {
  const codes: number[] = [];
  const isNew: boolean[] = [];
  const retainedQueued: boolean[] = [];
  for (const subscription of command.subscriptions) {
    const valid = validFilter(subscription.filter);
    const added = valid && !session.subscriptions.has(subscription.filter);
    codes.push(valid ? subscription.qos : refusedCode);
    isNew.push(added);
    if (valid) addSubscription(turn.data, session, subscription);
    retainedQueued.push(valid && queueRetained(turn, session, subscription, added));
  }
  return { kind: 'subscribed', codes, isNew, retainedQueued };
}

/** Replaces one of the same filter [MQTT-3.8.4-3]. */
export function addSubscription(data: StateData, session: Session, subscription: Subscription): void {
  const { filter } = subscription;
  if (!session.subscriptions.has(filter)) data.subscriptionCount++;
  session.subscriptions.set(filter, subscription);
  const shared = parseShare(filter);
  if (!shared) {
    data.subscriptions.add(filter, session.client, { session, subscription });
    return;
  }
  groupFor(data, filter, shared.filter).members.set(session.client, session);
}

export function groupFor(data: StateData, key: string, filter: string): SharedGroup {
  let group = data.groups.get(key);
  if (!group) {
    group = new SharedGroup(key, filter);
    data.groups.set(key, group);
    data.sharedSubscriptions.add(filter, key, group);
  }
  return group;
}

/** @returns whether there was one. What a group's leaving member has queued stays with it: see the callers. */
export function removeSubscription(data: StateData, session: Session, filter: string): boolean {
  if (!session.subscriptions.delete(filter)) return false;
  data.subscriptionCount--;
  const group = data.groups.get(filter);
  if (!group) {
    data.subscriptions.remove(filter, session.client);
    return true;
  }
  group.members.delete(session.client);
  if (group.members.size === 0) {
    data.groups.delete(filter);
    data.sharedSubscriptions.remove(group.filter, filter);
  }
  return true;
}

export function unsubscribe(turn: Turn, session: Session, command: UnsubscribeCommand): CommandResult {
  const { data } = turn;
  const existed = command.filters.map((filter) => {
    const found = removeSubscription(data, session, filter);
    if (found && parseShare(filter)) leaveGroup(turn, session, filter);
    return found;
  });
  return { kind: 'unsubscribed', existed };
}

/** Items not begun go to the others, or away when there are none [MQTT-3.10.4-3]. */
function leaveGroup(turn: Turn, session: Session, key: string): void {
  const unwanted = passOnGroupItems(turn, session, (group) => group === key, false);
  if (unwanted === 0) return;
  for (const entry of [...session.items.from(0)]) {
    if (entry.group === key && entry.packetId === 0) dequeue(turn, session, entry);
  }
  turn.effects.push({ kind: 'dropped', reason: 'expired', count: unwanted });
}
