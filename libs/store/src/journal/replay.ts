import { join } from 'node:path';
import type { Incarnation, StoreId } from '@mqtt-cluster/contracts';
import { StoreCorruptError } from '@mqtt-cluster/contracts';
import { replaceStoreAdvice } from '../disk/disk-errors.ts';
import type { FileSystem } from '../disk/file-system.ts';
import type { JournalRecord, SnapshotReference } from './journal-record.ts';
import { decodeRecord } from './journal-record.ts';
import { preambleBytes, readFrame, readPreamble, wasSynced } from './segment-format.ts';
import type { SegmentTracker } from './segment-tracker.ts';
import { StoredState } from '../stored-state.ts';

const namePattern = /^journal-(\d{8,})\.log$/;

export function segmentName(number: number): string {
  return `journal-${String(number).padStart(8, '0')}.log`;
}

/** @returns the numbers of the segments among the file names, in ascending order */
export function segmentNumbers(names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const match = namePattern.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
  }
  return numbers.sort((a, b) => a - b);
}

export interface ReplayResult {
  readonly state: StoredState<SnapshotReference>;
  incarnation: Incarnation;
  /** The salt of the last segment, which the journal continues. */
  salt: number;
  /** The last group, whose sync may have failed, and its offset in the segment. */
  tail: { readonly offset: number; readonly bytes: Uint8Array };
  readonly repairs: string[];
}

/**
 * Reads all segments in order. An unreadable end of the last segment is a torn write unless a later group
 * proves that it had been synced. The size in the tracker excludes a torn write; the caller must truncate the
 * file before it appends.
 * @throws StoreCorruptError when a segment is missing or damaged
 */
export async function replay(
  system: FileSystem,
  directory: string,
  storeId: StoreId,
  tracker: SegmentTracker,
): Promise<ReplayResult> {
  const numbers = segmentNumbers(await system.list(directory));
  if (numbers.length === 0) {
    throw new StoreCorruptError(`${directory} contains no journal segment; ${replaceStoreAdvice}`);
  }
  const replayed: ReplayResult = {
    state: new StoredState(),
    incarnation: 0,
    salt: 0,
    tail: { offset: 0, bytes: new Uint8Array() },
    repairs: [],
  };
  for (const [position, number] of numbers.entries()) {
    const path = join(directory, segmentName(number));
    if (position > 0 && numbers[position - 1] !== number - 1) {
      throw new StoreCorruptError(
        `${join(directory, segmentName(number - 1))} is missing; ${replaceStoreAdvice}`,
      );
    }
    const file = await system.read(path);
    const reader = new SegmentReader(path, file, replayed, tracker);
    reader.read(number, storeId, position === 0, position === numbers.length - 1);
  }
  const { state } = replayed;
  const expected = (state.snapshot?.index ?? 0) + 1;
  if (state.firstIndex !== undefined && state.firstIndex !== expected) {
    throw new StoreCorruptError(
      `${directory}: log entries ${expected} to ${state.firstIndex - 1} are missing; ${replaceStoreAdvice}`,
    );
  }
  return replayed;
}

class SegmentReader {
  readonly #path: string;
  readonly #file: Buffer;
  readonly #replayed: ReplayResult;
  readonly #tracker: SegmentTracker;

  constructor(path: string, file: Buffer, replayed: ReplayResult, tracker: SegmentTracker) {
    this.#path = path;
    this.#file = file;
    this.#replayed = replayed;
    this.#tracker = tracker;
  }

  read(number: number, storeId: StoreId, isFirst: boolean, isLast: boolean): void {
    const salt = readPreamble(this.#file);
    // A segment is synced before it gets its name, so even the last one has its preamble and header.
    if (salt === null) throw this.#corrupt(0, 'is not a journal segment');
    this.#replayed.salt = salt;
    const segment = this.#tracker.add(number);
    let offset = preambleBytes;
    let groupStart = offset;
    while (offset < this.#file.length) {
      const frame = readFrame(this.#file, offset, salt);
      if (frame === null) {
        this.#checkTorn(offset, salt, isLast);
        break;
      }
      const record = this.#decode(frame.payload, offset);
      if (offset === preambleBytes) this.#checkHeader(record, number, storeId, isFirst);
      this.#apply(record, offset);
      this.#tracker.recorded(segment, record);
      offset = frame.end;
      groupStart = frame.groupStart;
    }
    if (offset === preambleBytes) throw this.#corrupt(offset, 'has no header');
    this.#replayed.tail = { offset: groupStart, bytes: this.#file.subarray(groupStart, offset) };
    this.#tracker.resize(segment, offset);
  }

  #checkTorn(offset: number, salt: number, isLast: boolean): void {
    if (!isLast || wasSynced(this.#file, offset, salt)) {
      throw this.#corrupt(offset, 'has a wrong checksum, although it had been synced');
    }
    const bytes = this.#file.length - offset;
    this.#replayed.repairs.push(`${this.#path}: removed ${bytes} bytes of a torn write at byte ${offset}`);
  }

  #decode(payload: Buffer, offset: number): JournalRecord {
    try {
      return decodeRecord(payload);
    } catch (error) {
      throw this.#corrupt(offset, 'cannot be decoded, although its checksum is correct', error);
    }
  }

  #checkHeader(record: JournalRecord, number: number, storeId: StoreId, isFirst: boolean): void {
    const { header } = record;
    if (header === undefined) throw this.#corrupt(preambleBytes, 'has no header');
    if (header.storeId !== storeId || header.segment !== number) {
      throw this.#corrupt(
        preambleBytes,
        `belongs to segment ${header.segment} of store ${header.storeId}, not to store ${storeId}`,
      );
    }
    if (!isFirst) return;
    this.#replayed.incarnation = header.incarnation;
    this.#replayed.state.hardState = header.hardState;
    this.#replayed.state.snapshot = header.snapshot;
  }

  #apply(record: JournalRecord, offset: number): void {
    const { state } = this.#replayed;
    this.#replayed.incarnation = record.incarnation ?? this.#replayed.incarnation;
    const { entries, ...before } = record;
    state.apply(before);
    const first = entries?.[0]?.index;
    // If the log has no entries yet, its first ones may have been removed with their segment. replay() checks
    // the result.
    if (first !== undefined && state.firstIndex !== undefined && first !== state.lastIndex + 1) {
      throw this.#corrupt(offset, `contains entry ${first}, which does not follow entry ${state.lastIndex}`);
    }
    if (entries !== undefined) state.apply({ entries });
  }

  #corrupt(offset: number, problem: string, cause?: unknown): StoreCorruptError {
    const last = this.#replayed.state.lastIndex;
    return new StoreCorruptError(
      `${this.#path}: the record at byte ${offset} (after entry ${last}) ${problem}; ${replaceStoreAdvice}`,
      cause === undefined ? undefined : { cause },
    );
  }
}
