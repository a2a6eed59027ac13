import { decodeText } from '@mqtt-cluster/contracts';
import { CredentialError } from '../credential-error.ts';
import { parsePasswordHash } from '../hashing/password-hash.ts';
import type { PasswordHash } from '../hashing/password-hash.ts';

const usersMax = 100_000;
const nameBytesMax = 256;

/** A user of a password file. */
interface PasswordFileUser {
  /** The hash as it stands in the file. */
  readonly hashText: string;
  readonly hash: PasswordHash;
}

/** The users of a password file by their names. */
export type PasswordFile = ReadonlyMap<string, PasswordFileUser>;

/**
 * Parses a password file of Mosquitto: a line `NAME:HASH` for each user, empty lines, and comments that start with
 * `#`. Mosquitto skips a line that it does not understand; this parser refuses the file, because a skipped user could
 * not log in.
 *
 * @throws CredentialError with the number of the first faulty line. The message contains no part of a line that may be a
 *   password.
 */
export function parsePasswordFile(content: Uint8Array): PasswordFile {
  const users = new Map<string, PasswordFileUser>();
  const lineOfUser = new Map<string, number>();
  for (const [index, line] of decodeText(content).split('\n').entries()) {
    const number = index + 1;
    if (line.trim() === '' || line.startsWith('#')) continue;
    try {
      const { name, user } = parseLine(line);
      const earlier = lineOfUser.get(name);
      if (earlier !== undefined) throw new CredentialError(`line ${earlier} has the same user name`);
      if (users.size >= usersMax) throw new CredentialError(`the file has more than ${usersMax} users`);
      users.set(name, user);
      lineOfUser.set(name, number);
    } catch (cause) {
      if (!(cause instanceof CredentialError)) throw cause;
      throw new CredentialError(`line ${number}: ${cause.message}`, { cause });
    }
  }
  return users;
}

function parseLine(line: string): { name: string; user: PasswordFileUser } {
  const colon = line.indexOf(':');
  if (colon < 0) throw new CredentialError('the line must have the form NAME:HASH');
  const name = line.slice(0, colon).trim();
  const hashText = line.slice(colon + 1).trim();
  if (name === '') throw new CredentialError('the user name is empty');
  if (Buffer.byteLength(name) > nameBytesMax) {
    throw new CredentialError(`the user name has more than ${nameBytesMax} bytes`);
  }
  if (hashText === '') throw new CredentialError('the password hash is missing');
  return { name, user: { hashText, hash: parsePasswordHash(hashText) } };
}
