import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { parseJson, StoreCorruptError, StoreFormatError, StoreOwnerError } from '@mqtt-cluster/contracts';
import type { Decoded, MemberId } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { replaceStoreAdvice } from './disk/disk-errors.ts';
import type { FileSystem } from './disk/file-system.ts';
import { createFileAtomically } from './disk/file-system.ts';

/**
 * Version of the format of all files in the directory. It increases with each change that an older program
 * would misread.
 */
const storeFormat = 1;
const identityName = 'identity.json';

/**
 * The content of the identity file, including its checksum. Only `format` is required, because the other
 * fields of a newer format are unknown.
 */
const identityFileSchema = z.object({
  format: z.number(),
  member: z.string().default(''),
  storeId: z.string().default(''),
  checksum: z.number().default(-1),
});
type IdentityFile = Decoded<typeof identityFileSchema>;
export type StoreIdentity = Omit<IdentityFile, 'checksum'>;

/**
 * Converts a store from one format to the next. If a migration is interrupted at any point, the store must be
 * readable in the old or the new format.
 */
export type Migration = (directory: string, system: FileSystem) => Promise<void>;

/**
 * Migrations by the format that they start from. Format 1 is the first format, so there are no migrations
 * yet.
 */
export const builtInMigrations: ReadonlyMap<number, Migration> = new Map();

function checksumOf(identity: StoreIdentity): number {
  return crc32(Buffer.from(JSON.stringify([identity.format, identity.member, identity.storeId])));
}

export function newIdentity(member: MemberId): StoreIdentity {
  return { format: storeFormat, member, storeId: randomBytes(16).toString('hex') };
}

/**
 * Writes the identity file. This is the last step of creating a store: without the file the store does not
 * exist.
 */
export async function writeIdentity(
  system: FileSystem,
  directory: string,
  identity: StoreIdentity,
): Promise<void> {
  const text = `${JSON.stringify({ ...identity, checksum: checksumOf(identity) })}\n`;
  await createFileAtomically(system, join(directory, identityName), Buffer.from(text));
  await system.syncDirectory(directory);
}

/**
 * Reads and migrates the identity file. The format is checked first, because the rest of a newer format is
 * unknown.
 * @returns null if there is no identity file
 * @throws StoreFormatError the format is newer than this program, or there is no migration from it
 * @throws StoreCorruptError the file is not readable or its checksum is wrong
 * @throws StoreOwnerError the store belongs to another member
 */
export async function readIdentity(
  system: FileSystem,
  directory: string,
  member: MemberId,
  migrations: ReadonlyMap<number, Migration>,
): Promise<StoreIdentity | null> {
  if (!(await system.list(directory)).includes(identityName)) return null;
  const text = (await system.read(join(directory, identityName))).toString();
  const identity = parse(text, directory);
  if (identity.format > storeFormat) {
    throw new StoreFormatError(
      `the store in ${directory} has format ${identity.format}, but this program supports only formats ` +
        `up to ${storeFormat}; run the newer program, or start with an empty directory`,
    );
  }
  if (identity.checksum !== checksumOf(identity)) {
    throw new StoreCorruptError(
      `${join(directory, identityName)} has a wrong checksum; ${replaceStoreAdvice}`,
    );
  }
  if (identity.member !== member) {
    throw new StoreOwnerError(
      `the store in ${directory} belongs to member "${identity.member}", not to "${member}"; ` +
        'correct the member id or the directory in the configuration',
    );
  }
  return migrate(system, directory, identity, migrations);
}

function parse(text: string, directory: string): IdentityFile {
  const identity = parseJson(identityFileSchema, text);
  if (identity !== undefined) return identity;
  throw new StoreCorruptError(`${join(directory, identityName)}: not readable; ${replaceStoreAdvice}`);
}

async function migrate(
  system: FileSystem,
  directory: string,
  identity: StoreIdentity,
  migrations: ReadonlyMap<number, Migration>,
): Promise<StoreIdentity> {
  let current: StoreIdentity = {
    format: identity.format,
    member: identity.member,
    storeId: identity.storeId,
  };
  while (current.format < storeFormat) {
    const migration = migrations.get(current.format);
    if (migration === undefined) {
      throw new StoreFormatError(
        `the store in ${directory} has format ${current.format}, which this program ` +
          `(format ${storeFormat}) cannot migrate; update through an intermediate version, ` +
          'or start with an empty directory',
      );
    }
    await migration(directory, system);
    current = { ...current, format: current.format + 1 };
    await writeIdentity(system, directory, current);
  }
  return current;
}
