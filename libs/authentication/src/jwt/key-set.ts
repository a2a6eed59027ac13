import { createLocalJWKSet } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { parseJsonText } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { CredentialError } from '../credential-error.ts';

const keysMax = 100;
/** Bytes of a key set, in a file or from a URL. */
export const keySetBytesMax = 256 * 1024;

const keySchema = z.looseObject({
  kty: z.string(),
  kid: z.string().optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
});
const keySetSchema = z.looseObject({ keys: z.array(keySchema) });

/** The key types with a public and a private part. Keys of the type `oct` are shared secrets. */
const publicKeyTypes = ['RSA', 'EC', 'OKP'];

/**
 * Parses a set of public keys (RFC 7517). A set with a secret or a private key is refused: a file with such a key
 * lets its readers make tokens.
 *
 * @throws CredentialError with the fault
 * @throws TextError the content is not UTF-8, or not JSON
 */
export function parseKeySet(content: Uint8Array): JSONWebKeySet {
  if (content.length > keySetBytesMax)
    throw new CredentialError(`the key set has more than ${keySetBytesMax} bytes`);
  const { data: set } = keySetSchema.safeParse(parseJsonText(content));
  if (set === undefined) throw new CredentialError('the text is not a JSON Web Key Set, {"keys": [...]}');
  if (set.keys.length > keysMax) throw new CredentialError(`the key set has more than ${keysMax} keys`);
  for (const [index, key] of set.keys.entries()) {
    const name = `key ${index + 1}`;
    if (!publicKeyTypes.includes(key.kty))
      throw new CredentialError(`${name}: the type must be RSA, EC or OKP`);
    if ('d' in key)
      throw new CredentialError(`${name} is a private key; the key set must contain public keys only`);
  }
  // The types differ only in `readonly`.
  return set as unknown as JSONWebKeySet;
}

/** Finds the public key of a token. */
export interface TokenKeys {
  /** Rejects with an error of jose if no key fits, and with {@link KeysUnavailableError} if there are no keys now. */
  readonly find: JWTVerifyGetKey;
}

/** The keys cannot be read from their URL. */
export class KeysUnavailableError extends Error {}

/** Returns the keys of a file that is read again when it changes. */
export function keysOfFile(current: () => JSONWebKeySet): TokenKeys {
  let known: JSONWebKeySet | null = null;
  let finder: JWTVerifyGetKey | null = null;
  return {
    find: (header, token) => {
      const set = current();
      if (finder === null || set !== known) finder = createLocalJWKSet(set);
      known = set;
      return finder(header, token);
    },
  };
}
