import { defaultSettings } from '@mqtt-cluster/contracts';
import type {
  ClientId,
  ClusterConfig,
  ClusterSettings,
  Incarnation,
  LogIndex,
  MemberId,
  Message,
  StoreId,
  Subscription,
} from '@mqtt-cluster/contracts';
import { subscriptionBytes, subscriptionOwnBytes, trieNodeBytes } from './bounds/sizes.ts';
import { sessionGroup, Usage } from './bounds/usage.ts';
import { DeadlineHeap } from './session/deadline-heap.ts';
import { expiresBefore } from './session/queue-deadline.ts';
import { QueueHolders } from './session/queue-holders.ts';
import { NameOrderedList } from './topics/name-ordered-list.ts';
import { RetainedMessages } from './topics/retained-messages.ts';
import type { QueueExpiry, Session, Subscriber, Timer } from './session/session.ts';
import { MessageBodies } from './bodies/message-bodies.ts';
import type { BodyCache, BodyId } from './bodies/body-content.ts';
import type { VisitBudget } from './topics/topic-tree.ts';
import type { SharedSubscription } from './topics/shared-subscription.ts';
import { ReplicatedAccess } from './access/access-table.ts';
import { SubscriptionTrie } from './topics/subscription-trie.ts';
import type { StateEffect } from './types.ts';

/** The last applied batch of one member. */
export interface Proposer {
  storeId: StoreId;
  incarnation: Incarnation;
  sequence: number;
  /** For each earlier incarnation that may still have an outbox: the sequence of its last applied batch. */
  recovered: Map<Incarnation, number>;
}

/**
 * The replicated state and the indexes derived from it. Replicated data must not depend on the order of a
 * derived index, because that order can differ after a decode.
 */
export class StateData {
  index: LogIndex = 0;
  timeMs = 0;
  semantics = 1;
  settings: ClusterSettings = defaultSettings;
  config: ClusterConfig | null = null;
  /** Users and rules. A change replaces the object. */
  access = ReplicatedAccess.empty;
  epochCounter = 0;
  timerCounter = 0;
  readonly proposers = new Map<MemberId, Proposer>();
  readonly sessions = new Map<ClientId, Session>();
  readonly sharedSubscriptions = new Map<string, SharedSubscription>();
  /** Sums of the fields below and above by user. Derived; not encoded. */
  readonly usage: Usage;
  readonly retained: RetainedMessages;
  /** The messages of all queues. */
  readonly bodies: MessageBodies;

  // Derived from the fields above; not encoded.
  readonly subscriptions = new SubscriptionTrie<Subscriber>();
  readonly sharedSubscriptionTrie = new SubscriptionTrie<SharedSubscription>();
  readonly sessionsByHome = new Map<MemberId, Set<Session>>();
  /** Exists from the first listing of sessions on, so that it costs nothing where nobody lists them. */
  #sessionsByClient: NameOrderedList<Session> | null = null;
  readonly timers = new DeadlineHeap<Timer>(timerBefore);
  /** The sessions whose queued messages expire, see `queue-expiry.ts`. */
  readonly queueExpiries = new DeadlineHeap<QueueExpiry>(expiresBefore);
  /** Exists only while the cluster's queues are near their bound. */
  queueHolders: QueueHolders | null = null;
  orphanCount = 0;
  subscriptionCount = 0;
  queuedMessages = 0;
  /**
   * Bytes of all queued messages of all sessions. A message body that several sessions queue is counted once.
   */
  queuedBytes = 0;
  /** Number of the entries applied since this member loaded the state. */
  applyCount = 0;

  /** @param cache where messages go that do not fit into memory; null: all stay in memory */
  constructor(cache: BodyCache | null = null) {
    this.bodies = new MessageBodies(cache);
    this.usage = new Usage(this.bodies);
    this.retained = new RetainedMessages(this.usage);
  }

  /** Bytes of all replicated subscriptions. Subscriptions share the nodes of their filters. */
  get subscriptionBytes(): number {
    const nodes = this.subscriptions.nodes + this.sharedSubscriptionTrie.nodes;
    return this.usage.subscriptionOwnBytes + nodes * trieNodeBytes;
  }

