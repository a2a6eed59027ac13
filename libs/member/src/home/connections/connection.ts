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
 * The home allocates the packet ids below this value. Packet ids from this value on are part of the
 * replicated state (QoS 2).
 */
export const replicatedPacketIdMin = 32_768;
const ownPacketIdMax = replicatedPacketIdMin - 1;
/**
 * Distance between the first packet ids of consecutive epochs. Coprime to the number of the home's packet
 * ids, so that the epochs start at different ids.
 */
const packetIdStride = 7_919;

/** A message that was sent to a client and is not acknowledged yet. */
export interface InFlightMessage {
  readonly qos: QoS;
  /**
   * Number of the message's item in the session's replicated queue. Null for a message of the local queue
   * (messages of clean sessions, retained messages, early deliveries).
   */
  itemNumber: number | null;
  /** QoS 2: PUBREC is received and, for a replicated item, applied. */
  received: boolean;
  /** Key of an early delivery; see `earlyKey`. */
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
  /** The key of this connection in the router. */
  readonly key: string;
  readonly client: ClientId;
  /**
   * True for a clean session: it ends with the connection, so its subscriptions and queue exist only at this
   * home. The value no longer changes when the phase is `open`.
   */
  clean: boolean;
  readonly request: ConnectRequest;
  readonly window: number;
  readonly receiveMaximum: number;
  /**
   * `opening`: the cluster has not answered yet. `gone`: the client or the server has closed the connection.
   */
  phase: 'opening' | 'open' | 'gone' = 'opening';
  /**
   * The epoch of the connection. 0 while the connection is opening, or when the client connected to an
   * isolated member.
   */
  epoch: Epoch = 0;
  writable = true;
  /** True when the session has, or had, a shared subscription, so that the session has a replicated queue. */
  shares = false;
  /** How the client disconnected while the connection was opening. */
  left: { graceful: boolean; sessionExpirySeconds?: number } | null = null;
  /**
   * True when the cluster has declared this home lost and has published the will. The home must not publish
   * the will again (P6).
   */
  willFired = false;
  /**
   * When the connection began to drain, ms. The home ignores new packets of a draining connection and closes
   * the connection when its publishes are answered.
   */
  drainingSinceMs: number | null = null;
  /** Inputs of the client that wait until the connection has its epoch. */
  readonly deferred: (() => void)[] = [];

  readonly subscriptions = new Map<string, Subscription>();
  readonly inFlight = new Map<number, InFlightMessage>();
  /** The local queue: messages that exist only at this home. */
  readonly local = new Fifo<LocalItem>();
  /** Number of the first item of the replicated queue that `Delivery` has not read. */
  cursor = 0;
  /** An earlier home may have sent the items of the replicated queue below this number. */
  resumedBelow = 0;
  /**
   * Keys of early deliveries that the client has acknowledged and whose items are not yet in the replicated
   * queue.
   */
  readonly earlyAcked = new Set<string>();
  readonly earlyInFlight = new Map<string, number>();
  /**
   * True when an early delivery was skipped because older items were waiting. All later messages then come
   * through the replicated queue.
   */
  earlySkipped = false;

  /**
   * Temporary fields in which the router stores how the connection's subscriptions match the current message.
   */
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
   * Chooses the first packet id of an epoch. A client that has not yet sent PUBCOMP for a packet id of its
   * former home would treat a new message with that packet id as a repeat. So each epoch starts at another
   * packet id.
   */
  startPacketIds(epoch: Epoch): void {
    this.#nextPacketId = ((epoch * packetIdStride) % ownPacketIdMax) + 1;
  }

  /**
   * Returns a free packet id below `replicatedPacketIdMin`. The home allocates these packet ids. A packet id
   * is always free, because the window is far smaller than this range.
   */
  allocatePacketId(): number {
    for (;;) {
      const packetId = this.#nextPacketId;
      this.#nextPacketId = packetId === ownPacketIdMax ? 1 : packetId + 1;
      if (!this.inFlight.has(packetId)) return packetId;
    }
  }
}
