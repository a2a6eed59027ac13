import type { ClientInput, LinkDefinition } from '@mqtt-cluster/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { After } from '../link/back-off.ts';
import { exchangesMax, HeldPublishes } from '../link/held-publishes.ts';
import type { PublishInput } from '../link/held-publishes.ts';
import { hopProperty } from '../names.ts';
import { TopicMap } from '../topics/topic-map.ts';
import { shownTopic } from '../topics/topic-names.ts';
import type { LinkCounters, PublishAnswer } from '../types.ts';
import type { AppliedMark } from './applied-mark.ts';
import { fromHeaders, sessionOf } from './headers.ts';
import { subjectToTopic } from './subjects.ts';

/** Packet ids of QoS 2 publishes: 1 to 65,535. */
const packetIdCount = 65_535;
/** Published messages after which a mark is written at once, and the time after which it is written for fewer, ms. */
const markMessages = 32;
const markDelayMs = 200;
/** Bytes of messages that the cluster has not committed. */
const openBytesMax = 8 * 1024 * 1024;

/** A message of the stream. */
export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  /** Time since the stream has stored it, seconds. */
  readonly ageSeconds: number;
}

export interface IncomingOptions {
  readonly definition: LinkDefinition;
  readonly mark: string;
  /** Name of the link's session: the link does not publish the messages that it has stored itself. */
  readonly session: string;
  /** The largest message that the cluster accepts, bytes. */
  readonly packetBytesMax: number;
  readonly counters: LinkCounters;
  /** Passes a packet to the session that publishes the messages in the cluster. */
  readonly input: (input: ClientInput) => void;
  /** Writes a mark into the replicated state in place of the former one, and calls back when it is applied. */
  readonly writeMark: (mark: AppliedMark, former: AppliedMark, onMarked: () => void) => void;
  readonly onFault: (text: string) => void;
  /** The cluster has no room for messages, in one sentence. Null: it has accepted one. */
  readonly onFull: (text: string | null) => void;
  /** This member cannot publish messages now: the connection must end. */
  readonly onRefused: (text: string) => void;
  readonly now: () => number;
  readonly after: After;
}

/** A message that the mark does not cover yet. */
interface Entry {
  readonly sequence: number;
  /** Null for a message that is not published with QoS 2. */
  readonly packetId: number | null;
  readonly bytes: number;
  isDone: boolean;
}

/**
 * Publishes the messages of a stream in the cluster, each once.
 *
 * The session publishes with QoS 2, and the packet id of a message follows from its sequence number. The replicated state
 * holds the packet id until PUBREL, and ignores a repetition. PUBREL follows only when a mark of the sequence number is in
 * the replicated state. So another member that begins behind the mark publishes nothing twice: the packet ids of the
 * messages that were published since then are still in the state. The mark holds the packet ids that it releases, because
 * a process may end before their PUBREL.
 */
export class JetstreamIncoming {
  readonly #options: IncomingOptions;
  readonly #map: TopicMap;
  readonly #held: HeldPublishes;
  /** Messages above the mark, in the order of the stream. */
  #entries: Entry[] = [];
  /** Packet ids that the replicated state may hold. */
  readonly #unreleased = new Set<number>();
  #openBytes = 0;
  #mark: AppliedMark;
  #lastSequence: number;
  #isMarking = false;
  #endDelay: (() => void) | null = null;
  #onRoom: (() => void) | null = null;

  /** @param mark the mark in the replicated state. Its packet ids are released. */
  constructor(options: IncomingOptions, mark: AppliedMark) {
    this.#options = options;
    this.#map = new TopicMap(options.definition.rules, 'in');
    this.#held = new HeldPublishes(options.input, options.after, options.now);
    this.#mark = mark;
    this.#lastSequence = mark.sequence;
    // The former process may have ended between its mark and their PUBREL. A later message will have the same packet id.
    this.#release(mark.packetIds);
  }

  /** Name of the stream, as in its marks. */
  get stream(): string {
    return this.#mark.stream;
  }

  /** The next message of the stream that this process needs. */
  get nextSequence(): number {
    return this.#lastSequence + 1;
  }

