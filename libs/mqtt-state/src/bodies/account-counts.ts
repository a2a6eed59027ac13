import type { Account } from '../bounds/account.ts';
import type { BodyId } from './body-content.ts';
import { rowsPerChunk } from './body-rows.ts';

/**
 * Number of queue items by message and account, for the accounts of users. Nearly every message is in the queues of one
 * user only, so the first user needs no map.
 */
export class AccountCounts {
  readonly #chunks: (Chunk | undefined)[] = [];
  /** The counts of further accounts, by message. */
  readonly #others = new Map<BodyId, Map<Account, number>>();

  has(body: BodyId, account: Account): boolean {
    const chunk = this.#chunks[Math.floor(body / rowsPerChunk)];
    if (chunk?.accounts[body % rowsPerChunk] === account) return true;
    return this.#others.get(body)?.has(account) === true;
  }

  /** Adds to the count of an account. @returns the new count */
  add(body: BodyId, account: Account, change: 1 | -1): number {
    const { accounts, counts } = this.#chunkOf(body);
    const row = body % rowsPerChunk;
    const others = this.#others.get(body);
    if (accounts[row] === account || (accounts[row] === null && others?.has(account) !== true)) {
      const count = counts[row]! + change;
      accounts[row] = count === 0 ? null : account;
      counts[row] = count;
      return count;
    }
    const count = (others?.get(account) ?? 0) + change;
    if (count > 0) {
      if (others) others.set(account, count);
      else this.#others.set(body, new Map([[account, count]]));
    } else if (others?.delete(account) === true && others.size === 0) this.#others.delete(body);
    return count;
  }

  /** Gives back the memory of messages whose counts are all 0. @param firstBody the first of them */
  discardChunk(firstBody: BodyId): void {
    this.#chunks[Math.floor(firstBody / rowsPerChunk)] = undefined;
  }

  #chunkOf(body: BodyId): Chunk {
    const index = Math.floor(body / rowsPerChunk);
    return (this.#chunks[index] ??= {
      accounts: new Array<Account | null>(rowsPerChunk).fill(null),
      counts: new Uint32Array(rowsPerChunk),
    });
  }
}

interface Chunk {
  readonly accounts: (Account | null)[];
  readonly counts: Uint32Array;
}
