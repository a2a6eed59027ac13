/** Assigns a number to each topic name. */
export class Topics {
  readonly #names: string[] = [];
  readonly #indexes = new Map<string, number>();

  get count(): number {
    return this.#names.length;
  }

  index(name: string): number {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const index = this.#names.length;
    this.#names.push(name);
    this.#indexes.set(name, index);
    return index;
  }

  name(index: number): string {
    return this.#names[index] as string;
  }
}
