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

/** Packet ids below this are the home's own; from here on they are part of the replicated state (QoS 2). */
export const replicatedPacketIdMin = 32_768;
const ownPacketIdMax = replicatedPacketIdMin - 1;
/** Prime to the number of own ids, so that consecutive epochs start far apart. */
const packetIdStride = 7_919;

/** Something on its way to a client, until acknowledged. */
export interface Flight {
  readonly qos: QoS;
  /** The item of the session's queue; null for what only this home knows (clean sessions, retained, early). */
  itemNumber: number | null;
  /** QoS 2 known only to this home: PUBREC has come. */
  received: boolean;
  /** Delivered without a majority: which publish it was. */
  readonly early?: string;
}

export interface LocalItem {
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
  readonly early?: string;
}

/** One client connection at its home. Fields change by the parts of the home; none outlives the connection. */
export class Connection {
  readonly id: ConnectionId;
  readonly connectedAtMs: number;
  /** Its name in the router. */
  readonly key: string;
  readonly client: ClientId;
  /** Its session began and ends with it: subscriptions and queue live only here. Final once open. */
  clean: boolean;
  readonly request: ConnectRequest;
  readonly window: number;
  readonly receiveMaximum: number;
  /** `opening`: the cluster has not answered; `gone`: the client has left, or was told to. */
  phase: 'opening' | 'open' | 'gone' = 'opening';
  /** 0 while it has none: opening, or connected without a majority. */
  epoch: Epoch = 0;
  writable = true;
  /** It has, or had, a shared subscription: the log knows its queue. */
  shares = false;
  /** How the client left while it was still opening. */
  left: { graceful: boolean; sessionExpirySeconds?: number } | null = null;
  /** The cluster gave its home up once, and published its will: there is none left (P6). */
  willFired = false;
  /** Since when it is asked to leave: nothing more is taken from it, and it goes once what it sent is answered. */
  drainingSinceMs: number | null = null;
  /** What must wait for the epoch. */
  readonly deferred: (() => void)[] = [];

  readonly subscriptions = new Map<string, Subscription>();
  readonly inFlight = new Map<number, Flight>();
  /** Messages that only this home knows. */
  readonly local = new Fifo<LocalItem>();
  /** Persistent: the first queue item not yet looked at. */
  cursor = 0;
  /** Persistent: items below it may have been sent by an earlier home. */
  resumedBelow = 0;
  /** Persistent: delivered early and acknowledged by the client, but not yet in its queue. */
  readonly earlyAcked = new Set<string>();
  readonly earlyInFlight = new Map<string, number>();
  /** Persistent: something without a majority came while it was behind, so all that follows comes by its queue. */
  earlySkipped = false;

  /** Scratch of the router: the matches of the message in hand. */
  matchRound = 0;
  matchQoS: QoS = 0;
  matchRetainAsPublished = false;
  matchIdentifiers: number[] | undefined = undefined;

  #nextPacketId = 1;

  /** @param nowMs when its CONNECT came. */
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
   * A client may still owe PUBCOMP for an id of its former home: a new message under that id would pass for a repeat. So each
   * opening starts elsewhere.
   */
  startPacketIds(epoch: Epoch): void {
    this.#nextPacketId = ((epoch * packetIdStride) % ownPacketIdMax) + 1;
  }

  /** A free packet id of the home's half. There always is one: the window is far smaller. */
  allocatePacketId(): number {
    for (;;) {
      const packetId = this.#nextPacketId;
      this.#nextPacketId = packetId === ownPacketIdMax ? 1 : packetId + 1;
      if (!this.inFlight.has(packetId)) return packetId;
    }
  }
}
