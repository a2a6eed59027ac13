/** Numbers missing at a time beyond which order is no longer told apart from loss. */
const missingMax = 100_000;

/** Which numbers of a flow, from 0 on, one subscriber has had. */
export class Receipts {
  readonly #missing = new Set<number>();
  /** One more than the highest number that came. */
  next = 0;
  duplicates = 0;
  /** Numbers that came after a higher one. */
  late = 0;
  #beyond = 0;

  /** @returns false for one that had come before. */
  add(number: number): boolean {
    if (number === this.next) {
      this.next++;
      return true;
    }
    if (number > this.next) {
      for (; this.next < number; this.next++) {
        if (this.#missing.size < missingMax) this.#missing.add(this.next);
        else this.#beyond++;
      }
      this.next++;
      return true;
    }
    if (!this.#missing.delete(number)) {
      this.duplicates++;
      return false;
    }
    this.late++;
    return true;
  }

  get received(): number {
    return this.next - this.#missing.size - this.#beyond;
  }
}
