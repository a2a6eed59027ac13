import type {
  AccessTable,
  AccessUser,
  AuthenticationResult,
  Credentials,
  Logger,
} from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { MetricDefinition, Metrics } from '@mqtt-cluster/metric-catalogue';
import { Authentication } from '../../src/index.ts';
import type { AuthenticationOptions } from '../../src/index.ts';
import { costOf, parsePasswordHash } from '../../src/hashing/password-hash.ts';
import type { PasswordHash } from '../../src/hashing/password-hash.ts';
import type { HashVerdict } from '../../src/hashing/hash-pool.ts';

export const cheapScrypt =
  '$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
export const pbkdf2 = `$7$101$${Buffer.alloc(12, 1).toString('base64')}$${Buffer.alloc(64, 1).toString('base64')}`;
export const sha512 = `$6$${Buffer.alloc(12, 2).toString('base64')}$${Buffer.alloc(64, 2).toString('base64')}`;

/** The costs that each verification computed, in its order, and the answers that it gave. */
export class CountingHashes {
  readonly jobs: string[][] = [];
  /** The right password of each hash. */
  readonly passwords = new Map<string, string>();
  verdict: HashVerdict | null = null;

  async verify(
    _address: string,
    password: Uint8Array,
    hashes: readonly PasswordHash[],
  ): Promise<HashVerdict> {
    const right = this.passwords.get(hashes[0]!.hash.toString('hex'));
    const matches = right === Buffer.from(password).toString();
    // A thread computes the hashes behind the first only if the first does not match.
    this.jobs.push((matches ? hashes.slice(0, 1) : hashes).map(costOf));
    return this.verdict ?? (matches ? 'matches' : 'differs');
  }

  /** Makes the password the right one of the hash. */
  set(hashText: string, password: string): void {
    this.passwords.set(parsePasswordHash(hashText).hash.toString('hex'), password);
  }
}

export function tableOf(...users: readonly Partial<AccessUser>[]): AccessTable {
  const complete = users.map((user) => ({ name: 'alice', passwordHash: cheapScrypt, groups: [], ...user }));
  return { version: users.length, users: new Map(complete.map((user) => [user.name, user])), rules: [] };
}

/** Totals of the counters, by name and labels. */
export class CountingMetrics implements Metrics {
  readonly totals: Record<string, number> = {};
  add({ name }: MetricDefinition, labels: readonly string[], amount = 1): void {
    const key = [name, ...labels].join(' ');
    this.totals[key] = (this.totals[key] ?? 0) + amount;
  }
  set(): void {}
  observe(): void {}
  remove(): void {}
}

export interface Login {
  readonly user?: string;
  readonly password?: string | Uint8Array;
  readonly address?: string;
  readonly listener?: string;
  readonly certificate?: Credentials['certificate'];
}

/** Returns a function that logs in, with the options' defaults of the tests. */
export function authenticationWith(
  options: Partial<AuthenticationOptions> & Pick<AuthenticationOptions, 'hashes'>,
): { authentication: Authentication; login: (given: Login) => Promise<AuthenticationResult> } {
  const authentication = new Authentication({
    listeners: new Map([['default', { providers: ['cluster'], anonymous: false }]]),
    table: () => tableOf(),
    certificateUser: 'cn',
    logger: silentLogger,
    ...options,
  });
  const login = ({ user, password, address = '192.0.2.1', listener = 'default', certificate }: Login) =>
    authentication.authenticate({
      client: 'c1',
      address,
      listener,
      ...(user !== undefined && { userName: user }),
      ...(password !== undefined && { password: Buffer.from(password) }),
      ...(certificate && { certificate }),
    });
  return { authentication, login };
}

/** A logger that keeps its lines. */
export function recordingLogger(lines: string[]): Logger {
  const record = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };
  return logger;
}
