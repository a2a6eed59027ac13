import { markNames } from '../history/marks.ts';
import type { MarkName } from '../history/marks.ts';
import type { RunReport } from '../run-seed.ts';

/** The counters that the progress line shows. The summary shows all counters. */
const progressCounters = ['messages', 'kills', 'partitions', 'power cuts', 'failing disks', 'flipped bits'];

/** Adds up the counters, marks and times of the finished runs. */
export class Progress {
  readonly failed: RunReport[] = [];
  readonly #totals = new Map<string, number>();
  readonly #marks = new Map<MarkName, number>();
  readonly #convergedMs: number[] = [];
  readonly #servedMs: number[] = [];
  readonly #now: () => number;
  readonly #startedAtMs: number;
  #done = 0;

  /** @param now returns monotonic time in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedAtMs = now();
  }

  add(report: RunReport): void {
    this.#done += 1;
    if (report.convergedMs !== null) this.#convergedMs.push(report.convergedMs);
    if (report.servedMs !== null) this.#servedMs.push(report.servedMs);
    for (const [name, count] of report.counters) increase(this.#totals, name, count);
    for (const [name, count] of report.marks) increase(this.#marks, name, count);
    if (report.violations.length > 0) this.failed.push(report);
  }

  /** Returns the progress so far in one line. */
  line(): string {
    const seconds = (this.#now() - this.#startedAtMs) / 1_000;
    const perSecond = seconds > 0 ? (this.#done / seconds).toFixed(1) : '0';
    const totals = progressCounters.map((name) => `${this.#totals.get(name) ?? 0} ${name}`).join(', ');
    return `${this.#done} seeds in ${seconds.toFixed(0)} s (${perSecond}/s), ${this.failed.length} failed: ${totals}`;
  }

  summary(): string {
    const counts = [...this.#totals].sort(([one], [other]) => (one < other ? -1 : 1));
    const marks = markNames.map((name): [string, number] => [name, this.#marks.get(name) ?? 0]);
    const missed = marks.filter(([, count]) => count === 0).map(([name]) => name);
    return [
      'counters:',
      ...counts.map(([name, count]) => `  ${String(count).padStart(10)} ${name}`),
      'marks:',
      ...marks.map(([name, count]) => `  ${String(count).padStart(10)} ${name}`),
      ...(missed.length === 0 ? [] : [`marks that no seed reached: ${missed.join(', ')}`]),
      `virtual time from the end of all faults until the members were one healthy cluster: ${spread(this.#convergedMs)}`,
      `virtual time from the last publish until all clients had received everything: ${spread(this.#servedMs)}`,
      this.line(),
    ].join('\n');
  }
}

function increase<K>(counts: Map<K, number>, name: K, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function spread(timesMs: readonly number[]): string {
  const sorted = [...timesMs].sort((one, other) => one - other);
  const at = (part: number): string =>
    `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(0)} ms`;
  return sorted.length === 0 ? 'never' : `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`;
}
