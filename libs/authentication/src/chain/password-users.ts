import type { AccessTable, AccessUser, Logger, Role } from '@mqtt-cluster/contracts';
import { costOf, parsePasswordHash } from '../hashing/password-hash.ts';
import type { PasswordHash } from '../hashing/password-hash.ts';
import type { PasswordFile } from '../password-file/password-file.ts';

export interface PasswordUser {
  readonly hashText: string;
  /** Null: the user cannot log in, because the hash is invalid or the user is disabled. */
  readonly hash: PasswordHash | null;
  readonly role?: Role;
}

/** Number of users by the cost of their hashes, with one of these hashes. */
export type HashCosts = ReadonlyMap<string, { readonly hash: PasswordHash; readonly users: number }>;

/** Users with passwords. */
export interface PasswordUsers {
  find(name: string): PasswordUser | undefined;
  costs(): HashCosts;
}

/** The users in the replicated state. */
export class ClusterUsers implements PasswordUsers {
  readonly #table: () => AccessTable;
  readonly #logger: Logger;
  readonly #hashes = new WeakMap<AccessUser, PasswordHash | null>();
  #costs: HashCosts = new Map();
  #costsVersion = -1;

  constructor(table: () => AccessTable, logger: Logger) {
    this.#table = table;
    this.#logger = logger;
  }

  find(name: string): PasswordUser | undefined {
    const user = this.#table().users.get(name);
    if (user === undefined) return undefined;
    return {
      hashText: user.passwordHash,
      hash: user.disabled === true ? null : this.#hashOf(user),
      ...(user.role !== undefined && { role: user.role }),
    };
  }

  costs(): HashCosts {
    const { version, users } = this.#table();
    if (version !== this.#costsVersion) {
      this.#costsVersion = version;
      this.#costs = countCosts([...users.values()].map((user) => this.#hashOf(user)));
    }
    return this.#costs;
  }

  #hashOf(user: AccessUser): PasswordHash | null {
    let hash = this.#hashes.get(user);
    if (hash === undefined) {
      hash = null;
      try {
        hash = parsePasswordHash(user.passwordHash);
      } catch (error) {
        const fields = { user: user.name, error: (error as Error).message };
        this.#logger.error(fields, 'A user of the cluster cannot log in: the password hash is invalid');
      }
      this.#hashes.set(user, hash);
    }
    return hash;
  }
}

/** The users of a password file that is read again when it changes. */
export class FileUsers implements PasswordUsers {
  readonly #file: () => PasswordFile;
  #costs: HashCosts = new Map();
  #costsFile: PasswordFile | null = null;

  constructor(file: () => PasswordFile) {
    this.#file = file;
  }

  find(name: string): PasswordUser | undefined {
    return this.#file().get(name);
  }

  costs(): HashCosts {
    const file = this.#file();
    if (file !== this.#costsFile) {
      this.#costsFile = file;
      this.#costs = countCosts([...file.values()].map(({ hash }) => hash));
    }
    return this.#costs;
  }
}

function countCosts(hashes: readonly (PasswordHash | null)[]): HashCosts {
  const costs = new Map<string, { hash: PasswordHash; users: number }>();
  for (const hash of hashes) {
    if (hash === null) continue;
    const cost = costOf(hash);
    const counted = costs.get(cost);
    if (counted === undefined) costs.set(cost, { hash, users: 1 });
    else counted.users++;
  }
  return costs;
}