  /** Returns all sessions in the order of their client ids. */
  sessionsByClientNow(): NameOrderedList<Session> {
    return (this.#sessionsByClient ??= new NameOrderedList(this.sessions.values()));
  }

  /** Returns the sessions by the size of their queues. */
  queueHoldersNow(): QueueHolders {
    return (this.queueHolders ??= new QueueHolders(this.sessions.values()));
  }

  /** Counts one more queue item of the body. */
  keepBody(session: Session, body: BodyId): void {
    const isFirst = this.bodies.keep(body);
    if (isFirst) this.queuedBytes += this.bodies.bytesOf(body);
    this.queuedMessages++;
    this.usage.keepItem(session.account, body, isFirst);
  }

  releaseBody(session: Session, body: BodyId): void {
    const isLast = this.bodies.release(body);
    if (isLast) this.queuedBytes -= this.bodies.bytesOf(body);
    this.queuedMessages--;
    this.usage.releaseItem(session.account, body, isLast);
    if (this.queueHolders && this.usage.queueBytes * 2 < this.settings.clusterQueueMemoryMax)
      this.queueHolders = null;
  }

  /** Adds a session, or updates the group of a session whose user or address has changed. */
  addSession(session: Session): void {
    const known = this.sessions.get(session.client);
    if (known === session) this.usage.countSession(session.group, -1);
    else {
      if (known) this.#sessionsByClient?.remove(known.client);
      this.#sessionsByClient?.add(session);
    }
    session.group = sessionGroup(session.owner, session.access?.address, session.client);
    this.usage.countSession(session.group, 1);
    this.sessions.set(session.client, session);
  }

  removeSession(session: Session): void {
    if (!this.sessions.delete(session.client)) return;
    this.#sessionsByClient?.remove(session.client);
    this.usage.countSession(session.group, -1);
  }

  /** Counts a subscription of a session. The caller adds it to a trie. */
  keepSubscription(session: Session, subscription: Subscription): void {
    if (session.subscriptions.has(subscription.filter)) {
      session.subscriptions.set(subscription.filter, subscription);
      return;
    }
    session.subscriptions.set(subscription.filter, subscription);
    this.subscriptionCount++;
    this.usage.subscriptionOwnBytes += subscriptionOwnBytes(subscription);
    session.chargeSubscription(subscriptionBytes(subscription));
  }

  /** @returns whether the session had the subscription */
  releaseSubscription(session: Session, filter: string): boolean {
    const subscription = session.subscriptions.get(filter);
    if (!subscription) return false;
    session.subscriptions.delete(filter);
    this.subscriptionCount--;
    this.usage.subscriptionOwnBytes -= subscriptionOwnBytes(subscription);
    session.chargeSubscription(-subscriptionBytes(subscription));
    return true;
  }

  /** Returns the sessions whose home is the member, in the order of their epochs. */
  sessionsHomedAt(member: MemberId): Session[] {
    return [...(this.sessionsByHome.get(member) ?? [])].sort((left, right) => left.epoch - right.epoch);
  }
}

function timerBefore(left: Timer, right: Timer): boolean {
  if (left.deadline !== right.deadline) return left.deadline < right.deadline;
  return left.sequence < right.sequence;
}

/** The application of one log entry: the state that it changes and the effects that it collects. */
export interface ApplyContext {
  readonly data: StateData;
  readonly effects: StateEffect[];
  /**
   * The semantics version before the entry. It applies to all commands of the entry, also after a command
   * that raises the version.
   */
  readonly semantics: number;
  /** Messages dropped at the bounds of session queues, not yet reported by an effect. */
  droppedAtBound: number;
  /** Messages dropped from sessions above their share of the cluster's queues, not yet reported. */
  droppedAtShare: number;
  /** Topics whose retained message this entry has set. */
  readonly retainedTopics: string[];
  /** What the cursors of this entry may still examine. Without a bound before `accessSemantics`. */
  readonly retainedVisits: VisitBudget;
  /** Retained messages that the entry has added. They are hashed at its end, ahead of the next digest. */
  readonly newRetained: Message[];
}

/** Adds an alarm: the entry contains something that no correct member proposes. */
export function alarm(context: ApplyContext, text: string): void {
  context.effects.push({ kind: 'alarm', text });
}
