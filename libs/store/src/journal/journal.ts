/**
 * The journal is the store's write-ahead log: append-only files ("segments") of checksummed records. Its
 * content is read when the store opens, and when live outbox items move to a newer segment. Otherwise memory
 * holds only the sizes of the segments and which segment contains each outbox item.
 *
 * **Records.** A record is one {@link JournalRecord}: one atomic change. Its frame is (magic, payload length,
 * group offset, checksum, payload); see `segment-format.ts`. The checksum is a CRC-32 that starts from a
 * random number of the segment (the salt), so that bytes of a client's payload are not taken for a record.
 *
 * **Groups and syncs.** Records that are appended together form a group: one write call and one fdatasync.
 * The next group is written only after that sync has succeeded. Each record contains the offset of its group.
 *
 * **Torn writes and damage.** A crash can tear only the last group. So if the journal finds an unreadable
 * record, and a readable first record of a group after it, the unreadable bytes had been synced: this is
 * damage, and opening fails with StoreCorruptError. Without such a record it is a torn write, which is
 * truncated and reported in `repairs`. An orderly close appends a last record, so that damage of the last
 * group is detected as well.
 *
 * **Failed writes.** If the disk is full, the journal truncates the group, syncs the truncation, and later
 * appends may succeed. After any other error the state of the disk is unknown: the sync is not retried, and
 * all appends are refused until the store is opened again.
 *
 * **Segments.** A segment starts with a header record, which repeats term, vote, incarnation and snapshot
 * reference. So earlier segments can be removed as soon as they contain no live entries and outbox items. A
 * segment is synced before it gets its name.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { HardState, Incarnation, LogIndex, OutboxItem, StoreId } from '@mqtt-cluster/contracts';
import { StoreFailedError } from '@mqtt-cluster/contracts';
import { ByteWriter } from './byte-writer.ts';
import { isDiskFull, storeError } from '../disk/disk-errors.ts';
import type { FileSystem, WritableFile } from '../disk/file-system.ts';
import { createFileAtomically, writeFully } from '../disk/file-system.ts';
import type { JournalRecord, SegmentHeader, SnapshotReference } from './journal-record.ts';
import { decodeRecord } from './journal-record.ts';
import type { ReplayResult } from './replay.ts';
import { replay, segmentName } from './replay.ts';
import { encodePreamble, frameRecord, preambleBytes, readFrame, readPreamble } from './segment-format.ts';
import { SegmentTracker } from './segment-tracker.ts';
import type { Segment } from './segment-tracker.ts';
import { lastIndexAfter } from '../stored-state.ts';

/** The journal releases a larger write buffer after use, so that an idle member needs little memory. */
const writerBytesKeptMax = 1024 * 1024;
const writerBytesInitial = 16 * 1024;

export interface JournalOptions {
  readonly system: FileSystem;
  readonly directory: string;
  readonly storeId: StoreId;
  /**
   * Size at which the journal starts a new segment. With larger segments there are fewer files, but space is
   * freed later.
   */
  readonly segmentBytesMax: number;
  /** Called after each sync with the duration of the write and its sync. */
  readonly onSync?: (seconds: number) => void;
}

/** Creates the first segment of a new store. */
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
  await createFileAtomically(system, join(directory, segmentName(header.segment)), writer.view());
  await system.syncDirectory(directory);
  return { salt, bytes: writer.length };
}

