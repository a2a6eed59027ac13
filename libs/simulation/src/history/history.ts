import type {
  ClientId,
  ConnectionAccess,
  ConnectionId,
  MemberId,
  QoS,
  ServingState,
  Subscription,
  Will,
} from '@mqtt-cluster/contracts';
import type { MarkName } from './marks.ts';

/** One published message, from the publisher's view. Times are milliseconds of virtual time. */
export interface Publication {
  readonly id: number;
  readonly client: ClientId;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Whether the payload is empty, so that the message deletes the retained message of its topic. */
  readonly clears: boolean;
  /** Message Expiry Interval in seconds, or null. */
  readonly expirySeconds: number | null;
  readonly createdAtMs: number;
  /** All connections that the message was sent on, in order. */
  readonly connections: ConnectionId[];
  sentAtMs: number | null;
  ackedAtMs: number | null;
  ackedBy: MemberId | null;
  /** Whether the acknowledgement was a degraded acknowledgement (P1). */
  ackedDegraded: boolean;
  /** Whether an isolated member refused the message. */
  refusedAlone: boolean;
  /**
   * True if the session of a QoS 2 message ended before the handshake was complete: the client does not send
   * the message again.
   */
  abandoned: boolean;
  /** Whether the acknowledgement had the reason code Quota Exceeded. */
  refused: boolean;
}

/** One PUBLISH that a client received. */
export interface Arrival {
  readonly publication: number;
  readonly connection: ConnectionId;
  readonly atMs: number;
  readonly qos: QoS;
  readonly retained: boolean;
  readonly topic: string;
  readonly packetId: number;
  readonly dup: boolean;
  /** Remaining Message Expiry Interval in seconds, or null. */
  readonly expirySeconds: number | null;
  readonly subscriptionIdentifiers: readonly number[];
}

/** One PUBLISH of QoS 1 or 2 that a home sent to a client, whether or not it arrived. */
export interface PublicationSend {
  readonly publication: number;
  readonly connection: ConnectionId;
  readonly packetId: number;
  readonly dup: boolean;
}

export interface SubscriptionRecord {
  readonly subscription: Subscription;
  /** The connection that SUBSCRIBE and SUBACK were sent on. */
  readonly connection: ConnectionId;
  /** The time when the SUBSCRIBE was sent. */
  readonly sentAtMs: number;
  ackedAtMs: number | null;
  granted: number;
  unsubscribedAtMs: number | null;
}

/** A session from the client's view: from one CONNACK without Session Present to the next. */
export interface SessionRecord {
  readonly client: ClientId;
  readonly number: number;
  readonly persistent: boolean;
  /** Session Expiry Interval in seconds. */
  readonly expirySeconds: number;
  readonly startedAtMs: number;
  /**
   * The time when the client ended the session or could no longer determine whether it exists; null: the
   * session exists.
   */
  endedAtMs: number | null;
  readonly subscriptions: SubscriptionRecord[];
  readonly arrivals: Arrival[];
  /** Members that the client was connected to, in order. */
  readonly homes: MemberId[];
  /** The time when the last connection of the session ended; null while the client is connected. */
  leftAtMs: number | null;
  /** The time of the last CONNACK. */
  connectedAtMs: number;
}

/** A period without faults in which all members serve, in milliseconds of virtual time. */
export interface CalmPeriod {
  readonly fromMs: number;
  toMs: number;
}

export interface ConnectionRecord {
  readonly id: ConnectionId;
  readonly client: ClientId;
  readonly host: MemberId;
  readonly openedAtMs: number;
  readonly clean: boolean;
  readonly expirySeconds: number;
  readonly will: { readonly will: Will; readonly publication: number } | null;
  /** The authenticated user, or null. */
  readonly access: ConnectionAccess | null;
  connackAtMs: number | null;
  /**
   * The first time when the client made its home wait, or null: it reached its Receive Maximum, or its socket
   * was full.
   */
  firstSlowAtMs: number | null;
  /** How the connection ended, from the client's view. */
  end: 'open' | 'disconnected' | 'lost' | 'refused' | 'closedByMember';
  endReason: string;
  endedAtMs: number | null;
  /**
   * Whether the home was isolated when it sent the CONNACK. Then the cluster has not received the will yet
   * and may close the connection later.
   */
  connackIsolated: boolean;
  /**
   * Whether the home closed the connection (takeover, drain, snapshot). The client may not have detected the
   * end.
   */
  closedByHome: boolean;
  /**
   * The time when the member's process ended (killed or without power) while the connection was open, or null. After
   * a power cut the client detects the end later: when no packets have arrived for one to two seconds.
   */
  processEndedAtMs: number | null;
  /** The time when the home handled the client's DISCONNECT, or null. */
  disconnectHandledAtMs: number | null;
  /** The time when the home handled the end of the connection, or null if the home ended the connection. */
  endHandledAtMs: number | null;
  /** Session Present as the home sent it, or null without a CONNACK. */
  sessionPresent: boolean | null;
}

/** A client ended its session with DISCONNECT (Session Expiry Interval 0) and connected again. */
export interface SessionEnd {
  readonly ended: ConnectionRecord;
  readonly next: ConnectionRecord;
  readonly sessionPresent: boolean;
  /** Whether an unanswered CONNECT in between may have opened another session. */
  readonly mayBeNewer: boolean;
}

