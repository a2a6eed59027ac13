import type {
  ClientId,
  ConnectionAccess,
  Epoch,
  Incarnation,
  MemberId,
  StoreId,
  Subscription,
  Will,
} from '@mqtt-cluster/contracts';
import { willBytes } from '../bounds/sizes.ts';
import type { Account } from '../bounds/account.ts';
import type { Usage } from '../bounds/usage.ts';
import type { RetainedCursor } from '../topics/retained-cursor.ts';
import type { QueueItem, SessionView } from '../types.ts';
import type { Deadline } from './deadline-heap.ts';
import type { ItemExpiries } from './item-expiries.ts';
import { SessionQueue } from './session-queue.ts';

/** The home of a client: the member that the client is connected to, with its store id and incarnation. */
export interface Home {
  readonly member: MemberId;
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
}

/**
 * `will`: the will delay is over. `expiry`: the session expires. `orphan`: the home has restarted, and the
 * client has not reconnected within `settings.orphanGraceMs`.
 */
export type TimerKind = 'will' | 'expiry' | 'orphan';

export interface Timer extends Deadline {
  /** Number of the timer in the order of creation. Orders timers with equal deadlines. */
  readonly sequence: number;
  readonly kind: TimerKind;
  readonly session: Session;
}

/** The expiries of the messages in a session's queue. The deadline is the first of them, or Infinity. */
export interface QueueExpiry extends Deadline {
  deadline: number;
  readonly session: Session;
  readonly items: ItemExpiries;
}

/** A connection that a newer connection of the same client has taken over and whose end is not reported yet. */
export interface TakenOverConnection {
  readonly epoch: Epoch;
  readonly home: Home;
  /** The will of that connection. Before `accessSemantics` the will is due and never null. */
  readonly will: Will | null;
  /** The user of that connection. */
  readonly access: ConnectionAccess | null;
  /**
   * True if the current connection has resumed the session: a will with a delay is due only if the report ends the
   * session. Only from `accessSemantics` on.
   */
  readonly resumed?: true;
}

/**
 * Part of a session's state that decides about the DUP flag [MQTT-3.3.1-1]: which items of the queue a former
 * home may have sent. A home reports this once, when it stops to send for a connection. Until the report
 * arrives, a home may have sent everything that was queued while the client was connected.
 */
export interface SentReport {
  /** Items from this number on were not sent on the current connection. 0 without a report. */
  final: number;
  /** The ended connection whose home has not reported yet, or 0. */
  missingEpoch: number;
  /** `sentBelow` before the connection of `missingEpoch` ended. */
  before: number;
}

/** Is notified when a session becomes connected, or is no longer connected. */
export interface ConnectionObserver {
  onConnectionChanged(): void;
}

/** A session and one of its subscriptions. */
export interface Subscriber {
  readonly session: Session;
  readonly subscription: Subscription;
}

/** Session Expiry Interval of a session that never expires (MQTT 5, 3.1.2.11.2). */
export const expiryNever = 0xffffffff;

/** The replicated state of one client id. An orphan is a session whose home has restarted. */
export class Session implements SessionView {
  readonly client: ClientId;
  epoch: Epoch;
  home: Home | null = null;
  expirySeconds = 0;
  receiveMaximum = 1;
  /** The user of the connection that `will` belongs to. Null before `accessSemantics`. */
  access: ConnectionAccess | null = null;
  /** True when the home of the client reported the end of the connection that started the will delay. */
  willByHome = false;
  /** A former home may have sent the items of the queue below this number. */
  sentBelow = 0;
  /** The next number of the queue when the current connection opened. 0 before `conformanceSemantics`. */
  openedAt = 0;
  readonly report: SentReport = { final: 0, missingEpoch: 0, before: 0 };
  readonly subscriptions = new Map<string, Subscription>();
  /** By filter: the subscriptions that wait for further retained messages, in the order of their SUBSCRIBE. */
  readonly retainedCursors = new Map<string, RetainedCursor>();
  readonly items: SessionQueue;
  /** Packet ids of QoS 2 messages from this client that are not yet released by PUBREL. */
  readonly incomingPacketIds = new Set<number>();
  readonly timers: Record<TimerKind, Timer | null> = { will: null, expiry: null, orphan: null };
  /** Null if no message of the queue has had an expiry. Derived; not encoded. */
  queueExpiry: QueueExpiry | null = null;
  /** Number of the messages in the queue when the client disconnected. */
  messagesAtDisconnect = 0;
  bytesAtDisconnect = 0;
  /** `StateData.applyCount` of the last `queued` effect for this session. Not replicated. */
  notifiedInApply = 0;
  /** See {@link SessionView.dropped}. Not replicated. */
  dropped = 0;
  /** The account that this session's content counts for. Derived; not encoded. */
  account: Account;
  /** The session's group for the bound on the number of sessions. Derived; not encoded. */
  group = '';
  /** The shared subscriptions of this session. Null if it has had none. Derived; not encoded. */
  connectionObservers: Set<ConnectionObserver> | null = null;
  /** Bytes of the subscriptions of this session. Derived; not encoded. */
  subscriptionBytes = 0;
  readonly #usage: Usage;
  #owner: string | null = null;
  #will: Will | null = null;
  #takenOver: TakenOverConnection | null = null;
  #willBytes = 0;

