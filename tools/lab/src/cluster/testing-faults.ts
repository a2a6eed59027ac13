import { readFileSync, renameSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { LabError } from '../errors.ts';

const appliedPollMs = 20;
/** A member looks at its file 20 times a second; the rest is this machine's. */
const appliedMsMax = 10_000;

/** Faults that a member has within itself; see `testing.ts` of the appliance, which reads them. */
interface Faults {
  readonly disk: { readonly full: boolean; readonly slowMs: number };
  readonly clockMs: number;
}

const sound: Faults = { disk: { full: false, slowMs: 0 }, clockMs: 0 };

/** The file by which the lab tells one member about its disk and clock; it outlives restarts of the member. */
export class TestingFaults {
  readonly file: string;
  readonly #member: string;
  #faults = sound;

  constructor(member: string, file: string) {
    this.#member = member;
    this.file = file;
  }

  /** What an earlier lab of the same folder left. */
  clear(): void {
    rmSync(this.file, { force: true });
    rmSync(`${this.file}.applied`, { force: true });
  }

  fillDisk(waits: () => boolean): Promise<void> {
    return this.#write({ ...this.#faults, disk: { ...this.#faults.disk, full: true } }, waits);
  }

  slowDisk(slowMs: number, waits: () => boolean): Promise<void> {
    return this.#write({ ...this.#faults, disk: { ...this.#faults.disk, slowMs } }, waits);
  }

  setClock(clockMs: number, waits: () => boolean): Promise<void> {
    return this.#write({ ...this.#faults, clockMs }, waits);
  }

  async heal(waits: () => boolean): Promise<void> {
    if (this.#faults !== sound) await this.#write(sound, waits);
  }

  /** In words for people; empty when all is well. */
  describe(): string {
    const { disk, clockMs } = this.#faults;
    const parts: string[] = [];
    if (disk.full) parts.push('disk full');
    if (disk.slowMs > 0) parts.push(`disk +${disk.slowMs} ms`);
    if (clockMs !== 0) parts.push(`clock ${clockMs > 0 ? '+' : ''}${clockMs} ms`);
    return parts.join(', ');
  }

  /** @param waits whether the member runs, and so will say that it has taken the change. */
  async #write(faults: Faults, waits: () => boolean): Promise<void> {
    this.#faults = faults;
    const text = `${JSON.stringify(faults)}\n`;
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(`${this.file}.new`, text);
    renameSync(`${this.file}.new`, this.file);
    const deadline = performance.now() + appliedMsMax;
    while (waits() && this.#applied() !== text) {
      if (performance.now() > deadline) {
        throw new LabError(`${this.#member} has not taken its faults from ${this.file}; its log may say why`);
      }
      await new Promise((resolve) => setTimeout(resolve, appliedPollMs));
    }
  }

  #applied(): string {
    try {
      return readFileSync(`${this.file}.applied`, 'utf8');
    } catch {
      return '';
    }
  }
}
