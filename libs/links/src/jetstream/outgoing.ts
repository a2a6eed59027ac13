import type { ClientInput, DeliverEffect, LinkDefinition } from '@mqtt-cluster/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';
import { backOffMs, refusalsMax } from '../link/back-off.ts';
import type { After } from '../link/back-off.ts';
import { MessageLifetime } from '../link/message-lifetime.ts';
import { shownTopic } from '../topics/topic-names.ts';
import type { LinkCounters } from '../types.ts';
import { setExpiry } from './headers.ts';
import { ItemNumbers, replicatedPacketIdMin } from './item-numbers.ts';
import type { NumberMark } from './item-numbers.ts';
import { digestOf, OutgoingMessages } from './outgoing-messages.ts';
import type { StreamMessage } from './outgoing-messages.ts';

/** Time until the link asks again whether it may write the mark that an item waits for, ms. */
const markRetryMs = 250;

/**
 * Why the stream did not acknowledge a message. `final`: it will never accept it. `temporary`: it may accept it later.
 * `connection`: nothing is known about it, so the connection ends and the next one sends it again.
 */
export interface StreamRefusal {
  readonly kind: 'final' | 'temporary' | 'connection';
  readonly isTooLarge?: boolean;
  /** One sentence. */
  readonly text: string;
}

/** The stream, as far as the outgoing direction needs it. */
export interface StreamWriter {
  /** The largest message with its headers, bytes. */
  readonly messageBytesMax: number;
  /** Resolves when the stream has stored the message, or had stored it before. Resolves to the reason if it has not. */
  store(message: StreamMessage, headers: MsgHdrs, id: string): Promise<StreamRefusal | null>;
  /** Sends a message without waiting. @returns false if too much waits to be sent */
  send(message: StreamMessage): boolean;
}

export interface OutgoingOptions {
  readonly definition: LinkDefinition;
  /** The mark of this link in the messages that pass it. */
  readonly mark: string;
  /** Client id whose messages the link has read from the stream. */
  readonly echoOf: string;
  readonly counters: LinkCounters;
  /** Passes an acknowledgement of the stream to the session of the cluster. */
  readonly acknowledge: (input: ClientInput) => void;
  /** Writes a mark into the replicated state in place of the former one, and calls back when it is applied. */
  readonly writeMark: (mark: NumberMark, former: NumberMark | null, onMarked: () => void) => void;
  /** Random name of the session, if the replicated state has none yet. */
  readonly newStart: string;
  readonly onFault: (text: string) => void;
  /** The connection must end. */
  readonly onConnectionFault: (text: string) => void;
  /** This process has a message that is not in the replicated state: the link must open its session again. */
  readonly onUnnumbered: () => void;
  readonly now: () => number;
  readonly after: After;
}

/** One message that the stream has not acknowledged. */
interface Pending {
  readonly packetId: number;
  /** Null for a QoS 2 exchange with the cluster, which a link of the kind `mqtt` has left. */
  readonly number: number | null;
  readonly message: StreamMessage;
  readonly digest: string;
  readonly sinceMs: number;
  readonly lifetime: MessageLifetime;
  /** `paused`: the stream has refused it for a reason that may pass. */
  phase: 'waiting' | 'sent' | 'paused';
  refusals: number;
}

/**
 * Sends the messages of the link's session to a stream. Each message has an id that depends on the replicated state only,
 * so the server drops it if another member or a former connection has stored it before. A message waits for the one before
 * it on the same topic, so that no failure changes the order of a topic.
 */
export class JetstreamOutgoing {
  /** Random name of the link's session. */
  readonly start: string;
  readonly #options: OutgoingOptions;
  readonly #messages: OutgoingMessages;
  readonly #numbers: ItemNumbers;
  /** By packet id, in the order in which the cluster delivered the messages. */
  readonly #pending = new Map<number, Pending>();
  #writer: StreamWriter | null = null;
  #isMarking = false;
  #isWaitingForMark = false;