/** A broken promise, found by a check. */
export interface Violation {
  readonly promise: string;
  readonly text: string;
  readonly client?: ClientId;
  readonly publication?: number;
}

interface Disturbance {
  readonly member: MemberId;
  readonly atMs: number;
  /** The new state of the member; null: the member was stopped or paused. */
  readonly state: ServingState | null;
}

/** The optional properties of a new publication. */
export interface PublishOptions {
  readonly retain?: boolean;
  readonly clears?: boolean;
  /** Message Expiry Interval in seconds. */
  readonly expirySeconds?: number;
}

/** Maximum number of violations that one run records. */
const violationsMax = 50;

/** Record of a run for the checks. The members do not read it. */
export class History {
  readonly publications: Publication[] = [];
  readonly sessions: SessionRecord[] = [];
  readonly connections = new Map<ConnectionId, ConnectionRecord>();
  readonly violations: Violation[] = [];
  readonly counters = new Map<string, number>();
  readonly drops = new Map<string, number>();
  /** How often each mark was reached. */
  readonly marks = new Map<MarkName, number>();
  /** Messages whose only copy was on a disk that was replaced (exception of P1). */
  readonly excusedPublications = new Set<number>();
  /** Receives the trace lines; null: no lines are built. */
  trace: ((line: string) => void) | null = null;
  /**
   * Times when a member was stopped, paused or changed its state: at these times the cluster may have
   * orphaned the sessions of its clients.
   */
  readonly disturbances: Disturbance[] = [];
  readonly calmPeriods: CalmPeriod[] = [];
  /**
   * Times at which a member applied the newest entry of the cluster while the retained messages were above their bound.
   * Messages with a degraded acknowledgement are retained beyond the bound.
   */
  readonly retainedAboveBoundMs: number[] = [];
  readonly sends: PublicationSend[] = [];
  readonly sessionEnds: SessionEnd[] = [];
  /**
   * Whether a member has lost its store, and with it its clock record. After a stop of all members the time of the stop
   * may then be missing (docs/DESIGN.md, "Cluster time").
   */
  clockRecordLost = false;
  /** The time since which a member has applied the rules of `conformanceSemantics`, or null. */
  conformanceSinceMs: number | null = null;
  /** The time since which a member has applied the rules of `accessSemantics`, or null. */
  accessSinceMs: number | null = null;
  /**
   * The time since which subscriptions queue retained messages; null until all members support this queueing.
   */
  retainedQueuedSinceMs: number | null = null;
  /** The longest delay that a fault has added to a message between two members, in milliseconds. */
  peerDelayMsMax = 0;
  readonly #now: () => number;
  readonly #violated = new Set<string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get nowMs(): number {
    return this.#now();
  }

  log(line: () => string): void {
    if (this.trace !== null) this.trace(`${this.nowMs.toFixed(1).padStart(9)} ${line()}`);
  }

  count(name: string, amount = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + amount);
  }

  mark(name: MarkName): void {
    const times = this.marks.get(name) ?? 0;
    this.marks.set(name, times + 1);
    if (times === 0) this.log(() => `first mark ${name}`);
  }

  /** Records that the client of this connection makes its home wait. */
  recordSlowClient(id: ConnectionId): void {
    const connection = this.connections.get(id);
    if (connection !== undefined) connection.firstSlowAtMs ??= this.nowMs;
  }

  reportViolation(violation: Violation): void {
    const key = `${violation.promise} ${violation.text}`;
    if (this.#violated.has(key) || this.violations.length >= violationsMax) return;
    this.#violated.add(key);
    this.violations.push(violation);
    this.log(() => `VIOLATED ${key}`);
  }

  /** Records a new publication. */
  publication(client: ClientId, topic: string, qos: QoS, how: PublishOptions = {}): Publication {
    const publication: Publication = {
      id: this.publications.length,
      client,
      topic,
      qos,
      retain: how.retain ?? false,
      clears: how.clears ?? false,
      expirySeconds: how.expirySeconds ?? null,
      createdAtMs: this.nowMs,
      connections: [],
      sentAtMs: null,
      ackedAtMs: null,
      ackedBy: null,
      ackedDegraded: false,
      refusedAlone: false,
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
/** Code of the digit 0. */
const zero = 0x30;

export function payloadOf(publication: Publication): Uint8Array {
  return publication.clears ? new Uint8Array(0) : encoder.encode(`#${publication.id};`);
}

/** Returns the publication id in a payload, or null for an empty payload. */
export function publicationIdIn(payload: Uint8Array): number | null {
  if (payload.length < 3) return null;
  const number = digitsIn(payload) ?? Number(decoder.decode(payload.subarray(1, -1)));
  return Number.isSafeInteger(number) ? number : null;
}

/** Returns the number in a payload of {@link payloadOf}, or null for other content. */
function digitsIn(payload: Uint8Array): number | null {
  let number = 0;
  for (let place = 1; place < payload.length - 1; place += 1) {
    const digit = (payload[place] as number) - zero;
    if (digit < 0 || digit > 9) return null;
    number = number * 10 + digit;
  }
  return number;
}

/** Returns the ids of all publications whose payload is contained in these bytes. */
export function publicationIdsIn(bytes: Uint8Array): number[] {
  return [...decoder.decode(bytes).matchAll(payloadPattern)].map((match) => Number(match[1]));
}
