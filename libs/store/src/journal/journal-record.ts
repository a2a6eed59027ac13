import type {
  ClusterConfig,
  EntryKind,
  HardState,
  Incarnation,
  LogEntry,
  LogIndex,
  OutboxItem,
  StoreWrite,
} from '@mqtt-cluster/contracts';
import type { ByteWriter } from './byte-writer.ts';

/** Where a snapshot's data lies: in a file of its own, complete and synced before a record names it. */
export interface SnapshotReference {
  readonly index: LogIndex;
  readonly term: number;
  readonly config: ClusterConfig;
  /** Number in the file's name. */
  readonly file: number;
  readonly bytes: number;
  /** CRC-32 of the file's content. */
  readonly checksum: number;
}

/**
 * First record of a segment: what the segments before it held besides entries and outbox, so that they can
 * go.
 */
export interface SegmentHeader {
  readonly storeId: string;
  readonly segment: number;
  readonly incarnation: Incarnation;
  readonly hardState: HardState;
  readonly snapshot: SnapshotReference | null;
}

/**
 * One atomic record of the journal: a {@link StoreWrite} with its snapshot replaced by a reference, or a
 * mark.
 */
export interface JournalRecord extends Omit<StoreWrite, 'snapshot'> {
  readonly header?: SegmentHeader;
  /** A start of this store; counts up. */
  readonly incarnation?: Incarnation;
  readonly snapshot?: SnapshotReference;
  /**
   * The store was closed in order: everything before was synced, so a wrong checksum there is no torn
   * write.
   */
  readonly closed?: boolean;
}

const kinds: readonly EntryKind[] = ['noop', 'config', 'normal'];
const section = {
  marks: 1,
  truncateFrom: 2,
  entries: 3,
  outboxPut: 4,
  outboxDelete: 5,
} as const;

type Marks = Pick<JournalRecord, 'header' | 'incarnation' | 'snapshot' | 'closed' | 'hardState' | 'dropLog'>;

/** Sections of (type, length, body), big endian; what is small and rare is JSON. */
export function encodeRecord(writer: ByteWriter, record: JournalRecord): void {
  const { header, incarnation, snapshot, closed, hardState, dropLog } = record;
  const marks = JSON.stringify({ header, incarnation, snapshot, closed, hardState, dropLog });
  if (marks !== '{}') writeSection(writer, section.marks, () => writer.bytes(Buffer.from(marks)));
  const { truncateFrom, entries, outboxPut, outboxDelete } = record;
  if (truncateFrom !== undefined) {
    writeSection(writer, section.truncateFrom, () => writer.uint48(truncateFrom));
  }
  if (entries !== undefined && entries.length > 0) {
    writeSection(writer, section.entries, () => writeEntries(writer, entries));
  }
  if (outboxPut !== undefined && outboxPut.length > 0) {
    writeSection(writer, section.outboxPut, () => outboxPut.forEach((item) => writeItem(writer, item)));
  }
  if (outboxDelete !== undefined && outboxDelete.length > 0) {
    writeSection(writer, section.outboxDelete, () => {
      for (const { incarnation, sequence } of outboxDelete) {
        writer.uint48(incarnation);
        writer.uint48(sequence);
      }
    });
  }
}

function writeSection(writer: ByteWriter, type: number, body: () => void): void {
  writer.byte(type);
  const lengthAt = writer.skip(4);
  const start = writer.length;
  body();
  writer.patchUint32(lengthAt, writer.length - start);
}

function writeEntries(writer: ByteWriter, entries: readonly LogEntry[]): void {
  writer.uint48(entries[0]?.index ?? 0);
  for (const entry of entries) {
    const config = entry.config === undefined ? null : Buffer.from(JSON.stringify(entry.config));
    writer.uint48(entry.term);
    writer.byte(kinds.indexOf(entry.kind));
    writer.uint32(config?.length ?? 0);
    if (config !== null) writer.bytes(config);
    writer.uint32(entry.data.length);
    writer.bytes(entry.data);
  }
}

function writeItem(writer: ByteWriter, item: OutboxItem): void {
  writer.uint48(item.incarnation);
  writer.uint48(item.sequence);
  writer.uint32(item.data.length);
  writer.bytes(item.data);
}

class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#move(1));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#move(4));
  }

  uint48(): number {
    return this.#bytes.readUIntBE(this.#move(6), 6);
  }

  take(length: number): Buffer {
    const start = this.#move(length);
    return this.#bytes.subarray(start, start + length);
  }

  #move(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw new RangeError('record is shorter than it says');
    this.#offset = start + length;
    return start;
  }
}

/**
 * Data of the result are views of `payload`.
 * @throws Error the bytes are no record of this format, although their checksum was right
 */
export function decodeRecord(payload: Buffer): JournalRecord {
  const reader = new ByteReader(payload);
  let record: JournalRecord = {};
  while (!reader.done) {
    const type = reader.byte();
    const body = reader.take(reader.uint32());
    record = { ...record, ...decodeSection(type, body) };
  }
  return record;
}

function decodeSection(type: number, body: Buffer): JournalRecord {
  const reader = new ByteReader(body);
  switch (type) {
    case section.marks:
      return JSON.parse(body.toString()) as Marks;
    case section.truncateFrom:
      return { truncateFrom: reader.uint48() };
    case section.entries:
      return { entries: readEntries(reader) };
    case section.outboxPut:
      return { outboxPut: readAll(reader, readItem) };
    case section.outboxDelete:
      return {
        outboxDelete: readAll(reader, () => ({ incarnation: reader.uint48(), sequence: reader.uint48() })),
      };
    default:
      throw new Error(`unknown section ${type}`);
  }
}

function readAll<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const items: T[] = [];
  while (!reader.done) items.push(read(reader));
  return items;
}

function readEntries(reader: ByteReader): LogEntry[] {
  let index = reader.uint48();
  return readAll(reader, () => {
    const term = reader.uint48();
    const kind = kinds[reader.byte()];
    if (kind === undefined) throw new Error('unknown kind of entry');
    const configBytes = reader.uint32();
    const config = configBytes === 0 ? null : reader.take(configBytes).toString();
    const entry = { index: index++, term, kind, data: reader.take(reader.uint32()) };
    return config === null ? entry : { ...entry, config: JSON.parse(config) as ClusterConfig };
  });
}

function readItem(reader: ByteReader): OutboxItem {
  const incarnation = reader.uint48();
  const sequence = reader.uint48();
  return { incarnation, sequence, data: reader.take(reader.uint32()) };
}