  /** @param marks those in the replicated state when the session was opened */
  constructor(options: OutgoingOptions, marks: readonly NumberMark[]) {
    this.#options = options;
    this.#numbers = new ItemNumbers(marks);
    this.start = this.#numbers.mark?.start ?? options.newStart;
    this.#messages = new OutgoingMessages(options.definition, options.mark, options.echoOf, this.start);
  }

  /** Time since the cluster delivered the oldest message without an acknowledgement, ms. */
  get lagMs(): number {
    for (const { sinceMs } of this.#pending.values()) return this.#options.now() - sinceMs;
    return 0;
  }

  // ---- the cluster ----

  onDeliver(effect: DeliverEffect): void {
    const { counters, onFault, onUnnumbered, now } = this.#options;
    const isExchange = effect.packetId >= replicatedPacketIdMin;
    if (effect.qos > 0 && !isExchange && !ItemNumbers.isNumbered(effect)) return onUnnumbered();
    const number = effect.qos === 0 || isExchange ? null : this.#numbers.next(effect);
    const mapped = this.#messages.map(effect);
    const { message } = mapped;
    if (message === null) {
      if (mapped.fault !== undefined) onFault(mapped.fault);
      if (mapped.reason !== null) counters.dropped[mapped.reason]++;
      return this.#acknowledge(effect.packetId, number);
    }
    if (effect.qos === 0 || message.qos === 0) {
      this.#sendUnacknowledged(message);
      return this.#acknowledge(effect.packetId, number);
    }
    this.#pending.set(effect.packetId, {
      packetId: effect.packetId,
      number,
      message,
      digest: digestOf(effect),
      sinceMs: now(),
      lifetime: new MessageLifetime(effect, now()),
      phase: 'waiting',
      refusals: 0,
    });
    this.#pump();
  }

  /** The cluster has the PUBREC of an exchange of QoS 2. */
  onPubrel(packetId: number): void {
    this.#options.acknowledge({ kind: 'pubcomp', packetId });
  }

  // ---- the stream ----

  onConnected(writer: StreamWriter): void {
    this.#writer = writer;
    this.#pump();
  }

  /** The next connection sends the unacknowledged messages again, with the same ids. */
  onDisconnected(): void {
    this.#writer = null;
    for (const pending of this.#pending.values()) if (pending.phase === 'sent') pending.phase = 'waiting';
  }

  #pump(): void {
    this.#markAhead();
    const { inFlightMax } = this.#options.definition;
    /** Subjects with a message that must be stored before the others. */
    const blocked = new Set<string>();
    let inFlight = 0;
    for (const { phase } of this.#pending.values()) if (phase === 'sent') inFlight++;
    for (const pending of [...this.#pending.values()]) {
      if (this.#writer === null || inFlight >= inFlightMax) return;
      const { subject } = pending.message;
      const isReady = pending.phase === 'waiting' && !blocked.has(subject) && this.#maySend(pending);
      blocked.add(subject);
      if (!isReady) continue;
      if (this.#store(pending, this.#writer)) inFlight++;
      else blocked.delete(subject);
    }
  }

  #maySend({ number }: Pending): boolean {
    return number === null || this.#numbers.maySend(number);
  }

  /** Writes the mark of the next numbers before they are needed. */
  #markAhead(): void {
    const { now, after, writeMark } = this.#options;
    if (this.#isMarking) return;
    const quarter = this.#numbers.quarterToMark(now());
    if (quarter === null) {
      if (!this.#numbers.isHeld || this.#isWaitingForMark) return;
      this.#isWaitingForMark = true;
      after(markRetryMs, () => {
        this.#isWaitingForMark = false;
        this.#pump();
      });
      return;
    }
    this.#isMarking = true;
    const former = this.#numbers.mark;
    const mark = { start: this.start, quarter };
    writeMark(mark, former, () => {
      this.#isMarking = false;
      this.#numbers.onMarked(mark);
      this.#pump();
    });
  }

  /** @returns false if the message was dropped */
  #store(pending: Pending, writer: StreamWriter): boolean {
    const { packetId, message, digest, number, lifetime } = pending;
    const seconds = lifetime.remainingSeconds(this.#options.now());
    if (seconds === 0) {
      this.#options.counters.dropped.expired++;
      this.#finish(pending);
      return false;
    }
    if (seconds !== null) setExpiry(message.headers, seconds);
    const fault = faultOf(message, writer);
    if (fault !== null) {
      this.#drop(pending, 'too_large', fault);
      return false;
    }
    pending.phase = 'sent';
    const id = `${this.#options.mark}/${this.start}/${number ?? `q${packetId}`}/${digest}`;
    void writer.store(message, message.headers, id).then((refusal) => {
      // Another connection may have sent the message again.
      if (this.#writer !== writer || this.#pending.get(packetId) !== pending) return;
      if (refusal === null) this.#onStored(pending);
      else this.#onRefused(pending, refusal);
      this.#pump();
    });
    return true;
  }

  #onStored(pending: Pending): void {
    this.#options.counters.sent[pending.message.qos]++;
    this.#finish(pending);
  }

  #onRefused(pending: Pending, { kind, text, isTooLarge = false }: StreamRefusal): void {
    const { onFault, onConnectionFault, after } = this.#options;
    if (kind === 'connection') return onConnectionFault(text);
    const topic = shownTopic(pending.message.topic);
    if (kind === 'final' || ++pending.refusals >= refusalsMax)
      return this.#drop(
        pending,
        isTooLarge ? 'too_large' : 'refused',
        `message on ${topic} dropped: the stream refused it: ${text}`,
      );
    onFault(`message on ${topic} is sent again later: the stream refused it: ${text}`);
    pending.phase = 'paused';
    after(backOffMs(pending.refusals), () => {
      if (pending.phase === 'paused') pending.phase = 'waiting';
      this.#pump();
    });
  }

  #sendUnacknowledged(message: StreamMessage): void {
    const { counters } = this.#options;
    const writer = this.#writer;
    if (writer === null) counters.dropped.offline++;
    else if (faultOf(message, writer) !== null) counters.dropped.too_large++;
    else if (writer.send(message)) counters.sent[0]++;
    else counters.dropped.slow++;
  }

  #drop(pending: Pending, reason: 'too_large' | 'refused', text: string): void {
    this.#options.counters.dropped[reason]++;
    this.#options.onFault(text);
    this.#finish(pending);
  }

  #finish({ packetId, number }: Pending): void {
    this.#pending.delete(packetId);
    this.#acknowledge(packetId, number);
  }

  /** @param number null for QoS 0, which has no packet id, and for QoS 2 */
  #acknowledge(packetId: number, number: number | null): void {
    const { acknowledge, now } = this.#options;
    if (packetId === 0) return;
    if (number !== null) this.#numbers.onAcknowledged(number, now());
    acknowledge({ kind: number === null ? 'pubrec' : 'puback', packetId });
  }
}

/** Returns why the server does not accept the message, or null. */
function faultOf(
  { topic, payload, headers }: StreamMessage,
  { messageBytesMax }: StreamWriter,
): string | null {
  const bytes = payload.length + headerBytes(headers);
  if (bytes <= messageBytesMax) return null;
  return `message on ${shownTopic(topic)} dropped: it has ${bytes} bytes with its headers, and the server accepts ${messageBytesMax}`;
}

/** Bytes of the id of a message, of the name of its stream, and around the headers. */
const otherHeaderBytes = 512;

function headerBytes(found: MsgHdrs): number {
  let bytes = otherHeaderBytes;
  for (const [name, values] of found)
    for (const value of values) bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 4;
  return bytes;
}
