import { createPrivateKey, X509Certificate } from 'node:crypto';
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

/** Returns why this member cannot use the credentials of a link, in one sentence, or null. */
export async function credentialFault(definition: LinkDefinition, directory: string): Promise<string | null> {
  return readCredentials(definition, directory).then(
    () => null,
    (error: Error) => error.message,
  );
}

/**
 * Reads the credentials of a link. They are read before each connection, so that a changed file is used.
 *
 * @throws Error with the path of the file that is wrong
 */
export async function readCredentials(definition: LinkDefinition, directory: string): Promise<Credentials> {
  const [first] = filesOf(definition);
  if (first !== undefined && directory === '')
    throw new Error(`the file ${first} is missing: the setting links.directory is not set`);
  const { passwordFile, tls = {} } = definition;
  const read = async (name: string | undefined): Promise<Buffer | undefined> =>
    name === undefined ? undefined : readBounded(join(directory, name));
  const line = await read(passwordFile);
  const password = line === undefined ? undefined : firstLine(line, passwordFile!);
  const [ca, cert, key] = [await read(tls.ca), await read(tls.cert), await read(tls.key)];
  for (const [name, pem] of [
    [tls.ca, ca],
    [tls.cert, cert],
  ] as const)
    // X509Certificate accepts DER as bytes, and TLS does not.
    if (pem !== undefined)
      parsed(join(directory, name!), 'certificate', () => new X509Certificate(pem.toString()));
  if (key !== undefined) parsed(join(directory, tls.key!), 'private key', () => createPrivateKey(key));
  return {
    ...(password !== undefined && { password }),
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(tls.serverName !== undefined && { serverName: tls.serverName }),
    },
  };
}

/** @throws Error with one sentence, if the file does not contain what the connection needs */
function parsed(path: string, kind: string, parse: () => unknown): void {
  try {
    parse();
  } catch (cause) {
    throw new Error(`the file ${path} contains no ${kind} (PEM) that can be used`, { cause });
  }
}

async function readBounded(path: string): Promise<Buffer> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) throw new Error(`the file ${path} is missing`);
  if (found.size > fileBytesMax) throw new Error(`the file ${path} has more than ${fileBytesMax} bytes`);
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
