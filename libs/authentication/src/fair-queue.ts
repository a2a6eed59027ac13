import { isIPv6 } from 'node:net';

export interface FairQueueBounds {
  /** Items of all addresses. */
  readonly itemsMax: number;
  /** Items of one address. Below `itemsMax`, so that one address cannot fill the queue. */
  readonly itemsPerAddressMax: number;
}

/**
 * A bounded queue that serves addresses in turn. An address with many items delays its own items, and the items of
 * another address by at most one item each turn.
 */
export class FairQueue<Item> {
  readonly #bounds: FairQueueBounds;
  /** Addresses in the order of their turns. No list is empty. */
  readonly #byAddress = new Map<string, Item[]>();
  #length = 0;

  constructor(bounds: FairQueueBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns false, and keeps nothing, if the queue or the share of the address is full. */
  push(address: string, item: Item): boolean {
    const group = addressGroup(address);
    const items = this.#byAddress.get(group);
    const { itemsMax, itemsPerAddressMax } = this.#bounds;
    if (this.#length >= itemsMax || (items?.length ?? 0) >= itemsPerAddressMax) return false;
    if (items === undefined) this.#byAddress.set(group, [item]);
    else items.push(item);
    this.#length++;
    return true;
  }

  shift(): Item | undefined {
    for (const [group, items] of this.#byAddress) {
      const item = items.shift();
      this.#byAddress.delete(group);
      if (items.length > 0) this.#byAddress.set(group, items);
      this.#length--;
      return item;
    }
    return undefined;
  }
}

/**
 * Returns the address or, for IPv6, its /64 network: a host usually has the addresses of a whole /64 network, and
 * could otherwise appear as many hosts.
 */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1)[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...Array<string>(Math.max(zeros, 0)).fill('0'), ...right];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
