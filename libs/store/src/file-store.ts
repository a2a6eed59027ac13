import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  ClockRecord,
  ClusterError,
  Logger,
  MemberId,
  RecoveredState,
  SnapshotWrite,
  Store,
  StoreUsage,
  StoreWrite,
} from '@mqtt-cluster/contracts';
import {
  StoreCorruptError,
  StoreFailedError,
  clusterTimeAt,
  discardSnapshot,
  silentLogger,
} from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { noMetrics, storeMetrics } from '@mqtt-cluster/metric-catalogue';
import { readClock, writeClock } from './clock-file.ts';
import { isDiskFull, storeError } from './disk/disk-errors.ts';
import type { FileSystem } from './disk/file-system.ts';
import { nodeFileSystem } from './disk/file-system.ts';
import type { StoreIdentity, Migration } from './identity.ts';
import { builtInMigrations, newIdentity, readIdentity, writeIdentity } from './identity.ts';
import { Journal, createJournal } from './journal/journal.ts';
import { lockCandidatePrefix } from './disk/directory-lock.ts';
import type { JournalRecord, SnapshotReference } from './journal/journal-record.ts';
import { segmentName, segmentNumbers } from './journal/replay.ts';
import { checkRoom, readSnapshot, snapshotName, snapshotNumber, writeSnapshot } from './snapshot-files.ts';
import type { QueuedWrite } from './group-commit-queue.ts';
import { GroupCommitQueue } from './group-commit-queue.ts';

/** Default size of a journal segment. The store frees the space of removed entries one segment at a time. */
const segmentBytesMaxDefault = 8 * 1024 * 1024;

export interface StoreOptions {
  /** The directory of the store, created if it does not exist. A directory belongs to one member. */
  readonly directory: string;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /**
   * Size at which the store starts a new journal segment. With larger segments there are fewer files, but
   * space is freed later.
   */
  readonly segmentBytesMax?: number;
  /** Tests replace the file system. */
  readonly fileSystem?: FileSystem;
  readonly migrations?: ReadonlyMap<number, Migration>;
  /** Returns the wall clock, ms. Default: `Date.now`. */
  readonly wallMs?: () => number;
}

interface OpenStore {
  readonly storeId: string;
  readonly journal: Journal;
  readonly release: () => Promise<void>;
}

const identityAdvice = 'restore the file identity.json, or start with an empty directory';
const noUsage = { logBytes: 0, outboxBytes: 0, snapshotBytes: 0, syncs: 0, lastSyncSeconds: 0 };
const notOpenError = () => new StoreFailedError('the store is not open');

/**
 * A store of one directory: an identity file, the journal and a file per snapshot. Groups of writes go
 * through {@link GroupCommitQueue} to the journal.
 */
class FileStore implements Store {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #system: FileSystem;
  readonly #segmentBytesMax: number;
  readonly #migrations: ReadonlyMap<number, Migration>;
  readonly #queue: GroupCommitQueue;
  /** The last snapshot that is written beside the queue. A later one waits for it. */
  #snapshotWrite: Promise<void> = Promise.resolve();
  #closing = false;
  #open: OpenStore | null = null;
  #failure: ClusterError | null = null;
  #nextSnapshotFile = 1;
  #obsoleteSnapshots: number[] = [];
  readonly #wallMs: () => number;
  /** The write of the clock record that is under way. A later write waits for it. */
  #clockWrite: Promise<void> = Promise.resolve();
  #clockFailed = false;

  constructor(options: StoreOptions) {
    this.#directory = options.directory;
    this.#logger = options.logger ?? silentLogger;
    this.#metrics = options.metrics ?? noMetrics;
    this.#system = options.fileSystem ?? nodeFileSystem;
    this.#segmentBytesMax = options.segmentBytesMax ?? segmentBytesMaxDefault;
    this.#migrations = options.migrations ?? builtInMigrations;
    this.#wallMs = options.wallMs ?? (() => Date.now());
    this.#queue = new GroupCommitQueue((group) => this.#commitGroup(group));
  }

