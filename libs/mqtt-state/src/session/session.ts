import type {
  ClientId,
  Epoch,
  Incarnation,
  MemberId,
  StoreId,
  Subscription,
  Will,
} from '@mqtt-cluster/contracts';
import type { Deadline } from './deadline-heap.ts';
import { SessionQueue } from './session-queue.ts';
import type { QueueItem, SessionView } from '../types.ts';

export interface Home {
  readonly member: MemberId;
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
}

/** `will`: its delay is over. `end`: the session expires. `orphan`: the client did not return to a restarted home. */
export type TimerKind = 'will' | 'end' | 'orphan';

export interface Timer extends Deadline {
  /** Of creation; decides among equal deadlines. */
  readonly sequence: number;
  readonly kind: TimerKind;
  readonly session: Session;
}

/** MQTT 5, 3.1.2.11.2: the session never expires. */
export const expiryNever = 0xffffffff;

export class Session implements SessionView {
  readonly client: ClientId;
  epoch: Epoch;
  home: Home | null = null;
  expirySeconds = 0;
  receiveMaximum = 1;
  /** Until it has fired or can't fire any more; a closed session keeps it while its delay runs. */
  will: Will | null = null;
  /** What set off the delayed will was a word of the home itself. */
  willByHome = false;
  /** Items below it were queued while a client was connected: they may have been sent already. */
  sentBelow = 0;
  readonly subscriptions = new Map<string, Subscription>();
  readonly items = new SessionQueue();
  readonly incoming = new Set<number>();
  readonly timers: Record<TimerKind, Timer | null> = { will: null, end: null, orphan: null };
  /** What was queued when its client left. */
  carriedMessages = 0;
  carriedBytes = 0;
  /** Number of the last `apply` that told the home of something queued; not replicated. */
  toldIn = 0;

  constructor(client: ClientId, epoch: Epoch) {
    this.client = client;
    this.epoch = epoch;
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

  queue(): Iterable<QueueItem> {
    return this.items.from(0);
  }

  queueFrom(from: number): Iterable<QueueItem> {
    return this.items.from(from);
  }

  hasIncoming(packetId: number): boolean {
    return this.incoming.has(packetId);
  }
}