/** The journal of a store; see the module comment. */
export class Journal {
  readonly #options: JournalOptions;
  readonly #tracker = new SegmentTracker();
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
      logBytes: Math.max(0, this.#tracker.journalBytes - this.#tracker.outboxBytes),
      outboxBytes: this.#tracker.outboxBytes,
      snapshotBytes: this.#snapshot?.bytes ?? 0,
      syncs: this.#syncs,
      lastSyncSeconds: this.#lastSyncSeconds,
    };
  }

  /**
   * Reads all segments, truncates a torn write, and prepares for appending. It writes and syncs the last
   * group again: after a failed sync an operating system may return content from memory that never reached
   * the disk, and report success for the next sync (Rebello et al., "Can Applications Recover from fsync
   * Failures?", 2020).
   */
  async open(): Promise<ReplayResult> {
    const { system, directory, storeId } = this.#options;
    const replayed = await replay(system, directory, storeId, this.#tracker);
    this.#salt = replayed.salt;
    this.#incarnation = replayed.incarnation;
    this.#hardState = replayed.state.hardState;
    this.#snapshot = replayed.state.snapshot;
    this.#lastIndex = replayed.state.lastIndex;
    const { active } = this.#tracker;
    this.#file = await system.open(join(directory, segmentName(active.number)), 'update');
    if (replayed.repairs.length > 0) await this.#file.truncate(active.bytes);
    await writeFully(this.#file, replayed.tail.bytes, replayed.tail.offset);
    await this.#file.sync();
    return replayed;
  }

  get shouldRotate(): boolean {
    return this.#tracker.active.bytes >= this.#options.segmentBytesMax;
  }

  /** Starts a new segment. Earlier segments can be removed as soon as they have no live content. */
  async rotate(): Promise<void> {
    const { system, directory, storeId } = this.#options;
    const number = this.#tracker.active.number + 1;
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
      this.#tracker.resize(this.#tracker.add(number), created.bytes);
    } catch (error) {
      // The new segment may exist, although its name may not be durable. The old segment is continued, so the
      // new one must be removed.
      await this.#removeDurably(path).catch((cause: unknown) => {
        throw new StoreFailedError(`cannot remove the unfinished segment ${path}`, { cause });
      });
      throw storeError(error, `create ${path}`);
    }
  }

  /**
   * Appends a group of records and syncs it.
   * @throws StoreFullError no record of the group is stored, and later appends may succeed
   * @throws StoreFailedError the state of the disk is unknown
   */
  async append(records: readonly JournalRecord[]): Promise<void> {
    const { active } = this.#tracker;
    const start = active.bytes;
    const file = this.#openFile();
    if (this.#writer.capacity > writerBytesKeptMax) this.#writer = new ByteWriter(writerBytesInitial);
    this.#writer.clear();
    for (const record of records) frameRecord(this.#writer, record, start, this.#salt);
    try {
      await this.#writeDurably(file, start);
    } catch (error) {
      const failure = storeError(error, `write to ${this.#path(active)}`);
      if (isDiskFull(failure)) await this.#rollBack(file, active);
      throw failure;
    }
    this.#tracker.resize(active, start + this.#writer.length);
    for (const record of records) this.#recorded(active, record);
  }

  /**
   * Removes segments without live content, and writes outbox items again if that frees a segment. A crash
   * meanwhile leaves additional segments, but never a gap.
   */
  async reclaim(): Promise<void> {
    for (;;) {
      const removable = this.#tracker.removable();
      if (removable !== null) {
        await this.#removeDurably(this.#path(removable));
        this.#tracker.removed(removable);
        continue;
      }
      const movable = this.#tracker.worthCompacting(2 * this.#options.segmentBytesMax);
      if (movable === null) return;
      const items = await this.#liveItemsOf(movable);
      if (this.shouldRotate) await this.rotate();
      await this.append([{ outboxPut: items }]);
    }
  }

  /** Appends the mark of an orderly close, so that a wrong checksum found later is damage. Never throws. */
  async close(usable: boolean): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    if (usable) await this.append([{ closed: true }]).catch(() => undefined);
    this.#file = null;
    await file.close().catch(() => undefined);
  }

  #recorded(segment: Segment, record: JournalRecord): void {
    this.#tracker.recorded(segment, record);
    this.#incarnation = record.incarnation ?? this.#incarnation;
    this.#hardState = record.hardState ?? this.#hardState;
    this.#snapshot = record.snapshot ?? this.#snapshot;
    this.#lastIndex = lastIndexAfter(this.#lastIndex, record);
  }

  async #writeDurably(file: WritableFile, start: number): Promise<void> {
    const startedMs = performance.now();
    await writeFully(file, this.#writer.view(), start);
    if (!file.syncsWrites) await file.sync();
    this.#synced(startedMs);
  }

  #synced(startedMs: number): void {
    this.#lastSyncSeconds = (performance.now() - startedMs) / 1000;
    this.#syncs++;
    this.#options.onSync?.(this.#lastSyncSeconds);
  }

  /**
   * Removes a group that did not fit on the disk. All groups before it have been synced, so a failed sync can
   * have lost only bytes that are removed now. The truncation must be synced too, or the refused group could
   * reappear after a crash.
   */
  async #rollBack(file: WritableFile, active: Segment): Promise<void> {
    try {
      const startedMs = performance.now();
      await file.truncate(active.bytes);
      await file.sync();
      this.#synced(startedMs);
    } catch (error) {
      throw new StoreFailedError(
        `cannot remove a refused write from ${this.#path(active)}; check the disk and restart the member`,
        { cause: error },
      );
    }
  }

  async #liveItemsOf(segment: Segment): Promise<OutboxItem[]> {
    const path = this.#path(segment);
    const content = await this.#options.system.read(path);
    const salt = readPreamble(content) ?? 0;
    const items = new Map<string, OutboxItem>();
    for (let offset = preambleBytes; offset < segment.bytes;) {
      const frame = readFrame(content, offset, salt);
      if (frame === null)
        throw new StoreFailedError(`${path} has a wrong checksum at byte ${offset}; restart the member`);
      for (const item of decodeRecord(frame.payload).outboxPut ?? []) {
        if (this.#tracker.holds(segment, item)) items.set(`${item.incarnation}/${item.sequence}`, item);
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
    if (this.#file === null) throw new StoreFailedError('the journal is closed');
    return this.#file;
  }
}