  /** Resolves when the message may be given to {@link onMessage}, or after {@link onDisconnected}. */
  async room(sequence: number, isEnded: () => boolean): Promise<void> {
    while (!isEnded() && !this.#hasRoom(sequence)) {
      this.#writeMark();
      await new Promise<void>((resolve) => (this.#onRoom = resolve));
    }
  }

  onDisconnected(): void {
    this.#wake();
  }

  onMessage(message: StoredMessage): void {
    const { sequence } = message;
    if (sequence <= this.#lastSequence)
      return this.#options.onRefused(
        `the stream has sent its message ${sequence} after ${this.#lastSequence}: it may have been created again`,
      );
    const former = this.#lastSequence;
    this.#lastSequence = sequence;
    const input = this.#inputOf(message);
    const isExchange = input !== null && input.request.qos === 2;
    const packetId = isExchange ? packetIdOf(sequence) : null;
    const bytes = isExchange ? message.payload.length : 0;
    this.#entries.push({ sequence, packetId, bytes, isDone: !isExchange });
    this.#openBytes += bytes;
    if (input !== null && packetId === null) {
      this.#options.counters.received[0]++;
      this.#options.input(input);
    } else if (input !== null && packetId !== null) {
      this.#unreleased.add(packetId);
      const { request } = input;
      if (!this.#held.add(packetId, { ...input, request: { ...request, packetId } })) {
        // The next connection reads the message again.
        this.#lastSequence = former;
        this.#entries.pop();
        this.#openBytes -= bytes;
        this.#unreleased.delete(packetId);
        return this.#options.onRefused(
          'the stream has sent more messages than this member keeps in memory while the cluster has no room',
        );
      }
    }
    this.#onProgress();
  }

  /** The cluster has handled a packet of the publishing session. */
  onAnswer(answer: PublishAnswer): void {
    const { packetId } = answer;
    if (answer.kind === 'pubcomp') {
      this.#unreleased.delete(packetId);
      this.#held.onCompleted(packetId);
      return this.#wake();
    }
    if (answer.result === 'quotaExceeded') return this.#onQuotaExceeded(packetId);
    this.#options.onFull(null);
    this.#held.onAccepted(packetId);
    this.#options.counters.received[2]++;
    this.#onDone(packetId);
  }

  #hasRoom(sequence: number): boolean {
    return (
      this.#entries.length < exchangesMax * 2 &&
      this.#unreleased.size < exchangesMax &&
      this.#openBytes < openBytesMax &&
      // An older message has the same packet id: the cluster would take this one for its repetition.
      !this.#unreleased.has(packetIdOf(sequence))
    );
  }

  #inputOf({ subject, payload, headers, ageSeconds }: StoredMessage): PublishInput | null {
    const { mark, session, counters, onFault, packetBytesMax } = this.#options;
    const remoteTopic = subjectToTopic(subject);
    const mapped = remoteTopic === null ? null : this.#map.map(remoteTopic);
    // The stream holds messages of other rules and programs, too.
    if (mapped === null) return null;
    const storedBy = sessionOf(headers);
    if (storedBy === session) return null;
    const content = fromHeaders(headers, ageSeconds);
    const { userProperties = [] } = content.properties;
    // The way through a stream is one hop: the link that has stored the message has marked it.
    const marks = storedBy === '' ? [[hopProperty, mark] as const] : [];
    const text = `message on ${shownTopic(subject)} of the stream dropped`;
    if (mapped.fault !== null) {
      counters.dropped.unmapped++;
      onFault(`${text}: the rule makes a topic that members do not accept: ${mapped.fault}`);
      return null;
    }
    const bytes = Buffer.byteLength(mapped.topic) + payload.length;
    if (bytes > packetBytesMax) {
      counters.dropped.too_large++;
      onFault(`${text}: it has ${bytes} bytes, and members accept ${packetBytesMax}`);
      return null;
    }
    return {
      kind: 'publish',
      request: {
        topic: mapped.topic,
        // The payload is a view of all bytes that were read.
        payload: Uint8Array.from(payload),
        qos: mapped.rule.qosMax === 0 ? 0 : 2,
        retain: content.retain && mapped.rule.retained === 'live',
        properties: { ...content.properties, userProperties: [...userProperties, ...marks] },
      },
    };
  }

  #onQuotaExceeded(packetId: number): void {
    const { counters, onFault, onFull } = this.#options;
    const isKept = this.#held.onRefused(packetId);
    if (isKept === true)
      onFull('the cluster has no room for messages of the stream: the link publishes them again later');
    if (isKept !== false) return;
    counters.dropped.quota++;
    onFault('message of the stream dropped: the cluster has had no room for its topic for minutes');
    this.#onDone(packetId);
  }

  #onDone(packetId: number): void {
    const entry = this.#entries.find((each) => each.packetId === packetId && !each.isDone);
    if (entry === undefined) return;
    entry.isDone = true;
    this.#openBytes -= entry.bytes;
    this.#onProgress();
    this.#wake();
  }

  // ---- marks ----

  /** Messages from the mark on that are done. */
  #doneCount(): number {
    const open = this.#entries.findIndex(({ isDone }) => !isDone);
    return open < 0 ? this.#entries.length : open;
  }

  #onProgress(): void {
    if (this.#isMarking) return;
    const done = this.#doneCount();
    if (done === 0) return;
    if (done >= markMessages) return this.#writeMark();
    this.#endDelay ??= this.#options.after(markDelayMs, () => {
      this.#endDelay = null;
      this.#writeMark();
    });
  }

  #writeMark(): void {
    const done = this.#doneCount();
    if (this.#isMarking || done === 0) return;
    this.#endDelay?.();
    this.#endDelay = null;
    this.#isMarking = true;
    const covered = this.#entries.slice(0, done);
    const former = this.#mark;
    const packetIds = covered.map(({ packetId }) => packetId).filter((packetId) => packetId !== null);
    const mark = { ...former, sequence: covered.at(-1)!.sequence, packetIds };
    this.#options.writeMark(mark, former, () => {
      this.#isMarking = false;
      this.#mark = mark;
      this.#entries = this.#entries.slice(covered.length);
      this.#release(packetIds);
      this.#onProgress();
      this.#wake();
    });
  }

  #release(packetIds: readonly number[]): void {
    for (const packetId of packetIds) {
      this.#unreleased.add(packetId);
      this.#options.input({ kind: 'pubrel', packetId });
    }
  }

  #wake(): void {
    this.#onRoom?.();
    this.#onRoom = null;
  }
}

function packetIdOf(sequence: number): number {
  return 1 + (sequence % packetIdCount);
}
