import { networkOf, shortened } from '@mqtt-cluster/contracts';

/** Failed logins a minute of one user name from one address. */
const failuresPerUserMax = 10;
/** Failed logins a minute from one address. */
const failuresPerAddressMax = 60;
const minuteMs = 60_000;
/** Addresses, and pairs of address and user name. About 4 MB. */
const keysMaxDefault = 20_000;

interface Bucket {
  /** Failures that count at `atMs`. They decay evenly, by the bound in each minute. */
  failures: number;
  atMs: number;
}

/**
 * Counts failed logins by address, and by address and user name. Above the bound the address must wait until its
 * failures have decayed; other addresses are not affected. Unknown user names count like known ones.
 */
export class FailureLimiter {
  readonly #now: () => number;
  readonly #keysMax: number;
  /** In the order of the last failure, oldest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(now: () => number, keysMax = keysMaxDefault) {
    this.#now = now;
    this.#keysMax = keysMax;
  }

  /** Returns whether a login from this address as this user must be refused without a check. */
  isLimited(address: string, user: string): boolean {
    const [byAddress, byUser] = keysOf(address, user);
    return (
      this.#failures(byAddress, failuresPerAddressMax) > failuresPerAddressMax - 1 ||
      this.#failures(byUser, failuresPerUserMax) > failuresPerUserMax - 1
    );
  }

  /** Returns whether a login from this address has failed within the last minute. */
  hasFailed(address: string): boolean {
    const bucket = this.#buckets.get(networkOf(address));
    return bucket !== undefined && this.#now() - bucket.atMs < minuteMs;
  }

  onFailure(address: string, user: string): void {
    const [byAddress, byUser] = keysOf(address, user);
    this.#count(byAddress, failuresPerAddressMax);
    this.#count(byUser, failuresPerUserMax);
  }

  /** Takes back the failure of a login that has succeeded after all. */
  withdraw(address: string, user: string): void {
    for (const key of keysOf(address, user)) {
      const bucket = this.#buckets.get(key);
      if (bucket !== undefined) bucket.failures = Math.max(0, bucket.failures - 1);
    }
  }

  /** Keys that the limiter remembers. */
  get size(): number {
    return this.#buckets.size;
  }

  #failures(key: string, perMinute: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    return Math.max(0, bucket.failures - ((this.#now() - bucket.atMs) / minuteMs) * perMinute);
  }

  #count(key: string, perMinute: number): void {
    const failures = this.#failures(key, perMinute) + 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { failures, atMs: this.#now() });
    if (this.#buckets.size <= this.#keysMax) return;
    const [oldest] = this.#buckets.keys();
    this.#buckets.delete(oldest!);
  }
}

function keysOf(address: string, user: string): [string, string] {
  const group = networkOf(address);
  return [group, `${group} ${shortened(user, 256)}`];
}
