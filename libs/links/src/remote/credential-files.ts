import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeText } from '@mqtt-cluster/contracts';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import type { TlsOptions } from '@mqtt-cluster/failover-client';

/** Bytes of a credential file. */
const fileBytesMax = 256 * 1024;

export interface Credentials {
  readonly password?: Buffer;
  readonly tls: TlsOptions;
}

/** Returns the names of the files of a definition. */
function filesOf({ passwordFile, tls }: LinkDefinition): string[] {
  return [passwordFile, tls?.ca, tls?.cert, tls?.key].filter((name) => name !== undefined);
}

/** Returns why this member lacks the credentials of a link, or null if it has all files. */
export async function missingFile(definition: LinkDefinition, directory: string): Promise<string | null> {
  const names = filesOf(definition);
  if (names.length === 0) return null;
  if (directory === '') return `the file ${names[0]} is missing: the setting links.directory is not set`;
  for (const name of names) {
    const found = await stat(join(directory, name)).catch(() => null);
    if (found?.isFile() !== true) return `the file ${join(directory, name)} is missing`;
  }
  return null;
}

/**
 * Reads the credentials of a link. They are read before each connection, so that a changed file is used.
 *
 * @throws Error with the path of the file that is wrong
 */
export async function readCredentials(definition: LinkDefinition, directory: string): Promise<Credentials> {
  const missing = await missingFile(definition, directory);
  if (missing !== null) throw new Error(missing);
  const { passwordFile, tls = {} } = definition;
  const read = (name: string): Promise<Buffer> => readBounded(join(directory, name));
  const password = passwordFile === undefined ? undefined : firstLine(await read(passwordFile), passwordFile);
  return {
    ...(password !== undefined && { password }),
    tls: {
      ...(tls.ca !== undefined && { ca: await read(tls.ca) }),
      ...(tls.cert !== undefined && { cert: await read(tls.cert) }),
      ...(tls.key !== undefined && { key: await read(tls.key) }),
      ...(tls.serverName !== undefined && { serverName: tls.serverName }),
    },
  };
}

async function readBounded(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > fileBytesMax) throw new Error(`the file ${path} has more than ${fileBytesMax} bytes`);
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`the file ${path} cannot be read`, { cause });
  }
}

function firstLine(bytes: Buffer, name: string): Buffer {
  const [line = ''] = textOf(bytes, name).split(/\r?\n/, 1);
  if (line === '') throw new Error(`the first line of ${name} is empty`);
  return Buffer.from(line);
}

function textOf(bytes: Buffer, name: string): string {
  try {
    return decodeText(bytes);
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause });
  }
}
