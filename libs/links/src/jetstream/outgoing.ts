import type { DeliverEffect } from '@mqtt-cluster/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';
import { backOffMs, refusalsMax } from '../link/back-off.ts';
import { MessageLifetime } from '../link/message-lifetime.ts';
import { shownTopic } from '../topics/topic-names.ts';
import type { MessageId, Verdict } from './comparison.ts';
import { setExpiry } from './headers.ts';
import { ItemNumbers, replicatedPacketIdMin } from './item-numbers.ts';
import type { NumberMark } from './item-numbers.ts';
import { digestOf, OutgoingMessages } from './outgoing-messages.ts';
import type { StreamMessage } from './outgoing-messages.ts';
import type { OutgoingOptions, Pending, StreamRefusal, StreamWriter } from './outgoing-types.ts';

/** Time until the link asks again whether it may write the mark that an item waits for, ms. */
const markRetryMs = 250;
/** Time in which a message reaches the stream, or the connection ends, ms. */
const travelMsMax = 10_000;

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
  /**
   * What the stream knew about the repetitions of a subject before the link sent one of them. Empty when the session has
   * delivered all repetitions: they are the first messages of its queue.
   */
  readonly #verdicts = new Map<string, Verdict>();
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
    const { counters, aside, onFault, onUnnumbered, now } = this.#options;
    const isExchange = effect.packetId >= replicatedPacketIdMin;
    if (effect.qos > 0 && !isExchange && !ItemNumbers.isNumbered(effect)) return onUnnumbered();
    const number = effect.qos === 0 || isExchange ? null : this.#numbers.next(effect);
    const mapped = this.#messages.map(effect);
    const { message } = mapped;
    if (message === null) {
      if (mapped.reason !== null) counters.dropped[mapped.reason]++;
      const acknowledge = (): void => this.#acknowledge(effect.packetId, number);
      if (mapped.fault === undefined) return acknowledge();
      onFault(mapped.fault);
      if (!aside.keeps(effect.qos)) return acknowledge();
      return aside.keep(effect.message, effect.expirySeconds ?? null, mapped.fault, acknowledge);
    }
    if (effect.qos === 0 || message.qos === 0) {
      this.#sendUnacknowledged(message);
      return this.#acknowledge(effect.packetId, number);
    }
    if (!effect.dup) this.#verdicts.clear();
    const verdict = this.#verdicts.get(message.subject);
    this.#pending.set(effect.packetId, {
      packetId: effect.packetId,
      number,
      message,
      delivered: { message: effect.message, qos: effect.qos },
      id: this.#idOf(effect, number),
      sinceMs: now(),
      lifetime: new MessageLifetime(effect, now()),
      phase: 'waiting',
      refusals: 0,
      sentSinceMs: effect.dup && verdict === undefined ? this.#options.queuedSinceMs : null,
      isUndecided: verdict === 'undecided',
    });
    this.#pump();
  }

  #idOf(effect: DeliverEffect, number: number | null): MessageId {
    const session = `${this.#options.mark}/${this.start}/`;
    return { session, number, text: `${session}${number ?? `q${effect.packetId}`}/${digestOf(effect)}` };
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
    for (const pending of this.#pending.values()) {
      // The server drops the repetition of what was sent now, which says nothing about an earlier time.
      if (pending.phase === 'sent') this.#countUndecided(pending);
      if (pending.phase !== 'paused' && pending.phase !== 'aside') pending.phase = 'waiting';
    }
  }

  #pump(): void {
    this.#markAhead();
    const { inFlightMax } = this.#options.definition;
    /** Subjects with a message that must be stored before the others. */
    const blocked = new Set<string>();
    let inFlight = 0;
    for (const { phase } of this.#pending.values()) if (phase === 'sent' || phase === 'comparing') inFlight++;
    for (const pending of [...this.#pending.values()]) {
      if (this.#writer === null || inFlight >= inFlightMax) return;
      if (pending.phase === 'aside') continue;
      const { subject } = pending.message;
      const isReady = pending.phase === 'waiting' && !blocked.has(subject) && this.#maySend(pending);
      blocked.add(subject);
      if (!isReady) continue;
      if (this.#isForgotten(pending, this.#writer)) {
        this.#compare(pending, this.#writer);
        inFlight++;
      } else if (this.#store(pending, this.#writer)) inFlight++;
      else blocked.delete(subject);
    }
  }

  /** Returns whether the stream may have stored a message so long ago that it does not recognise the repetition. */
  #isForgotten({ sentSinceMs }: Pending, { duplicateWindowMs }: StreamWriter): boolean {
    return sentSinceMs !== null && this.#options.now() + travelMsMax - sentSinceMs > duplicateWindowMs;
  }

  #compare(pending: Pending, writer: StreamWriter): void {
    const { packetId, message, id } = pending;
    pending.phase = 'comparing';
    void writer.compare(message.subject, id).then((verdict) => {
      if (this.#writer !== writer || this.#pending.get(packetId) !== pending) return;
      pending.phase = 'waiting';
      if (verdict === 'stored') this.#onStored(pending);
      else if (typeof verdict === 'string') this.#sendAgain(message.subject, verdict);
      else if (verdict.kind === 'connection') return this.#options.onConnectionFault(verdict.text);
      else {
        this.#options.onFault(
          `the link cannot compare messages with the stream, and sends them again: ${verdict.text}`,
        );
        this.#sendAgain(message.subject, 'undecided');
      }
      this.#pump();
    });
  }

  /**
   * Sends the messages of a subject again. One verdict is for all of them: when the first one is sent, it is the last one of
   * the subject, and says nothing about those behind it.
   */
  #sendAgain(subject: string, verdict: Verdict): void {
    this.#verdicts.set(subject, verdict);
    for (const pending of this.#pending.values()) {
      if (pending.message.subject !== subject || pending.sentSinceMs === null) continue;
      pending.sentSinceMs = null;
      if (verdict === 'undecided') pending.isUndecided = true;
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
    const { packetId, message, id, lifetime } = pending;
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
    pending.sentSinceMs ??= this.#options.now();
    void writer.store(message, message.headers, id.text).then((answer) => {
      // Another connection may have sent the message again.
      if (this.#writer !== writer || this.#pending.get(packetId) !== pending) return;
      if (answer === 'stored') this.#countUndecided(pending);
      if (typeof answer === 'string') this.#onStored(pending);
      else this.#onRefused(pending, answer);
      this.#pump();
    });
    return true;
  }

  #countUndecided(pending: Pending): void {
    if (pending.isUndecided) this.#options.counters.possibleDuplicates++;
    pending.isUndecided = false;
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
    pending.sentSinceMs = null;
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
    const { counters, aside, onFault, now } = this.#options;
    counters.dropped[reason]++;
    onFault(text);
    const { delivered, lifetime } = pending;
    if (!aside.keeps(delivered.qos)) return this.#finish(pending);
    pending.phase = 'aside';
    aside.keep(delivered.message, lifetime.remainingSeconds(now()), text, () => this.#finish(pending));
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