  constructor(client: ClientId, epoch: Epoch, usage: Usage) {
    this.client = client;
    this.epoch = epoch;
    this.#usage = usage;
    this.items = new SessionQueue(usage.bodies);
    this.account = usage.join(null, client);
  }

  /** The user that the session belongs to; see `SessionView`. Null before `accessSemantics`. */
  get owner(): string | null {
    return this.#owner;
  }

  set owner(owner: string | null) {
    if (owner === this.#owner) return;
    this.#owner = owner;
    const former = this.account;
    this.account = this.#usage.join(owner, this.client);
    this.account.subscriptionBytes += this.subscriptionBytes;
    former.subscriptionBytes -= this.subscriptionBytes;
    this.account.willBytes += this.#willBytes;
    former.willBytes -= this.#willBytes;
    this.items.visit((_, body) => this.#usage.moveItem(former, this.account, body));
    this.#usage.leave(former);
  }

  /** The will that can still be published. A closed session keeps its will while the will delay runs. */
  get will(): Will | null {
    return this.#will;
  }

  set will(will: Will | null) {
    this.#will = will;
    this.#chargeWills();
  }

  /**
   * The connection that the current connection has taken over, until the home of the former connection or of the
   * current one reports with a `close` command how the former connection ended. Null while no client is connected.
   */
  get takenOver(): TakenOverConnection | null {
    return this.#takenOver;
  }

  set takenOver(takenOver: TakenOverConnection | null) {
    this.#takenOver = takenOver;
    this.#chargeWills();
  }

  /** Bytes of the wills of this session. */
  get willBytes(): number {
    return this.#willBytes;
  }

  chargeSubscription(bytes: number): void {
    this.subscriptionBytes += bytes;
    this.account.subscriptionBytes += bytes;
  }

  /** Must be called after each change of {@link connected}. */
  connectionChanged(): void {
    if (this.connectionObservers === null) return;
    for (const observer of this.connectionObservers) observer.onConnectionChanged();
  }

  /** Ends the accounting of a session that has ended and whose queue and subscriptions are empty. */
  close(): void {
    this.will = null;
    this.takenOver = null;
    this.#usage.leave(this.account);
  }

  #chargeWills(): void {
    const bytes =
      (this.#will ? willBytes(this.#will) : 0) +
      (this.#takenOver?.will ? willBytes(this.#takenOver.will) : 0);
    this.#usage.willBytes += bytes - this.#willBytes;
    this.account.willBytes += bytes - this.#willBytes;
    this.#willBytes = bytes;
  }

  /** The key in the index of all sessions by client id. */
  get name(): ClientId {
    return this.client;
  }

  get clean(): boolean {
    return this.expirySeconds === 0;
  }

  get connected(): boolean {
    return this.home !== null && this.timers.orphan === null;
  }

  get queuedMessages(): number {
    return this.items.size;
  }

  get queuedBytes(): number {
    return this.items.bytes;
  }

  get retainedPending(): boolean {
    return this.retainedCursors.size > 0;
  }

  queue(): Iterable<QueueItem> {
    return this.items.from(0);
  }

  queueFrom(from: number): Iterable<QueueItem> {
    return this.items.from(from);
  }

  hasIncoming(packetId: number): boolean {
    return this.incomingPacketIds.has(packetId);
  }
}
