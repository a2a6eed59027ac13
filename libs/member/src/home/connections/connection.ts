import type {
  ClientId,
  ClientInput,
  ConnectionId,
  ConnectRequest,
  Epoch,
  Message,
  QoS,
  Subscription,
} from '@mqtt-cluster/contracts';
import { Fifo } from '../delivery/fifo.ts';
import type { RetainedStream } from '../delivery/retained-stream.ts';

/**
 * Packet ids from this value on are part of the replicated state (QoS 2).
 */
export const replicatedPacketIdMin = 32_768;
/** QoS 1 items of the replicated queue have packet ids from 1 to this value. */
const numberedPacketIdMax = 16_384;
/** The home allocates the packet ids from here up to `replicatedPacketIdMin` for its own messages. */
const ownPacketIdMin = numberedPacketIdMax + 1;
const ownPacketIdCount = replicatedPacketIdMin - ownPacketIdMin;
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
  /** Bytes of memory while the item waits in the local queue. */
  bytes?: number;
}

/** A packet that a client sends after CONNECT and that the home handles in order. */
export type ClientPacket = Extract<ClientInput, { kind: 'subscribe' | 'unsubscribe' | 'publish' | 'pubrel' }>;

/** Packets that wait for earlier publishes of their connection, in order. */
export interface WaitingInputs {
  readonly packets: ClientPacket[];
  /** Size of the payloads. */
  bytes: number;
}

interface RefusedPublish {
  readonly packetId: number;
  /** The PUBACK follows the answer to the QoS 1 publish of the connection with this number. */
  readonly after: number;
}

/** A packet of the client that waits until the cluster has opened the session. */
export interface DeferredPacket {
  readonly act: () => void;
  /** The QoS of a PUBLISH. */
  readonly qos?: QoS;
  /** Size of the packet's payload or filters. */
  readonly bytes?: number;
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
  /** Packets of the client that wait until the connection has its epoch. */
  readonly deferred: DeferredPacket[] = [];
  /** Size of the deferred packets. */
  deferredBytes = 0;
  /** Publishes of this connection that are proposed and not applied. */
  unappliedPublishes = 0;
  /** Number of the last QoS 1 publish of this connection that is proposed, counted from 1. */
  lastPublish = 0;
  /** Number of the last QoS 1 publish of this connection that is applied or has a degraded acknowledgement. */
  answeredPublish = 0;
  /** Those of the unapplied publishes that set a small retained message, or that clear one. */
  unappliedSmallRetained = 0;
  /** UNSUBSCRIBE packets of this connection that are proposed and not applied. */
  unappliedUnsubscribes = 0;
  /** QoS 1 publishes that this home has refused, and that wait for the answers to the earlier ones [MQTT-4.6.0-2]. */
  readonly refusedPublishes = new Fifo<RefusedPublish>();
  /** SUBSCRIBE or UNSUBSCRIBE that waits for earlier publishes, and the packets after it. */
  waitingInputs: WaitingInputs | null = null;

  readonly subscriptions = new Map<string, Subscription>();
  /** Bytes of memory of the subscriptions. */
  subscriptionBytes = 0;
  readonly inFlight = new Map<number, InFlightMessage>();
  /** The local queue: messages that exist only at this home. */
  readonly local = new Fifo<LocalItem>();
  /** Bytes of memory of the local queue. */
  localBytes = 0;
  /** Subscriptions whose retained messages this home still sends, in the order of their SUBSCRIBE. */
  retained: RetainedStream[] = [];
  /** Number of the messages of this connection that the home has dropped. */
  dropped = 0;
  /** Number of the first item of the replicated queue that `Delivery` has neither sent nor dropped, or a lower number. */
  cursor = 0;
  /**
   * Number of the last QoS 2 item of the replicated queue that expired before it was sent. 0 when the cluster
   * has removed all of them.
   */
  expiredItem = 0;
  /**
   * True when the home has reported the final value of `cursor`. From then on it sends no item of the
   * replicated queue.
   */
  reported = false;
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

  #nextPacketId = ownPacketIdMin;

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
    this.#nextPacketId = ownPacketIdMin + ((epoch * packetIdStride) % ownPacketIdCount);
  }

  /** Handles the packets that waited for the epoch, in order. */
  runDeferred(): void {
    this.deferredBytes = 0;
    for (const { act } of this.deferred.splice(0)) act();
  }

  /**
   * Returns a free packet id of the home's own range. A packet id is always free, because the window is far
   * smaller than this range.
   */
  allocatePacketId(): number {
    for (;;) {
      const packetId = this.#nextPacketId;
      this.#nextPacketId = packetId + 1 === replicatedPacketIdMin ? ownPacketIdMin : packetId + 1;
      if (!this.inFlight.has(packetId)) return packetId;
    }
  }
}

/**
 * Returns the packet id of a QoS 1 item of the replicated queue. It depends only on the number of the item,
 * so each home sends the item with the same packet id [MQTT-4.4.0-1].
 */
export function numberedPacketId(itemNumber: number): number {
  return 1 + (itemNumber % numberedPacketIdMax);
}
