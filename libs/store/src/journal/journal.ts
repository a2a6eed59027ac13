import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { HardState, Incarnation, LogIndex, OutboxItem, StoreId } from '@mqtt-cluster/contracts';
import { StoreFailedError } from '@mqtt-cluster/contracts';
import { ByteWriter } from './byte-writer.ts';
import { isFull, storeError } from '../disk/disk-errors.ts';
import type { FileSystem, WritableFile } from '../disk/file-system.ts';
import { createWhole, writeFully } from '../disk/file-system.ts';
import type { JournalRecord, SegmentHeader, SnapshotReference } from './journal-record.ts';
import { decodeRecord } from './journal-record.ts';
import type { Replayed } from './replay.ts';
import { replay, segmentName } from './replay.ts';
import { encodePreamble, frameRecord, preambleBytes, readFrame, readPreamble } from './segment-format.ts';
import { SegmentLedger } from './segment-tracker.ts';
import type { Segment } from './segment-tracker.ts';
import { lastIndexAfter } from '../stored-state.ts';

/** A larger buffer is given back after use: an idle member stays small. */
const writerBytesKeptMax = 1024 * 1024;
const writerBytesInitial = 16 * 1024;

export interface JournalOptions {
  readonly system: FileSystem;
  readonly directory: string;
  readonly storeId: StoreId;
  /** A segment that has reached it is followed by a new one. Larger: fewer files, space comes back later. */
  readonly segmentBytesMax: number;
  /** Of each group of records. */
  readonly onSync?: (seconds: number) => void;
}

/** The first segment of a new store. */
export async function createJournal(system: FileSystem, directory: string, storeId: StoreId): Promise<void> {
  const hardState = { term: 0, votedFor: null };
  await createSegment(system, directory, { storeId, segment: 1, incarnation: 0, hardState, snapshot: null });
}

async function createSegment(
  system: FileSystem,
  directory: string,
  header: SegmentHeader,
): Promise<{ salt: number; bytes: number }> {
  const salt = randomBytes(4).readUInt32BE();
  const writer = new ByteWriter(1024);
  writer.bytes(encodePreamble(salt));
  frameRecord(writer, { header }, preambleBytes, salt);
  await createWhole(system, join(directory, segmentName(header.segment)), writer.view());
  await system.syncDirectory(directory);
  return { salt, bytes: writer.length };
}

