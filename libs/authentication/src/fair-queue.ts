import { networkOf } from '@mqtt-cluster/contracts';

export interface FairQueueBounds {
  /** Items of all addresses. */
  readonly itemsMax: number;
  /** Items of one address. Below `itemsMax`, so that one address cannot fill the queue. */
  readonly itemsPerAddressMax: number;
}

/** Above this length the queue also serves the newest address, see {@link FairQueue}. */
const longLength = 16;
/** One of this many items comes from the addresses with failures, if both kinds wait. */
const failedTurns = 4;

/**
 * A bounded queue that serves addresses in turn. An address with many items delays its own items, and the items of
 * another address by at most one item each turn.
 *
 * A flood from many addresses must not keep a newcomer waiting until it gives up. So addresses whose logins have failed
 * lately come after the others, except for each fourth item. And while the queue is long, the newest address of the
 * others is served in alternation with the oldest one: a flood has a first login of each address, too.
 */
export class FairQueue<Item> {
  readonly #bounds: FairQueueBounds;
  /** Addresses in the order of their turns. No list is empty. */
  readonly #preferred = new Map<string, Item[]>();
  /** The same for the addresses with failures. */
  readonly #failed = new Map<string, Item[]>();
  #length = 0;
  #turn = 0;
  #servesNewest = false;

  constructor(bounds: FairQueueBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Returns false, and keeps nothing, if the queue or the share of the address is full.
   *
   * @param hasFailed whether a login of this address has failed lately
   */
  push(address: string, item: Item, hasFailed = false): boolean {
    const group = networkOf(address);
    const { itemsMax, itemsPerAddressMax } = this.#bounds;
    const waiting = (this.#preferred.get(group)?.length ?? 0) + (this.#failed.get(group)?.length ?? 0);
    if (this.#length >= itemsMax || waiting >= itemsPerAddressMax) return false;
    const addresses = hasFailed ? this.#failed : this.#preferred;
    const items = addresses.get(group);
    if (items === undefined) addresses.set(group, [item]);
    else items.push(item);
    this.#length++;
    return true;
  }

  shift(): Item | undefined {
    if (this.#length === 0) return undefined;
    this.#turn = (this.#turn + 1) % failedTurns;
    const servesFailed = this.#preferred.size === 0 || (this.#turn === 0 && this.#failed.size > 0);
    this.#length--;
    if (servesFailed) return takeFrom(this.#failed, firstOf(this.#failed));
    this.#servesNewest = this.#preferred.size > longLength && !this.#servesNewest;
    return takeFrom(this.#preferred, this.#servesNewest ? lastOf(this.#preferred) : firstOf(this.#preferred));
  }
}

/** Removes the first item of the address, which goes behind the others if it has more items. */
function takeFrom<Item>(addresses: Map<string, Item[]>, group: string): Item | undefined {
  const items = addresses.get(group) ?? [];
  const item = items.shift();
  addresses.delete(group);
  if (items.length > 0) addresses.set(group, items);
  return item;
}

function firstOf(addresses: ReadonlyMap<string, unknown>): string {
  const [first = ''] = addresses.keys();
  return first;
}

function lastOf(addresses: ReadonlyMap<string, unknown>): string {
  let last = '';
  for (const group of addresses.keys()) last = group;
  return last;
}
