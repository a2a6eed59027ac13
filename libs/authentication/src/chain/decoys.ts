import { randomBytes } from 'node:crypto';
import { costOf, dummyOf, newHashCost } from '../hashing/password-hash.ts';
import type { PasswordHash } from '../hashing/password-hash.ts';
import type { PasswordUsers } from './password-users.ts';

/** Different costs that a refused login pays for. */
const costsMax = 4;
/** Time for which the costs are not counted again, ms. An import changes the users many times a second. */
const recountMs = 1_000;

/**
 * Hashes that no password matches. A refused login computes one hash of each cost that the users of its listener have:
 * for a known user the user's own hash and decoys of the other costs, for an unknown user decoys only. Time and answer
 * therefore do not show whether a user exists, even if users of a file and of the cluster have different costs. If the
 * users have more than four costs, the decoys have the four that most users have.
 */
export class Decoys {
  readonly #sources: readonly PasswordUsers[];
  readonly #now: () => number;
  #decoys: readonly PasswordHash[] = [];
  #countedAtMs = -Infinity;

  constructor(sources: readonly PasswordUsers[], now: () => number) {
    this.#sources = sources;
    this.#now = now;
  }

  /** @param own the user's hash; null for an unknown user. @returns all hashes to compute, the user's first */
  hashesFor(own: PasswordHash | null): readonly PasswordHash[] {
    this.#recount();
    if (own === null) return this.#decoys;
    const cost = costOf(own);
    return [own, ...this.#decoys.filter((decoy) => costOf(decoy) !== cost)];
  }

  #recount(): void {
    if (this.#now() - this.#countedAtMs < recountMs) return;
    this.#countedAtMs = this.#now();
    const users = new Map<string, { hash: PasswordHash; users: number }>();
    for (const source of this.#sources) {
      for (const [cost, counted] of source.costs()) {
        const others = users.get(cost)?.users ?? 0;
        users.set(cost, { hash: counted.hash, users: counted.users + others });
      }
    }
    const frequent = [...users.values()].sort((left, right) => right.users - left.users).slice(0, costsMax);
    const hashes = frequent.length === 0 ? [newHash()] : frequent.map(({ hash }) => hash);
    this.#decoys = hashes.map((hash) => dummyOf(hash, randomBytes));
  }
}

function newHash(): PasswordHash {
  const { ln, r, p, saltBytes, hashBytes } = newHashCost;
  return { kind: 'scrypt', ln, r, p, salt: Buffer.alloc(saltBytes), hash: Buffer.alloc(hashBytes) };
}