/**
 * Append-only files of checksummed records; one write and one sync per group. The content is read back only
 * when the store opens, so nothing is kept in memory but the sizes of the segments and where outbox items
 * lie.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #ledger = new SegmentLedger();
  #writer = new ByteWriter(writerBytesInitial);
  #file: WritableFile | null = null;
  #salt = 0;
  #incarnation: Incarnation = 0;
  #hardState: HardState = { term: 0, votedFor: null };
  #snapshot: SnapshotReference | null = null;
  #lastIndex: LogIndex = 0;
  #syncs = 0;
  #lastSyncSeconds = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  get snapshot(): SnapshotReference | null {
    return this.#snapshot;
  }

  usage() {
    return {
      logBytes: Math.max(0, this.#ledger.journalBytes - this.#ledger.outboxBytes),
      outboxBytes: this.#ledger.outboxBytes,
      snapshotBytes: this.#snapshot?.bytes ?? 0,
      syncs: this.#syncs,
      lastSyncSeconds: this.#lastSyncSeconds,
    };
  }

  /**
   * Reads what is there, cuts off a torn end, and is ready to append. The last group is written once more: after a failed sync an
   * operating system may show from memory what never got to the disk, and call the next sync a success (Rebello et al., "Can
   * Applications Recover from fsync Failures?", 2020).
   */
  async open(): Promise<Replayed> {
    const { system, directory, storeId } = this.#options;
    const replayed = await replay(system, directory, storeId, this.#ledger);
    this.#salt = replayed.salt;
    this.#incarnation = replayed.incarnation;
    this.#hardState = replayed.state.hardState;
    this.#snapshot = replayed.state.snapshot;
    this.#lastIndex = replayed.state.lastIndex;
    const { active } = this.#ledger;
    this.#file = await system.open(join(directory, segmentName(active.number)), 'update');
    if (replayed.repairs.length > 0) await this.#file.truncate(active.bytes);
    await writeFully(this.#file, replayed.tail.bytes, replayed.tail.offset);
    await this.#file.sync();
    return replayed;
  }

  get shouldRotate(): boolean {
    return this.#ledger.active.bytes >= this.#options.segmentBytesMax;
  }

  /** Starts a new segment, so that the ones before can go as soon as nothing in them counts. */
  async rotate(): Promise<void> {
    const { system, directory, storeId } = this.#options;
    const number = this.#ledger.active.number + 1;
    const path = join(directory, segmentName(number));
    try {
      const created = await createSegment(system, directory, {
        storeId,
        segment: number,
        incarnation: this.#incarnation,
        hardState: this.#hardState,
        snapshot: this.#snapshot,
      });
      const file = await system.open(path, 'update');
      await this.#file?.close();
      this.#file = file;
      this.#salt = created.salt;
      this.#ledger.resize(this.#ledger.add(number), created.bytes);
    } catch (error) {
      // It may be in place although its name is not known to be durable; the old segment goes on, so it must
      // not stay.
      await this.#removeDurably(path).catch((cause: unknown) => {
        throw new StoreFailedError(`cannot remove ${path}, an unfinished segment`, { cause });
      });
      throw storeError(error, `create ${path}`);
    }
  }

  /**
   * Appends a group of records and syncs it.
   * @throws StoreFullError nothing of the group is there, and later ones may succeed
   * @throws StoreFailedError what is on the disk is unknown
   */
  async append(records: readonly JournalRecord[]): Promise<void> {
    const { active } = this.#ledger;
    const start = active.bytes;
    const file = this.#openFile();
    if (this.#writer.capacity > writerBytesKeptMax) this.#writer = new ByteWriter(writerBytesInitial);
    this.#writer.clear();
    for (const record of records) frameRecord(this.#writer, record, start, this.#salt);
    try {
      await writeFully(file, this.#writer.view(), start);
      await this.#sync(file);
    } catch (error) {
      const failure = storeError(error, `write to ${this.#path(active)}`);
      if (isFull(failure)) await this.#undo(file, active);
      throw failure;
    }
    this.#ledger.resize(active, start + this.#writer.length);
    for (const record of records) this.#account(active, record);
  }

  /** Removes segments that nothing needs. A crash in between leaves a few more of them, never a hole. */
  async reclaim(): Promise<void> {
    for (;;) {
      const removable = this.#ledger.removable();
      if (removable !== null) {
        await this.#removeDurably(this.#path(removable));
        this.#ledger.removed(removable);
        continue;
      }
      const movable = this.#ledger.worthMoving(2 * this.#options.segmentBytesMax);
      if (movable === null) return;
      const items = await this.#itemsOf(movable);
      if (this.shouldRotate) await this.rotate();
      await this.append([{ outboxPut: items }]);
    }
  }

  /** Marks the end, so that a wrong checksum found later is known to be damage; never throws. */
  async close(intact: boolean): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    if (intact) await this.append([{ closed: true }]).catch(() => undefined);
    this.#file = null;
    await file.close().catch(() => undefined);
  }

  #account(segment: Segment, record: JournalRecord): void {
    this.#ledger.account(segment, record);
    this.#incarnation = record.incarnation ?? this.#incarnation;
    this.#hardState = record.hardState ?? this.#hardState;
    this.#snapshot = record.snapshot ?? this.#snapshot;
    this.#lastIndex = lastIndexAfter(this.#lastIndex, record);
  }

  async #sync(file: WritableFile): Promise<void> {
    const startedMs = performance.now();
    await file.sync();
    this.#lastSyncSeconds = (performance.now() - startedMs) / 1000;
    this.#syncs++;
    this.#options.onSync?.(this.#lastSyncSeconds);
  }

  /**
   * Takes back a group that did not fit. All groups before it have been synced, so what a failed sync may
   * have lost can only be bytes that go now; the truncation itself must be synced, or the refused group
   * could come back.
   */
  async #undo(file: WritableFile, active: Segment): Promise<void> {
    try {
      await file.truncate(active.bytes);
      await this.#sync(file);
    } catch (error) {
      throw new StoreFailedError(`cannot take back an unfinished write in ${this.#path(active)}`, {
        cause: error,
      });
    }
  }

  async #itemsOf(segment: Segment): Promise<OutboxItem[]> {
    const path = this.#path(segment);
    const content = await this.#options.system.read(path);
    const salt = readPreamble(content) ?? 0;
    const items = new Map<string, OutboxItem>();
    for (let offset = preambleBytes; offset < segment.bytes;) {
      const frame = readFrame(content, offset, salt);
      if (frame === null)
        throw new StoreFailedError(`${path}: wrong checksum at byte ${offset}; restart the member`);
      for (const item of decodeRecord(frame.payload).outboxPut ?? []) {
        if (this.#ledger.holds(segment, item)) items.set(`${item.incarnation}/${item.sequence}`, item);
      }
      offset = frame.end;
    }
    return [...items.values()];
  }

  async #removeDurably(path: string): Promise<void> {
    await this.#options.system.remove(path);
    await this.#options.system.syncDirectory(this.#options.directory);
  }

  #path(segment: Segment): string {
    return join(this.#options.directory, segmentName(segment.number));
  }

  #openFile(): WritableFile {
    if (this.#file === null) throw new StoreFailedError('the store is closed');
    return this.#file;
  }
}
