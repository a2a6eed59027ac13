import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { MemberId, StoreId } from '@mqtt-cluster/contracts';
import { StoreCorruptError, StoreFormatError, StoreOwnerError } from '@mqtt-cluster/contracts';
import { crc32 } from './crc32.ts';
import { replaceAdvice } from './disk/disk-errors.ts';
import type { FileSystem } from './disk/file-system.ts';
import { createWhole } from './disk/file-system.ts';

/** Version of everything in the directory; rises with any change that an older program would misread. */
export const storeFormat = 1;
export const identityName = 'identity.json';

export interface Identity {
  readonly format: number;
  readonly member: MemberId;
  readonly storeId: StoreId;
}

/**
 * Brings a store from one format to the next; must leave a store of either format wherever it is
 * interrupted.
 */
export type Migration = (directory: string, system: FileSystem) => Promise<void>;

/** By the format they start from. None yet: format 1 is the first. */
export const builtInMigrations: ReadonlyMap<number, Migration> = new Map();

function checksumOf(identity: Identity): number {
  return crc32(Buffer.from(JSON.stringify([identity.format, identity.member, identity.storeId])));
}

export function newIdentity(member: MemberId): Identity {
  return { format: storeFormat, member, storeId: randomBytes(16).toString('hex') };
}

/** The last step of creating a store: from then on it exists. */
export async function writeIdentity(
  system: FileSystem,
  directory: string,
  identity: Identity,
): Promise<void> {
  const text = `${JSON.stringify({ ...identity, checksum: checksumOf(identity) })}\n`;
  await createWhole(system, join(directory, identityName), Buffer.from(text));
  await system.syncDirectory(directory);
}

/**
 * @returns null when there is none. The format is checked first: nothing else of a newer one can be
 * understood.
 */
export async function readIdentity(
  system: FileSystem,
  directory: string,
  member: MemberId,
  migrations: ReadonlyMap<number, Migration>,
): Promise<Identity | null> {
  if (!(await system.list(directory)).includes(identityName)) return null;
  const text = (await system.read(join(directory, identityName))).toString();
  const identity = parse(text, directory);
  if (identity.format > storeFormat) {
    throw new StoreFormatError(
      `the store in ${directory} has format ${identity.format}, but this program knows only up to format ` +
        `${storeFormat}; run the newer program, or start with an empty directory`,
    );
  }
  if (identity.checksum !== checksumOf(identity)) {
    throw new StoreCorruptError(`${join(directory, identityName)}: wrong checksum; ${replaceAdvice}`);
  }
  if (identity.member !== member) {
    throw new StoreOwnerError(
      `the store in ${directory} belongs to member "${identity.member}", not to "${member}"; ` +
        'correct the member id or the directory in the configuration',
    );
  }
  return migrate(system, directory, identity, migrations);
}

function parse(text: string, directory: string): Identity & { checksum: number } {
  try {
    const value = JSON.parse(text) as Partial<Identity & { checksum: number }>;
    if (typeof value.format !== 'number') throw new Error('no format');
    const { format, member = '', storeId = '', checksum = -1 } = value;
    return { format, member, storeId, checksum };
  } catch (error) {
    throw new StoreCorruptError(`${join(directory, identityName)}: not readable; ${replaceAdvice}`, {
      cause: error,
    });
  }
}

async function migrate(
  system: FileSystem,
  directory: string,
  identity: Identity,
  migrations: ReadonlyMap<number, Migration>,
): Promise<Identity> {
  let current: Identity = { format: identity.format, member: identity.member, storeId: identity.storeId };
  while (current.format < storeFormat) {
    const migration = migrations.get(current.format);
    if (migration === undefined) {
      throw new StoreFormatError(
        `the store in ${directory} has format ${current.format}, which this program ` +
          `(format ${storeFormat}) can't migrate; update through a version in between, ` +
          'or start with an empty directory',
      );
    }
    await migration(directory, system);
    current = { ...current, format: current.format + 1 };
    await writeIdentity(system, directory, current);
  }
  return current;
}
