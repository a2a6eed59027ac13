import { defaultSettings } from '@mqtt-cluster/contracts';
import type {
  ClientId,
  ClusterConfig,
  ClusterSettings,
  Incarnation,
  LogIndex,
  MemberId,
  StoreId,
  Subscription,
} from '@mqtt-cluster/contracts';
import { DeadlineHeap } from './session/deadline-heap.ts';
import { RetainedMessages } from './topics/retained-messages.ts';
import type { Session, Timer } from './session/session.ts';
import type { Body } from './session/session-queue.ts';
import type { SharedGroup } from './topics/shared-subscription.ts';
import { SubscriptionTrie } from './topics/subscription-trie.ts';
import type { StateEffect } from './types.ts';

export interface Proposer {
  storeId: StoreId;
  incarnation: Incarnation;
  sequence: number;
  /** Per earlier incarnation whose outbox may hold something: its last batch that was applied in any way. */
  recovered: Map<Incarnation, number>;
}

export interface Subscriber {
  readonly session: Session;
  readonly subscription: Subscription;
}

/**
 * Everything replicated, and the indices derived from it. Nothing that is replicated may depend on the order of a
 * derived index: after a decode that order may be another one.
 */
export class StateData {
  index: LogIndex = 0;
  timeMs = 0;
  semantics = 1;
  settings: ClusterSettings = defaultSettings;
  config: ClusterConfig | null = null;
  epochCounter = 0;
  timerCounter = 0;
  readonly proposers = new Map<MemberId, Proposer>();
  readonly sessions = new Map<ClientId, Session>();
  readonly groups = new Map<string, SharedGroup>();
  readonly retained = new RetainedMessages();

  // Derived.
  readonly subscriptions = new SubscriptionTrie<Subscriber>();
  readonly sharedSubscriptions = new SubscriptionTrie<SharedGroup>();
  readonly homes = new Map<MemberId, Set<Session>>();
  readonly timers = new DeadlineHeap<Timer>(timerBefore);
  orphans = 0;
  subscriptionCount = 0;
  queuedMessages = 0;
  /** Each body once. */
  queuedBytes = 0;
  applies = 0;

  keepBody(body: Body): void {
    if (body.references++ === 0) this.queuedBytes += body.bytes;
    this.queuedMessages++;
  }

  releaseBody(body: Body): void {
    if (--body.references === 0) this.queuedBytes -= body.bytes;
    this.queuedMessages--;
  }

  /** Sessions homed at a member, in the order of their epochs, that is of their openings. */
  homedAt(member: MemberId): Session[] {
    return [...(this.homes.get(member) ?? [])].sort((left, right) => left.epoch - right.epoch);
  }
}

function timerBefore(left: Timer, right: Timer): boolean {
  if (left.deadline !== right.deadline) return left.deadline < right.deadline;
  return left.sequence < right.sequence;
}

/** One application of an entry: the state and what comes of it. */
export interface Turn {
  readonly data: StateData;
  readonly effects: StateEffect[];
  /** In force before the entry: it means the same to its end. */
  readonly semantics: number;
  /** Items dropped at a session's bound so far; told once, at the end. */
  droppedQueueFull: number;
}

export function alarm(turn: Turn, text: string): void {
  turn.effects.push({ kind: 'alarm', text });
}
