import { createHash } from 'node:crypto';
import { ClusterError } from '@mqtt-cluster/contracts';
import type { ClusterConfig, Snapshot } from '@mqtt-cluster/contracts';
import { z } from 'zod';

/** First word of the file; a reader that knows nothing else can tell what it is. */
const magic = 'mqtt-cluster-backup';
const formatVersion = 1;
const headerBytesMax = 64 * 1024;

/** The file is no backup, is damaged, or is of a newer program; the message is one clear line. */
export class BackupError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('BACKUP', message, options);
  }
}

export interface BackupHeader {
  readonly format: typeof magic;
  readonly version: number;
  /** Name of the cluster it was taken from. */
  readonly cluster: string;
  /** ISO 8601, wall clock of the member that was asked. */
  readonly takenAt: string;
  /** Place in the log of the last entry it holds. */
  readonly index: number;
  readonly term: number;
  readonly config: ClusterConfig;
  readonly bytes: number;
  /** Of the state, hex. */
  readonly sha256: string;
}

const headerSchema = z.object({
  format: z.literal(magic),
  version: z.int(),
  cluster: z.string(),
  takenAt: z.string(),
  index: z.int().min(1),
  term: z.int().min(1),
  config: z.object({
    members: z.array(z.object({ id: z.string(), storeId: z.string(), role: z.enum(['voter', 'learner']) })),
  }),
  bytes: z.int().min(0),
  sha256: z.string(),
});

/** One line of JSON, then the replicated state as one member had applied it. */
export function encodeBackup(cluster: string, { index, term, config, data }: Snapshot): Uint8Array {
  const header: BackupHeader = {
    format: magic,
    version: formatVersion,
    cluster,
    takenAt: new Date().toISOString(),
    index,
    term,
    config,
    bytes: data.length,
    sha256: sha256Of(data),
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), data]);
}

/** @throws BackupError anything at all is wrong with it */
export function decodeBackup(file: Uint8Array): { header: BackupHeader; snapshot: Snapshot } {
  const header = headerOf(file);
  const data = file.subarray(file.indexOf(10) + 1);
  if (data.length !== header.bytes)
    throw new BackupError(
      `the backup holds ${data.length} bytes of state instead of ${header.bytes}: it is cut off`,
    );
  if (sha256Of(data) !== header.sha256)
    throw new BackupError('the checksum of the backup is wrong: the file is damaged, take another one');
  const { index, term, config } = header;
  return { header, snapshot: { index, term, config, data } };
}

function headerOf(file: Uint8Array): BackupHeader {
  const end = file.subarray(0, headerBytesMax).indexOf(10);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(file.subarray(0, Math.max(0, end))).toString('utf8'));
  } catch (cause) {
    throw new BackupError('this file is no backup of an MQTT cluster', { cause });
  }
  const { format, version } = (value ?? {}) as { format?: unknown; version?: unknown };
  if (format !== magic) throw new BackupError('this file is no backup of an MQTT cluster');
  if (version !== formatVersion)
    throw new BackupError(
      `the backup has format ${String(version)}, this program knows ${formatVersion}: use the newer program`,
    );
  const result = headerSchema.safeParse(value);
  if (!result.success) throw new BackupError('the first line of the backup is damaged');
  return result.data;
}

function sha256Of(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