  async open(member: MemberId): Promise<RecoveredState> {
    if (this.#open !== null) throw new Error('the store is already open');
    this.#failure = null;
    this.#closing = false;
    let release: (() => Promise<void>) | null = null;
    try {
      await this.#system.makeDirectory(this.#directory);
      release = (await this.#system.lock(this.#directory)).release;
      return await this.#recover(member, release);
    } catch (error) {
      await release?.();
      throw storeError(error, `open the store in ${this.#directory}`);
    }
  }

  write(change: StoreWrite): Promise<void> {
    const { snapshot, dropLog } = change;
    const refusal = this.#open === null ? notOpenError() : this.#failure;
    if (refusal !== null) {
      discardSnapshot(snapshot);
      return Promise.reject(refusal);
    }
    if (snapshot === undefined || dropLog === true) return this.#queue.push(change);
    const result = this.#snapshotWrite
      .then(() => this.#writeOwnSnapshot(change, snapshot))
      .finally(() => discardSnapshot(snapshot));
    this.#snapshotWrite = result.catch(() => undefined);
    return result;
  }

  saveClock(record: ClockRecord): Promise<void> {
    this.#clockWrite = this.#clockWrite.then(() => this.#writeClock(record));
    return this.#clockWrite;
  }

  usage(): StoreUsage {
    return this.#open?.journal.usage() ?? noUsage;
  }

  async close(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    this.#closing = true;
    await this.#snapshotWrite;
    await this.#queue.drain();
    await this.#clockWrite;
    if (this.#open === null) return;
    this.#open = null;
    await open.journal.close(this.#failure === null);
    await open.release();
  }

  async #recover(member: MemberId, release: () => Promise<void>): Promise<RecoveredState> {
    const repairs = await this.#removeTemporaryFiles();
    const identity =
      (await readIdentity(this.#system, this.#directory, member, this.#migrations)) ??
      (await this.#create(member));
    const journal = new Journal({
      system: this.#system,
      directory: this.#directory,
      storeId: identity.storeId,
      segmentBytesMax: this.#segmentBytesMax,
      onSync: (seconds) => this.#metrics.observe(storeMetrics.syncSeconds, [], seconds),
    });
    try {
      const { state, incarnation, repairs: cuts } = await journal.open();
      const reference = state.snapshot;
      const snapshot =
        reference === null ? null : await readSnapshot(this.#system, this.#directory, reference);
      repairs.push(...cuts, ...(await this.#removeUnreferencedSnapshots(reference?.file ?? 0)));
      if (journal.shouldRotate) await journal.rotate();
      await journal.append([{ incarnation: incarnation + 1 }]);
      await journal.reclaim();
      const clock = await readClock(this.#system, this.#directory, identity.storeId);
      this.#open = { journal, release, storeId: identity.storeId };
      for (const repair of repairs) this.#logger.warn({ directory: this.#directory }, `store: ${repair}`);
      const { hardState } = state;
      const entries = state.entries();
      return {
        storeId: identity.storeId,
        incarnation: incarnation + 1,
        // The store is fresh until its first write, even if it was opened before.
        fresh: hardState.term === 0 && snapshot === null && entries.length === 0,
        hardState,
        snapshot,
        entries,
        outbox: state.outbox(),
        repairs,
        ...(clock === null ? {} : { clusterTimeMs: clusterTimeAt(clock, this.#wallMs()) }),
      };
    } catch (error) {
      await journal.close(false);
      throw error;
    }
  }

  async #create(member: MemberId): Promise<StoreIdentity> {
    const numbers = segmentNumbers(await this.#system.list(this.#directory));
    // A crash before the identity file was written leaves at most the first segment, with no entry in it.
    if (numbers.length > 1 || (numbers[0] ?? 1) !== 1) {
      throw new StoreCorruptError(
        `${this.#directory} contains a journal but no identity file; ${identityAdvice}`,
      );
    }
    if (numbers.length === 1) await this.#checkSegmentIsEmpty(join(this.#directory, segmentName(1)));
    const identity = newIdentity(member);
    await createJournal(this.#system, this.#directory, identity.storeId);
    await writeIdentity(this.#system, this.#directory, identity);
    return identity;
  }

  async #checkSegmentIsEmpty(path: string): Promise<void> {
    const headerBytesMax = 1024;
    if ((await this.#system.read(path)).length <= headerBytesMax) return;
    throw new StoreCorruptError(
      `${path} contains data, but the identity file in the same directory is missing; ${identityAdvice}`,
    );
  }

  /** Removes temporary files of an interrupted start or write. No record refers to them. */
  async #removeTemporaryFiles(): Promise<string[]> {
    const repairs: string[] = [];
    for (const name of await this.#system.list(this.#directory)) {
      if (name.startsWith(lockCandidatePrefix)) await this.#system.remove(join(this.#directory, name));
      if (!name.endsWith('.tmp')) continue;
      await this.#system.remove(join(this.#directory, name));
      repairs.push(`removed the temporary file ${name} of an interrupted write`);
    }
    return repairs;
  }

  async #removeUnreferencedSnapshots(current: number): Promise<string[]> {
    const repairs: string[] = [];
    this.#nextSnapshotFile = current + 1;
    for (const name of await this.#system.list(this.#directory)) {
      const number = snapshotNumber(name);
      if (number === null || number === current) continue;
      await this.#system.remove(join(this.#directory, name));
      repairs.push(`removed ${name}: no record refers to this snapshot (unfinished or replaced)`);
      this.#nextSnapshotFile = Math.max(this.#nextSnapshotFile, number + 1);
    }
    return repairs;
  }

  /**
   * Writes the file of a snapshot of this member's own state while other writes go on, and then the record that refers
   * to it. The entries that the snapshot replaces stay until then, so a crash loses nothing.
   */
  async #writeOwnSnapshot(change: StoreWrite, snapshot: SnapshotWrite): Promise<void> {
    let reference: SnapshotReference;
    this.#usable();
    try {
      await checkRoom(this.#system, this.#directory, snapshot);
      reference = await this.#writeSnapshotFile(this.#nextSnapshotFile++, snapshot, async (durationMs) => {
        this.#usable();
        // The journal gets at least as much of the disk's time as the snapshot.
        if (!this.#closing) await delay(durationMs);
      });
    } catch (error) {
      const failure = this.#failure ?? this.#handleFailure(error);
      if (isDiskFull(failure)) this.#metrics.add(storeMetrics.writesRefused, [], 1);
      throw failure;
    }
    return this.#queue.push(change, reference);
  }

  async #writeSnapshotFile(
    file: number,
    snapshot: SnapshotWrite,
    afterSync?: (durationMs: number) => Promise<void>,
  ): Promise<SnapshotReference> {
    const startedMs = performance.now();
    const reference = await writeSnapshot(this.#system, this.#directory, file, snapshot, afterSync);
    const seconds = (performance.now() - startedMs) / 1_000;
    this.#metrics.observe(storeMetrics.snapshotWriteSeconds, [], seconds);
    return reference;
  }

  /** @throws ClusterError the store has failed or is not open */
  #usable(): OpenStore {
    if (this.#failure !== null) throw this.#failure;
    if (this.#open === null) throw notOpenError();
    return this.#open;
  }

  /**
   * Commits one group of writes in the order of the calls. All of them are durable when the promise resolves.
   */
  async #commitGroup(group: readonly QueuedWrite[]): Promise<void> {
    const { journal } = this.#usable();
    try {
      const prepared = this.#queue.accept(group, journal.lastIndex);
      if (prepared.length === 0) return;
      const snapshotBefore = journal.snapshot;
      await this.#append(prepared, journal);
      if (snapshotBefore !== null && journal.snapshot !== snapshotBefore) {
        this.#obsoleteSnapshots.push(snapshotBefore.file);
      }
      for (const write of prepared) write.resolve();
    } catch (error) {
      const failure = this.#handleFailure(error);
      if (isDiskFull(failure)) this.#metrics.add(storeMetrics.writesRefused, [], group.length);
      throw failure;
    }
    await this.#reclaim(journal);
  }

  async #append(group: readonly QueuedWrite[], journal: Journal): Promise<void> {
    const [write] = group;
    const first = write?.change;
    if (write === undefined || first?.snapshot === undefined) {
      if (journal.shouldRotate) await journal.rotate();
      await journal.append(group.map(({ change }) => withoutSnapshot(change)));
      return;
    }
    if (write.written !== null && (journal.snapshot?.index ?? 0) >= write.written.index) {
      // A snapshot of a peer has replaced the state meanwhile.
      this.#obsoleteSnapshots.push(write.written.file);
      return;
    }
    // A snapshot is a group of its own and starts a new segment, so that the segments before it can be
    // removed.
    const reference =
      write.written ?? (await this.#writeSnapshotFile(this.#nextSnapshotFile++, first.snapshot));
    const { file } = reference;
    try {
      await journal.rotate();
      await journal.append([{ ...withoutSnapshot(first), snapshot: reference }]);
    } catch (error) {
      // After any other error than a full disk the record may be on the disk and refer to the file, so the
      // file stays.
      if (isDiskFull(storeError(error, 'append'))) {
        await this.#system.remove(join(this.#directory, snapshotName(file))).catch(() => undefined);
      }
      throw error;
    }
  }

  async #writeClock(record: ClockRecord): Promise<void> {
    if (this.#open === null || this.#failure !== null) return;
    try {
      await writeClock(this.#system, this.#directory, this.#open.storeId, record);
      this.#clockFailed = false;
    } catch (error) {
      if (!this.#clockFailed) {
        this.#logger.warn(
          { error: storeError(error, `write the clock record in ${this.#directory}`) },
          'store: the clock record could not be written; the store tries again later',
        );
      }
      this.#clockFailed = true;
    }
  }

  #handleFailure(error: unknown): ClusterError {
    const failure = storeError(error, `write to the store in ${this.#directory}`);
    if (isDiskFull(failure)) {
      this.#logger.warn({ error: failure }, `store: a write was refused: ${failure.message}`);
    } else {
      this.#failure = failure;
      this.#logger.error(
        { error: failure },
        'store: a write failed, so all further writes are refused; check the disk and restart the member',
      );
    }
    return failure;
  }

  /** Removes obsolete snapshots and segments. If that fails, a later write or the next start removes them. */
  async #reclaim(journal: Journal): Promise<void> {
    try {
      for (const file of this.#obsoleteSnapshots.splice(0)) {
        await this.#system.remove(join(this.#directory, snapshotName(file)));
      }
      await journal.reclaim();
    } catch (error) {
      // An append inside `reclaim` may have failed, which makes the journal unusable. A file that cannot be
      // removed does no harm.
      if (error instanceof StoreFailedError) this.#failure = error;
      this.#logger.warn(
        { error: storeError(error, `free space in ${this.#directory}`) },
        'store: obsolete files could not be removed; the store tries again later',
      );
    }
  }
}

function withoutSnapshot(change: StoreWrite): JournalRecord {
  const { snapshot, ...rest } = change;
  void snapshot; // The snapshot's data is in its own file.
  return rest;
}

/**
 * Creates a store in `options.directory`: a journal of checksummed records and a file per snapshot. The
 * reasons are in docs/adr/0002-storage-engine.md.
 */
export function createStore(options: StoreOptions): Store {
  return new FileStore(options);
}
