import { readFileSync, renameSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { holdsWithin } from '@mqtt-cluster/kit';
import { LabError } from '../errors.ts';

const appliedPollMs = 20;
/**
 * Longest time until a member applies its faults. A member reads the file 20 times a second, but later on a busy machine.
 */
const appliedMsMax = 10_000;

/** The content of the faults file, which `FaultInjection` of the appliance reads. */
interface Faults {
  readonly disk: { readonly full: boolean; readonly slowMs: number };
  readonly clockMs: number;
}

const noFaults: Faults = { disk: { full: false, slowMs: 0 }, clockMs: 0 };

/** The file with the injected faults of one member's disk and clock. The faults stay in effect when the member restarts. */
export class TestingFaults {
  readonly file: string;
  readonly #member: string;
  #faults = noFaults;

  constructor(member: string, file: string) {
    this.#member = member;
    this.file = file;
  }

  /** Deletes the faults file that an earlier lab left in the same folder. */
  clear(): void {
    rmSync(this.file, { force: true });
    rmSync(`${this.file}.applied`, { force: true });
  }

  fillDisk(isRunning: () => boolean): Promise<void> {
    return this.#write({ ...this.#faults, disk: { ...this.#faults.disk, full: true } }, isRunning);
  }

  slowDisk(slowMs: number, isRunning: () => boolean): Promise<void> {
    return this.#write({ ...this.#faults, disk: { ...this.#faults.disk, slowMs } }, isRunning);
  }

  setClock(clockMs: number, isRunning: () => boolean): Promise<void> {
    return this.#write({ ...this.#faults, clockMs }, isRunning);
  }

  async heal(isRunning: () => boolean): Promise<void> {
    if (this.#faults !== noFaults) await this.#write(noFaults, isRunning);
  }

  /** Returns the faults in a few words; an empty text without faults. */
  describe(): string {
    const { disk, clockMs } = this.#faults;
    const parts: string[] = [];
    if (disk.full) parts.push('disk full');
    if (disk.slowMs > 0) parts.push(`disk +${disk.slowMs} ms`);
    if (clockMs !== 0) parts.push(`clock ${clockMs > 0 ? '+' : ''}${clockMs} ms`);
    return parts.join(', ');
  }

  /** Writes the faults to the file. If the member runs, waits until the member has applied the faults. */
  async #write(faults: Faults, isRunning: () => boolean): Promise<void> {
    this.#faults = faults;
    const text = `${JSON.stringify(faults)}\n`;
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(`${this.file}.new`, text);
    renameSync(`${this.file}.new`, this.file);
    const isDone = (): boolean => !isRunning() || this.#applied() === text;
    if (await holdsWithin(isDone, { timeoutMs: appliedMsMax, intervalMs: appliedPollMs })) return;
    throw new LabError(`${this.#member} did not apply the faults in ${this.file}; see the member's log`);
  }

  #applied(): string {
    try {
      return readFileSync(`${this.file}.applied`, 'utf8');
    } catch {
      return '';
    }
  }
}
