import type { ClientInput, ConnectionId, MemberId, PublishResult } from '@mqtt-cluster/contracts';
import type { History, Publication } from '../history/history.ts';
import { requestOf } from './other-site.ts';

/** How far the messages of the stream are published in the cluster. It is a subscription of the session that publishes. */
export interface StreamMark {
  readonly sequence: number;
  /** Packet ids of messages up to this one that may not be released yet. */
  readonly packetIds: readonly number[];
}

/**
 * Packet ids of the messages of the stream. There are 65,535 in production; so few make each run use them again, and the
 * unreleased messages still have different ones.
 */
const packetIdCount = 256;
/** Messages after which a mark is written at once, and the time after which it is written for fewer, ms. */
const markMessages = 12;
const markDelayMs = 200;
/** Messages that may be unreleased: not more packet ids than a session holds. */
const unreleasedMax = 60;
/** Messages that the site may send ahead. */
export const aheadMax = 20;
const markPrefix = '$cluster/link/applied/';

function filterOf({ sequence, packetIds }: StreamMark): string {
  return `${markPrefix}${sequence}/${packetIds.join(',')}`;
}

/** Returns the newest mark in the subscriptions of the session: the former one stays until the next one is applied. */
export function newestMark(filters: readonly string[]): StreamMark {
  let newest: StreamMark = { sequence: 0, packetIds: [] };
  for (const filter of filters) {
    if (!filter.startsWith(markPrefix)) continue;
    const [sequence = '', ids = ''] = filter.slice(markPrefix.length).split('/');
    const packetIds = ids === '' ? [] : ids.split(',').map(Number);
    if (Number(sequence) >= newest.sequence) newest = { sequence: Number(sequence), packetIds };
  }
  return newest;
}

export interface StreamProgressOptions {
  readonly history: History;
  readonly member: MemberId;
  readonly connection: ConnectionId;
  readonly input: (input: ClientInput) => void;
  /** Writes a mark in place of the former one, and calls back when the cluster has applied it. */
  readonly writeMark: (next: string, former: string, onMarked: () => void) => void;
  /** The site may send one message more. */
  readonly permit: () => void;
  readonly after: (delayMs: number, action: () => void) => void;
}

interface Entry {
  readonly sequence: number;
  readonly publication: Publication;
  isDone: boolean;
}

/**
 * Publishes the messages of the stream, as docs/DESIGN.md, "JetStream" describes: each with QoS 2 and the packet id that
 * follows from its sequence number, and PUBREL only behind a mark in the replicated state.
 */
export class StreamProgress {
  readonly #options: StreamProgressOptions;
  /** Messages above the mark that are with the cluster, in the order of the stream. */
  #entries: Entry[] = [];
  /** Messages that wait for room. */
  readonly #waiting: Entry[] = [];
  readonly #unreleased = new Set<number>();
  #mark: StreamMark;
  #lastSequence: number;
  #isMarking = false;
  #isDelayed = false;

  constructor(options: StreamProgressOptions, mark: StreamMark) {
    this.#options = options;
    this.#mark = mark;
    this.#lastSequence = mark.sequence;
    this.#release(mark.packetIds);
  }

  get nextSequence(): number {
    return this.#lastSequence + 1;
  }

  onStored(sequence: number, publication: Publication): void {
    // A message that a former connection of this runner was sent.
    if (sequence !== this.nextSequence) return;
    this.#lastSequence = sequence;
    this.#waiting.push({ sequence, publication, isDone: false });
    this.#publish();
  }

  onPubrec(packetId: number, result: PublishResult): void {
    const entry = this.#entries.find((each) => !each.isDone && packetIdOf(each.sequence) === packetId);
    if (entry === undefined) return;
    if (result === 'quotaExceeded')
      this.#options.history.reportViolation({
        promise: 'link stream',
        publication: entry.publication.id,
        text: `the cluster refuses the message ${entry.sequence} of the stream`,
      });
    entry.isDone = true;
    entry.publication.ackedAtMs ??= this.#options.history.nowMs;
    entry.publication.ackedBy ??= this.#options.member;
    this.#onProgress();
  }

  onPubcomp(packetId: number): void {
    this.#unreleased.delete(packetId);
    this.#publish();
  }

  #publish(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const packetId = packetIdOf(next.sequence);
      // With the packet id of an older message the cluster would take this one for its repetition.
      if (this.#unreleased.size >= unreleasedMax || this.#unreleased.has(packetId)) return this.#writeMark();
      this.#waiting.shift();
      this.#entries.push(next);
      this.#unreleased.add(packetId);
      const { publication } = next;
      const { history, connection, input, permit } = this.#options;
      publication.sentAtMs ??= history.nowMs;
      publication.connections.push(connection);
      input({ kind: 'publish', request: requestOf(publication, packetId) });
      permit();
    }
  }

  // ---- marks ----

  #doneCount(): number {
    const open = this.#entries.findIndex(({ isDone }) => !isDone);
    return open < 0 ? this.#entries.length : open;
  }

  #onProgress(): void {
    const done = this.#doneCount();
    if (done >= markMessages) return this.#writeMark();
    if (done === 0 || this.#isMarking || this.#isDelayed) return;
    this.#isDelayed = true;
    this.#options.after(markDelayMs, () => {
      this.#isDelayed = false;
      this.#writeMark();
    });
  }

  #writeMark(): void {
    const covered = this.#entries.slice(0, this.#doneCount());
    const last = covered.at(-1);
    if (this.#isMarking || last === undefined) return;
    this.#isMarking = true;
    const mark = { sequence: last.sequence, packetIds: covered.map(({ sequence }) => packetIdOf(sequence)) };
    this.#options.writeMark(filterOf(mark), filterOf(this.#mark), () => {
      this.#isMarking = false;
      this.#mark = mark;
      this.#entries = this.#entries.slice(covered.length);
      this.#release(mark.packetIds);
      this.#onProgress();
      this.#publish();
    });
  }

  #release(packetIds: readonly number[]): void {
    for (const packetId of packetIds) {
      this.#unreleased.add(packetId);
      this.#options.input({ kind: 'pubrel', packetId });
    }
  }
}

function packetIdOf(sequence: number): number {
  return 1 + (sequence % packetIdCount);
}
