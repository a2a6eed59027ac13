/** Largest number of stored missing message numbers. Beyond this bound, late messages count as duplicates. */
const missingMax = 100_000;

/** The message numbers of a flow, from 0 on, that one subscriber has received. */
export class Receipts {
  readonly #missing = new Set<number>();
  /** The highest received message number plus 1. */
  next = 0;
  duplicates = 0;
  /** Number of messages that arrived after a message with a higher number. */
  late = 0;
  #beyond = 0;

  /** Records a received message number. Returns false for a duplicate. */
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
