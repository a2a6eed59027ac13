import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { UsageError } from '../program/errors.ts';

/** PEM texts for connections over HTTPS. An absent authority: the authorities of Node. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads the files of the options. @throws UsageError a file cannot be used, or a certificate has no key */
export function tlsFilesOf({ ca, cert, key }: TlsFiles): TlsFiles {
  if (cert !== undefined && key === undefined) throw new UsageError('--cert needs --key FILE');
  if (key !== undefined && cert === undefined) throw new UsageError('--key needs --cert FILE');
  const authority = ca === undefined ? {} : { ca: read('--ca', ca) };
  if (cert === undefined || key === undefined) return authority;
  const own = { cert: read('--cert', cert), key: read('--key', key) };
  try {
    createSecureContext(own);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new UsageError(`--cert, --key: ${cert} and ${key} are no certificate with its key: ${reason}`, {
      cause,
    });
  }
  return { ...authority, ...own };
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`${option}: the file ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}
