import { createHmac, randomBytes } from 'node:crypto';

/** Above the number of clients of a member, so that the reconnects of all clients hit the cache. About 4 MB. */
const entriesMaxDefault = 32_768;

/**
 * Remembers which passwords matched which hashes, so that a client that connects again costs no hash. The cache keeps
 * no password and no digest of one: its keys are HMACs under a random key of this process. The hash is part of the
 * key, so a changed password or a changed user never finds an old entry.
 */
export class SuccessCache {
  readonly #key = randomBytes(32);
  readonly #entriesMax: number;
  /** In the order of use, oldest first. */
  readonly #entries = new Set<string>();

  constructor(entriesMax = entriesMaxDefault) {
    this.#entriesMax = entriesMax;
  }

  has(user: string, hashText: string, password: Uint8Array): boolean {
    const digest = this.#digest(user, hashText, password);
    if (!this.#entries.delete(digest)) return false;
    this.#entries.add(digest);
    return true;
  }

  add(user: string, hashText: string, password: Uint8Array): void {
    this.#entries.add(this.#digest(user, hashText, password));
    if (this.#entries.size <= this.#entriesMax) return;
    const [oldest] = this.#entries;
    this.#entries.delete(oldest!);
  }

  #digest(user: string, hashText: string, password: Uint8Array): string {
    // The lengths keep the parts apart.
    const head = `${Buffer.byteLength(user)} ${Buffer.byteLength(hashText)} ${user}${hashText}`;
    return createHmac('sha256', this.#key).update(head).update(password).digest('base64');
  }
}
