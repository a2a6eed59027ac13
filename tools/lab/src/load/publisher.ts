import type { Packet } from 'mqtt-packet';
import type { Server } from './connection.ts';
import type { QoS, SentMessage, Stream } from './history.ts';
import { RoamingClient } from './roaming-client.ts';

const inFlightMax = 50;
const packetIdMax = 65_535;

export interface Content {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export interface PublisherOptions {
  readonly id: string;
  readonly qos: QoS;
  readonly servers: readonly Server[];
  readonly random: () => number;
  /** The message of a number, from 1; asked once. */
  readonly content: (number: number) => Content;
  readonly onSessionLost: (sentence: string) => void;
  /** False: the stream's `messages` stay empty, for a load without end. */
  readonly keep?: boolean;
  readonly onSent?: (number: number) => void;
  readonly onAcked?: (number: number) => void;
}

interface InFlight {
  readonly message: SentMessage;
  readonly content: Content;
  released: boolean;
}

/** Waits for the first ack that counts after a fault. */
interface GapWatch {
  readonly faultAtMs: number;
  /** Acks on this connection or earlier ones don't count: they may have been on their way. Null: any connection. */
  readonly afterConnection: number | null;
  readonly found: (gapMs: number) => void;
}

/** Publishes numbered messages in a persistent session and sends unacked ones again, in order [MQTT-4.4.0-1]. */
export class Publisher {
  readonly stream: Stream;
  readonly #options: PublisherOptions;
  readonly #client: RoamingClient;
  /** In the order of their first sending. */
  readonly #inFlight = new Map<number, InFlight>();
  #watches: GapWatch[] = [];
  #lastPacketId = 0;
  #lastNumber = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { id, qos, servers, random } = options;
    this.#client = new RoamingClient(
      { clientId: id, clean: false, servers, random },
      {
        onUp: (connection, sessionPresent) => this.#resume(connection, sessionPresent),
        onPacket: (packet) => this.#take(packet),
        onDown: () => undefined,
      },
    );
    this.stream = { id, qos, messages: [], stays: this.#client.stays };
  }

  get up(): boolean {
    return this.#client.up;
  }

  get home(): string | null {
    return this.#client.home;
  }

  /** Nothing is waiting for an answer. */
  get idle(): boolean {
    return this.#inFlight.size === 0;
  }

  start(): void {
    this.#client.start();
  }

  end(): void {
    this.#client.end(true);
  }

  /** One message more, unless there is no connection or the window is full. */
  publish(): void {
    const { qos, content, keep = true, onSent } = this.#options;
    if (!this.#client.up || this.#inFlight.size >= inFlightMax) return;
    const number = ++this.#lastNumber;
    const message: SentMessage = {
      number,
      sentAtMs: performance.now(),
      firstConnection: this.#client.number,
      ackedAtMs: null,
      ackConnection: null,
    };
    if (keep) this.stream.messages.push(message);
    const next: InFlight = { message, content: content(number), released: false };
    const packetId = qos === 0 ? 0 : this.#freePacketId();
    if (qos !== 0) this.#inFlight.set(packetId, next);
    onSent?.(number);
    this.#send(packetId, next, false);
  }

  /** Measures one gap; see `Gaps`. */
  watch(faultAtMs: number, homeKilled: boolean, found: (gapMs: number) => void): void {
    this.#watches.push({ faultAtMs, afterConnection: homeKilled ? this.#client.number : null, found });
  }

  /** Gaps that have not ended. */
  get openWatches(): number {
    return this.#watches.length;
  }

  #freePacketId(): number {
    do this.#lastPacketId = (this.#lastPacketId % packetIdMax) + 1;
    while (this.#inFlight.has(this.#lastPacketId));
    return this.#lastPacketId;
  }

  #send(packetId: number, { content }: InFlight, dup: boolean): void {
    const { qos } = this.#options;
    this.#client.send({
      cmd: 'publish',
      qos,
      dup,
      ...content,
      ...(qos === 0 ? {} : { messageId: packetId }),
    });
  }

  #resume(connection: number, sessionPresent: boolean): void {
    if (connection > 1 && !sessionPresent) {
      this.#options.onSessionLost(`${this.#options.id} was told on ${this.home} that it has no session`);
    }
    for (const [packetId, waiting] of this.#inFlight) {
      if (waiting.released) this.#client.send({ cmd: 'pubrel', messageId: packetId });
      else this.#send(packetId, waiting, true);
    }
  }

  #take(packet: Packet): void {
    const packetId = packet.messageId ?? 0;
    const waiting = this.#inFlight.get(packetId);
    if (packet.cmd === 'pubrec') this.#client.send({ cmd: 'pubrel', messageId: packetId });
    if (waiting === undefined) return;
    if (packet.cmd === 'puback' || packet.cmd === 'pubrec') this.#acked(waiting);
    if (packet.cmd === 'pubrec') waiting.released = true;
    if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') this.#inFlight.delete(packetId);
  }

  #acked({ message, released }: InFlight): void {
    if (released || message.ackedAtMs !== null) return;
    const nowMs = performance.now();
    message.ackedAtMs = nowMs;
    message.ackConnection = this.#client.number;
    this.#options.onAcked?.(message.number);
    this.#watches = this.#watches.filter(({ faultAtMs, afterConnection, found }) => {
      const counts =
        afterConnection === null ? message.sentAtMs > faultAtMs : this.#client.number > afterConnection;
      if (counts) found(nowMs - faultAtMs);
      return !counts;
    });
  }
}
