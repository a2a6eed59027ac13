import { clusterConfigSchema, parseJson } from '@mqtt-cluster/contracts';
import type { Decoded, EntryKind, LogEntry, OutboxItem, StoreWrite } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import type { ByteWriter } from './byte-writer.ts';

const hardState = z.object({ term: z.int(), votedFor: z.string().nullable() });

/**
 * A reference to the file with a snapshot's data. The file is complete and synced before a record refers to
 * it.
 */
const snapshotReference = z.object({
  index: z.int(),
  term: z.int(),
  config: clusterConfigSchema,
  /** The number in the file's name. */
  file: z.int(),
  bytes: z.int(),
  /** CRC-32 of the file's content. */
  checksum: z.int(),
});
export type SnapshotReference = Decoded<typeof snapshotReference>;

/**
 * The first record of a segment. It repeats the content of earlier segments except entries and outbox items,
 * so that earlier segments can be removed.
 */
const segmentHeader = z.object({
  storeId: z.string(),
  segment: z.int(),
  incarnation: z.int(),
  hardState,
  snapshot: snapshotReference.nullable(),
});
export type SegmentHeader = Decoded<typeof segmentHeader>;

/** The small and rare fields of a record, stored as JSON. */
const metadataSchema = z.object({
  header: segmentHeader.optional(),
  /** The new incarnation, which each start of the store writes. */
  incarnation: z.int().optional(),
  snapshot: snapshotReference.optional(),
  /**
   * True if the store was closed in order. All earlier records were synced, so a wrong checksum in one of
   * them is damage, not a torn write.
   */
  closed: z.boolean().optional(),
  hardState: hardState.optional(),
  dropLog: z.boolean().optional(),
});
type Metadata = Decoded<typeof metadataSchema>;

/**
 * One atomic record of the journal: a {@link StoreWrite} whose snapshot is replaced by a reference, a segment
 * header, the incarnation of a new start, or the mark of an orderly close.
 */
export interface JournalRecord extends Omit<StoreWrite, 'snapshot'>, Metadata {}

const kinds: readonly EntryKind[] = ['noop', 'config', 'normal'];
/** The types of sections in a record, as stored on the disk. */
const section = {
  metadata: 1,
  truncateFrom: 2,
  entries: 3,
  outboxPut: 4,
  outboxDelete: 5,
} as const;

/**
 * Encodes a record as sections of (type, length, body), big-endian. Small and rare fields are JSON in one
 * section.
 */
export function encodeRecord(writer: ByteWriter, record: JournalRecord): void {
  const { header, incarnation, snapshot, closed, hardState, dropLog } = record;
  const metadata = JSON.stringify({ header, incarnation, snapshot, closed, hardState, dropLog });
  if (metadata !== '{}') writeSection(writer, section.metadata, () => writer.bytes(Buffer.from(metadata)));
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
    if (start + length > this.#bytes.length)
      throw new RangeError('the record is shorter than its length fields state');
    this.#offset = start + length;
    return start;
  }
}

/**
 * Decodes a record. Entries and outbox items in the result refer to `payload` without copying it.
 * @throws Error when the bytes are not a record of this format
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
    case section.metadata:
      return parseMetadata(body);
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
      throw new Error(`unknown section type ${type}`);
  }
}

/** @throws Error the JSON does not match the schema */
function parseMetadata(body: Buffer): Metadata {
  const metadata = parseJson(metadataSchema, body);
  if (metadata === undefined) throw new Error('the metadata of a record is not valid');
  return metadata;
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
    if (kind === undefined) throw new Error('unknown entry kind');
    const configBytes = reader.uint32();
    const config = configBytes === 0 ? null : reader.take(configBytes).toString();
    const entry = { index: index++, term, kind, data: reader.take(reader.uint32()) };
    return config === null ? entry : { ...entry, config: clusterConfigSchema.parse(JSON.parse(config)) };
  });
}

function readItem(reader: ByteReader): OutboxItem {
  const incarnation = reader.uint48();
  const sequence = reader.uint48();
  return { incarnation, sequence, data: reader.take(reader.uint32()) };
}
