import { crc32 } from 'node:zlib';
import type { ByteWriter } from './byte-writer.ts';
import type { JournalRecord } from './journal-record.ts';
import { encodeRecord } from './journal-record.ts';

/**
 * The format of a segment: a preamble (magic, salt), then framed records of (magic, payload length, offset of
 * the record's group in the file, checksum, payload). The module comment of `journal.ts` explains groups and
 * torn writes.
 */
export const preambleBytes = 16;
const frameBytes = 16;
const segmentMagic = Buffer.from('MQTTClusterJ');
const recordMagic = Buffer.from([0xd7, 0x4d, 0x51, 0x52]);

export function encodePreamble(salt: number): Buffer {
  const preamble = Buffer.alloc(preambleBytes);
  preamble.set(segmentMagic);
  preamble.writeUInt32BE(salt, segmentMagic.length);
  return preamble;
}

/** @returns the salt, or null if the file is not a segment */
export function readPreamble(file: Buffer): number | null {
  if (file.length < preambleBytes || !file.subarray(0, segmentMagic.length).equals(segmentMagic)) return null;
  return file.readUInt32BE(segmentMagic.length);
}

export function frameRecord(
  writer: ByteWriter,
  record: JournalRecord,
  groupStart: number,
  salt: number,
): void {
  writer.bytes(recordMagic);
  const frameAt = writer.skip(frameBytes - recordMagic.length);
  const payloadAt = writer.length;
  encodeRecord(writer, record);
  writer.patchUint32(frameAt, writer.length - payloadAt);
  writer.patchUint32(frameAt + 4, groupStart);
  const checksum = crc32(writer.view(payloadAt), crc32(writer.view(frameAt, frameAt + 8), salt));
  writer.patchUint32(frameAt + 8, checksum);
}

export interface FramedRecord {
  readonly offset: number;
  readonly end: number;
  readonly groupStart: number;
  readonly payload: Buffer;
}

/** @returns null if no complete record with a correct checksum starts at `offset` */
export function readFrame(file: Buffer, offset: number, salt: number): FramedRecord | null {
  const payloadAt = offset + frameBytes;
  if (payloadAt > file.length) return null;
  if (!file.subarray(offset, offset + recordMagic.length).equals(recordMagic)) return null;
  const end = payloadAt + file.readUInt32BE(offset + 4);
  if (end > file.length) return null;
  const payload = file.subarray(payloadAt, end);
  const checksum = crc32(payload, crc32(file.subarray(offset + 4, offset + 12), salt));
  if (checksum !== file.readUInt32BE(offset + 12)) return null;
  return { offset, end, groupStart: file.readUInt32BE(offset + 8), payload };
}

/**
 * Returns whether a later group proves that the bytes at `badOffset` had been synced. It considers only the
 * first records of groups, which contain their own offset. Bytes in a client's payload cannot contain the
 * offset at which they are stored, so the search skips such bytes without computing a checksum.
 */
export function wasSynced(file: Buffer, badOffset: number, salt: number): boolean {
  let candidate = file.indexOf(recordMagic, badOffset + 1);
  while (candidate !== -1 && candidate + frameBytes <= file.length) {
    const isFirstOfGroup = file.readUInt32BE(candidate + 8) === candidate;
    if (isFirstOfGroup && readFrame(file, candidate, salt) !== null) return true;
    candidate = file.indexOf(recordMagic, candidate + 1);
  }
  return false;
}
