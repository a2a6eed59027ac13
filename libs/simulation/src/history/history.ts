import type { ClientId, ConnectionId, MemberId, QoS, Subscription, Will } from '@mqtt-cluster/contracts';
import type { MarkName } from './marks.ts';

/** One message as its publisher knows it. Times are milliseconds of virtual time. */
export interface Publication {
  readonly id: number;
  readonly client: ClientId;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Empty payload: clears what is retained. */
  readonly clears: boolean;
  readonly createdAtMs: number;
  /** Every connection it was sent on, in order. */
  readonly connections: ConnectionId[];
  sentAtMs: number | null;
  ackedAtMs: number | null;
  ackedBy: MemberId | null;
  /** Its home had no majority when it answered. */
  ackedDegraded: boolean;
  /** QoS 2 whose publisher has lost its session (or asked for a clean one): nobody sends it again. */
  abandoned: boolean;
  /** The answer was a refusal (quota). */
  refused: boolean;
}

export interface Arrival {
  readonly publication: number;
  readonly connection: ConnectionId;
  readonly atMs: number;
  readonly qos: QoS;
  readonly retained: boolean;
  readonly topic: string;
  readonly packetId: number;
}

export interface SubscriptionRecord {
  readonly subscription: Subscription;
  /** The connection that its SUBACK came on, and when its SUBSCRIBE was sent. */
  readonly connection: ConnectionId;
  readonly sentAtMs: number;
  ackedAtMs: number | null;
  granted: number;
  unsubscribedAtMs: number | null;
}

/** A session as its client knows it: from one CONNACK without session present to the next. */
export interface SessionRecord {
  readonly client: ClientId;
  readonly number: number;
  readonly persistent: boolean;
  readonly startedAtMs: number;
  /** Its client ended it, or can't know whether it lives. */
  endedAtMs: number | null;
  readonly subscriptions: SubscriptionRecord[];
  readonly arrivals: Arrival[];
  /** Members it was connected to, in order. */
  readonly homes: MemberId[];
}

export interface ConnectionRecord {
  readonly id: ConnectionId;
  readonly client: ClientId;
  readonly host: MemberId;
  readonly openedAtMs: number;
  readonly will: { readonly will: Will; readonly publication: number } | null;
  connackAtMs: number | null;
  /** How it ended, as far as its client knows. */
  end: 'open' | 'disconnected' | 'lost' | 'refused' | 'closedByMember';
  endReason: string;
  endedAtMs: number | null;
  /** Its home had no majority: the cluster may refuse it afterwards, and knows no will of it until then. */
  connackIsolated: boolean;
  /** Its home has closed it (taken over, drained, behind by a snapshot), whether the client heard or not. */
  closedByHome: boolean;
  /** When a DISCONNECT of the client's has reached its home, or null. */
  disconnectHandledAtMs: number | null;
}

export interface Violation {
  readonly promise: string;
  readonly text: string;
  readonly client?: ClientId;
  readonly publication?: number;
}

/** How many violations of one run are kept: more tell nothing new. */
const violationsMax = 50;

/** What happened, for the checkers: nothing here is read by the members. */
export class History {
  readonly publications: Publication[] = [];
  readonly sessions: SessionRecord[] = [];
  readonly connections = new Map<ConnectionId, ConnectionRecord>();
  readonly violations: Violation[] = [];
  readonly counters = new Map<string, number>();
  readonly drops = new Map<string, number>();
  /** Which rare things have come to pass, and how often. */
  readonly marks = new Map<MarkName, number>();
  /** Messages whose only copy was on a disk that was then wiped (the exception of P1). */
  readonly excusedPublications = new Set<number>();
  /** Set to see everything; lines are made only then. */
  trace: ((line: string) => void) | null = null;
  /** When a member was stopped, paused, or found itself isolated: others may have given up its clients. */
  readonly troubles: { readonly member: MemberId; readonly atMs: number }[] = [];
  /** Since when subscriptions queue what is retained, or null: all members must know of it first. */
  retainedQueuedSinceMs: number | null = null;
  readonly #now: () => number;
  readonly #violated = new Set<string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get nowMs(): number {
    return this.#now();
  }

  note(line: () => string): void {
    if (this.trace !== null) this.trace(`${this.nowMs.toFixed(1).padStart(9)} ${line()}`);
  }

  count(name: string, amount = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + amount);
  }

  mark(name: MarkName): void {
    const times = this.marks.get(name) ?? 0;
    this.marks.set(name, times + 1);
    if (times === 0) this.note(() => `for the first time: ${name}`);
  }

  violate(violation: Violation): void {
    const key = `${violation.promise} ${violation.text}`;
    if (this.#violated.has(key) || this.violations.length >= violationsMax) return;
    this.#violated.add(key);
    this.violations.push(violation);
    this.note(() => `VIOLATED ${key}`);
  }

  publication(
    client: ClientId,
    topic: string,
    qos: QoS,
    how: { readonly retain?: boolean; readonly clears?: boolean } = {},
  ): Publication {
    const publication: Publication = {
      id: this.publications.length,
      client,
      topic,
      qos,
      retain: how.retain ?? false,
      clears: how.clears ?? false,
      createdAtMs: this.nowMs,
      connections: [],
      sentAtMs: null,
      ackedAtMs: null,
      ackedBy: null,
      ackedDegraded: false,
      abandoned: false,
      refused: false,
    };
    this.publications.push(publication);
    return publication;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');
const payloadPattern = /#(\d+);/g;

export function payloadOf(publication: Publication): Uint8Array {
  return publication.clears ? new Uint8Array(0) : encoder.encode(`#${publication.id};`);
}

/** The publication that a payload names, or null for an empty one. */
export function publicationIn(payload: Uint8Array): number | null {
  if (payload.length < 3) return null;
  const number = Number(decoder.decode(payload.subarray(1, -1)));
  return Number.isSafeInteger(number) ? number : null;
}

/** All publications whose payload stands somewhere in these bytes. */
export function publicationsInside(bytes: Uint8Array): number[] {
  return [...decoder.decode(bytes).matchAll(payloadPattern)].map((match) => Number(match[1]));
}
