import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { ClusterError, clusterConfigSchema, parseJson } from '@mqtt-cluster/contracts';
import type { Decoded, Snapshot } from '@mqtt-cluster/contracts';
import { z } from 'zod';

/** Value of the header field `format`. The field comes first in the file and identifies the file as a backup. */
const format = 'mqtt-cluster-backup';
const formatVersion = 1;
const headerBytesMax = 64 * 1024;
const newline = 10;
/** One turn hashes and copies this in some milliseconds. */
const bytesPerTurn = 1024 * 1024;

/** The file is not a backup, is damaged, or has a newer format. The message is one line. */
export class BackupError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('BACKUP', message, options);
  }
}

const versionSchema = z.object({ format: z.literal(format), version: z.number() });

const headerSchema = z.object({
  format: z.literal(format),
  version: z.int(),
  /** Name of the cluster. */
  cluster: z.string(),
  /** ISO 8601, wall clock of the member that created the backup. */
  takenAt: z.string(),
  /** Index of the last log entry that the state contains. */
  index: z.int().min(1),
  term: z.int().min(1),
  config: clusterConfigSchema,
  bytes: z.int().min(0),
  /** SHA-256 of the state, in hex. */
  sha256: z.string(),
});

type BackupHeader = Decoded<typeof headerSchema>;

/**
 * Encodes a backup: one line of JSON (the header), then the replicated state that one member has applied. The state is hashed
 * and copied over many turns of the event loop.
 */
export async function encodeBackup(
  cluster: string,
  { index, term, config, data }: Snapshot,
): Promise<Uint8Array> {
  const header = {
    format,
    version: formatVersion,
    cluster,
    takenAt: new Date().toISOString(),
    index,
    term,
    config,
    bytes: data.length,
  } as const;
  const hash = createHash('sha256');
  // The line in front of the state has this length with any checksum.
  const start = headerLine({ ...header, sha256: sha256Of(data.subarray(0, 0)) }).length;
  const file = Buffer.allocUnsafe(start + data.length);
  for (let offset = 0; offset < data.length; offset += bytesPerTurn) {
    const part = data.subarray(offset, offset + bytesPerTurn);
    hash.update(part);
    file.set(part, start + offset);
    await setImmediate();
  }
  file.set(headerLine({ ...header, sha256: hash.digest('hex') }));
  return file;
}

function headerLine(header: BackupHeader): Buffer {
  return Buffer.from(`${JSON.stringify(header)}\n`);
}

/** @throws BackupError when the header, the length or the checksum is invalid */
export function decodeBackup(file: Uint8Array): { header: BackupHeader; snapshot: Snapshot } {
  const header = decodeHeader(file);
  const data = file.subarray(file.indexOf(newline) + 1);
  if (data.length !== header.bytes)
    throw new BackupError(
      `the backup is truncated: it contains ${data.length} of ${header.bytes} bytes of state`,
    );
  if (sha256Of(data) !== header.sha256)
    throw new BackupError('the checksum of the backup is wrong: the file is damaged, use another one');
  const { index, term, config } = header;
  return { header, snapshot: { index, term, config, data } };
}

function decodeHeader(file: Uint8Array): BackupHeader {
  const end = file.subarray(0, headerBytesMax).indexOf(newline);
  const line = file.subarray(0, Math.max(0, end));
  const { version } = parseJson(versionSchema, line) ?? {};
  if (version === undefined) throw new BackupError('this file is not a backup of an MQTT cluster');
  if (version !== formatVersion)
    throw new BackupError(
      `the backup has format version ${version}, and this program supports ${formatVersion}: ` +
        'use the newer program',
    );
  const header = parseJson(headerSchema, line);
  if (header === undefined) throw new BackupError('the header (first line) of the backup is damaged');
  return header;
}

/** Returns the SHA-256 of a state, in hex. */
export function sha256Of(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
