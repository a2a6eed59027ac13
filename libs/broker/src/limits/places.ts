import { HolderCounts } from './holder-counts.ts';

/** The owner of one place. `holder` names the address or the user that the place counts for. */
export interface Occupant {
  readonly holder: string;
}

/**
 * A bounded number of places, shared fairly between holders (addresses or users). When all places are taken, a
 * newcomer gets the place of the holder that holds most, if the newcomer's holder then still holds fewer. The holder
 * of most places holds at least its share (the places divided by the number of holders), so a holder below its share
 * never loses a place.
 */
export class Places<Owner extends Occupant> {
  readonly max: number;
  readonly #counts = new HolderCounts();
  /** The owners of each holder, the one with the oldest activity first. */
  readonly #owners = new Map<string, Set<Owner>>();
  #size = 0;

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= this.max;
  }

  /** Returns the number of places that the holder holds. */
  of(holder: string): number {
    return this.#counts.of(holder);
  }

  add(owner: Owner): void {
    const owners = this.#owners.get(owner.holder);
    if (owners === undefined) this.#owners.set(owner.holder, new Set([owner]));
    else owners.add(owner);
    this.#counts.add(owner.holder);
    this.#size++;
  }

  remove(owner: Owner): void {
    const owners = this.#owners.get(owner.holder);
    if (owners?.delete(owner) !== true) return;
    if (owners.size === 0) this.#owners.delete(owner.holder);
    this.#counts.remove(owner.holder);
    this.#size--;
  }

  /** Records an activity of the owner: the other owners of its holder leave before it. */
  touch(owner: Owner): void {
    const owners = this.#owners.get(owner.holder);
    if (owners?.delete(owner) === true) owners.add(owner);
  }

  /** Returns the owner with the oldest activity that the holder has, or undefined. */
  oldest(holder: string): Owner | undefined {
    return this.#owners.get(holder)?.values().next().value;
  }

  /** Returns the owner that has to leave for one more place of `newcomer`, or undefined to refuse the newcomer. */
  victimFor(newcomer: string): Owner | undefined {
    const { largest } = this.#counts;
    if (largest === undefined || this.of(newcomer) + 1 >= this.of(largest)) return undefined;
    return this.oldest(largest);
  }
}
