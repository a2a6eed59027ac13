import { CredentialError } from '../credential-error.ts';

/**
 * Password hashes in text form: `$scrypt$` in the PHC string format, and the formats `$7$` (PBKDF2-SHA512) and `$6$`
 * (one SHA-512 over password and salt) of `mosquitto_passwd`.
 */

/** Bytes that scrypt may occupy: 128 · r · 2^ln. */
const scryptBytesMax = 64 * 1024 * 1024;
/** Work of one scrypt hash, r · p · 2^ln: eight times the default. */
const scryptWorkMax = 2 ** 20;
/** About half a second of one core. */
const pbkdf2IterationsMax = 1_000_000;
const saltBytesMax = 64;
const scryptHashBytes = { min: 16, max: 64 } as const;
const sha512Bytes = 64;
const textBytesMax = 512;

export type PasswordHash =
  | {
      readonly kind: 'scrypt';
      /** Binary logarithm of the cost parameter N. */
      readonly ln: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
  | { readonly kind: 'pbkdf2'; readonly iterations: number; readonly salt: Buffer; readonly hash: Buffer }
  | { readonly kind: 'sha512'; readonly salt: Buffer; readonly hash: Buffer };

/** The cost of new hashes: about 16 MiB and 50 ms. */
export const newHashCost = { ln: 14, r: 8, p: 1, saltBytes: 16, hashBytes: 32 } as const;

/**
 * Parses a password hash. Parameters that would cost more than half a second or 64 MiB are refused, because each
 * login would cost that much.
 *
 * @throws CredentialError with the fault. The message does not contain the text, which may be a password.
 */
export function parsePasswordHash(text: string): PasswordHash {
  if (text.length > textBytesMax)
    throw new CredentialError(`the hash has more than ${textBytesMax} characters`);
  const [before, kind, ...fields] = text.split('$');
  if (before !== '' || kind === undefined) {
    throw new CredentialError(
      'the password is plain text; mosquitto_passwd -U replaces the passwords of a file by hashes',
    );
  }
  if (kind === 'scrypt') return parseScrypt(fields);
  if (kind === '7') return parsePbkdf2(fields);
  if (kind === '6') return parseSha512(fields);
  throw new CredentialError(
    'the hash has an unknown format; the formats are $7$ and $6$ of mosquitto_passwd, and $scrypt$',
  );
}

/** Returns a hash in the PHC string format. */
export function formatScrypt(salt: Buffer, hash: Buffer): string {
  const { ln, r, p } = newHashCost;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Returns a text that is equal for hashes of equal cost. Two logins take the same time if their hashes have the same
 * cost.
 */
export function costOf(hash: PasswordHash): string {
  if (hash.kind === 'scrypt') return `scrypt ${hash.ln} ${hash.r} ${hash.p} ${hash.hash.length}`;
  return hash.kind === 'pbkdf2' ? `pbkdf2 ${hash.iterations}` : 'sha512';
}

/** Returns a hash of the same cost that no password matches, except by a chance of 2^-128 or less. */
export function dummyOf(hash: PasswordHash, random: (bytes: number) => Buffer): PasswordHash {
  return { ...hash, salt: random(hash.salt.length), hash: random(hash.hash.length) };
}

function parseScrypt(fields: readonly string[]): PasswordHash {
  const [parameters = '', saltText = '', hashText = ''] = fields;
  const [, ln, r, p] = /^ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})$/.exec(parameters) ?? [];
  if (fields.length !== 3 || ln === undefined) {
    throw new CredentialError('the hash must have the form $scrypt$ln=14,r=8,p=1$SALT$HASH');
  }
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  const tooCheap = cost.ln < 1 || cost.r < 1 || cost.p < 1;
  const bytes = 128 * cost.r * 2 ** cost.ln;
  if (tooCheap || bytes > scryptBytesMax || cost.r * cost.p * 2 ** cost.ln > scryptWorkMax) {
    throw new CredentialError(
      'the cost of the hash is out of bounds: 128·r·2^ln at most 64 MiB, r·p·2^ln at most 2^20',
    );
  }
  const salt = decoded(saltText, unpadded);
  const hash = decoded(hashText, unpadded);
  checkSalt(salt);
  if (hash.length < scryptHashBytes.min || hash.length > scryptHashBytes.max) {
    throw new CredentialError(`the hash must have ${scryptHashBytes.min} to ${scryptHashBytes.max} bytes`);
  }
  return { kind: 'scrypt', ...cost, salt, hash };
}

function parsePbkdf2(fields: readonly string[]): PasswordHash {
  const [iterationsText = '', saltText = '', hashText = ''] = fields;
  if (fields.length !== 3 || !/^\d{1,10}$/.test(iterationsText)) {
    throw new CredentialError('the hash must have the form $7$ITERATIONS$SALT$HASH');
  }
  const iterations = Number(iterationsText);
  if (iterations < 1 || iterations > pbkdf2IterationsMax) {
    throw new CredentialError(`the number of iterations must be from 1 to ${pbkdf2IterationsMax}`);
  }
  return { kind: 'pbkdf2', iterations, ...saltAndHash(saltText, hashText) };
}

function parseSha512(fields: readonly string[]): PasswordHash {
  const [saltText = '', hashText = ''] = fields;
  if (fields.length !== 2) throw new CredentialError('the hash must have the form $6$SALT$HASH');
  return { kind: 'sha512', ...saltAndHash(saltText, hashText) };
}

function saltAndHash(saltText: string, hashText: string): { salt: Buffer; hash: Buffer } {
  const salt = decoded(saltText, padded);
  const hash = decoded(hashText, padded);
  checkSalt(salt);
  if (hash.length !== sha512Bytes) throw new CredentialError(`the hash must have ${sha512Bytes} bytes`);
  return { salt, hash };
}

function checkSalt(salt: Buffer): void {
  if (salt.length < 1 || salt.length > saltBytesMax) {
    throw new CredentialError(`the salt must have 1 to ${saltBytesMax} bytes`);
  }
}

/** @throws CredentialError unless the text is the base64 form that `encode` returns for its bytes */
function decoded(text: string, encode: (bytes: Buffer) => string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (encode(bytes) !== text) throw new CredentialError('salt and hash must be in base64');
  return bytes;
}

function padded(bytes: Buffer): string {
  return bytes.toString('base64');
}

/** The PHC string format uses base64 without padding. */
function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
