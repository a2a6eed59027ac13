import type {
  ClientId,
  ConnectionId,
  ConnectRequest,
  Epoch,
  Message,
  QoS,
  Subscription,
} from '@mqtt-cluster/contracts';
import { Fifo } from '../delivery/fifo.ts';

/**
 * The home allocates packet ids below this one. From here on they are part of the replicated state (QoS 2).
 */
export const replicatedPacketIdMin = 32_768;
const ownPacketIdMax = replicatedPacketIdMin - 1;
/** Coprime to the number of the home's ids, so that consecutive epochs start far apart. */
const packetIdStride = 7_919;

/** An unacknowledged message towards a client. */
export interface Flight {
  readonly qos: QoS;
  /**
   * Number of the item in the session's replicated queue. Null for messages of the local queue (clean
   * sessions, retained, early).
   */
  itemNumber: number | null;
  /** QoS 2: PUBREC is received and, for a replicated item, applied. */
  received: boolean;
  /** Key of an early delivery: identifies the publish. */
  readonly early?: string;
}

export interface LocalItem {
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
  readonly early?: string;
}

/** One client connection at its home. The parts of the home change its fields. */
export class Connection {
  readonly id: ConnectionId;
  readonly connectedAtMs: number;
  /** Its key in the router. */
  readonly key: string;
  readonly client: ClientId;
  /**
   * The session ends with the connection, so its subscriptions and queue exist only here. Final once the
   * phase is `open`.
   */
  clean: boolean;
  readonly request: ConnectRequest;
  readonly window: number;
  readonly receiveMaximum: number;
  /**
   * `opening`: the cluster has not answered yet. `gone`: the client or the server has closed the connection.
   */
  phase: 'opening' | 'open' | 'gone' = 'opening';
  /** 0 without an epoch: while opening, or when connected without a majority. */
  epoch: Epoch = 0;
  writable = true;
  /** True when it has, or had, a shared subscription, so that a replicated queue exists. */
  shares = false;
  /** How the client disconnected while the connection was opening. */
  left: { graceful: boolean; sessionExpirySeconds?: number } | null = null;
  /** The cluster has declared this home lost and published the will, so the connection has none left (P6). */
  willFired = false;
  /**
   * When it began to drain: new packets are ignored, and the connection is closed once its publishes are
   * answered.
   */
  drainingSinceMs: number | null = null;
  /** Inputs that wait for the epoch. */
  readonly deferred: (() => void)[] = [];

  readonly subscriptions = new Map<string, Subscription>();
  readonly inFlight = new Map<number, Flight>();
  /** The local queue: messages that exist only at this home. */
  readonly local = new Fifo<LocalItem>();
  /** Replicated queue: the first item that the pump has not read. */
  cursor = 0;
  /** Replicated queue: an earlier home may have sent the items below this number. */
  resumedBelow = 0;
  /**
   * Keys of early deliveries that the client has acknowledged and whose items are not yet in the replicated
   * queue.
   */
  readonly earlyAcked = new Set<string>();
  readonly earlyInFlight = new Map<string, number>();
  /**
   * An early delivery was skipped because older items were waiting. All later messages come through the
   * replicated queue.
   */
  earlySkipped = false;

  /** Scratch fields of the router: the matches of the current message. */
  matchRound = 0;
  matchQoS: QoS = 0;
  matchRetainAsPublished = false;
  matchIdentifiers: number[] | undefined = undefined;

  #nextPacketId = 1;

  /** @param nowMs when CONNECT arrived */
  constructor(id: ConnectionId, request: ConnectRequest, inFlightMax: number, nowMs: number) {
    this.id = id;
    this.connectedAtMs = nowMs;
    this.key = String(id);
    this.request = request;
    this.client = request.client;
    this.clean = request.sessionExpirySeconds === 0;
    this.receiveMaximum = Math.max(1, Math.min(request.receiveMaximum, inFlightMax));
    this.window = this.receiveMaximum;
  }

  get hasRoom(): boolean {
    return this.inFlight.size < this.window && this.writable;
  }

  /**
   * Chooses the first packet id of an epoch. A client may still owe PUBCOMP for an id of its former home, and
   * would take a new message with that id for a repeat. So each epoch starts at another id.
   */
  startPacketIds(epoch: Epoch): void {
    this.#nextPacketId = ((epoch * packetIdStride) % ownPacketIdMax) + 1;
  }

  /** Returns a free packet id of the home's half. One is always free, because the window is far smaller. */
  allocatePacketId(): number {
    for (;;) {
      const packetId = this.#nextPacketId;
      this.#nextPacketId = packetId === ownPacketIdMax ? 1 : packetId + 1;
      if (!this.inFlight.has(packetId)) return packetId;
    }
  }
}
