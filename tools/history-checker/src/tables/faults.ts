import type { FaultEvent } from '../history/events.ts';

interface Interval {
  readonly fromMs: number;
  toMs: number;
}

interface OpenFault {
  readonly fromMs: number;
  toMs: number;
  readonly fault: string;
  readonly members: readonly string[];
  /** Servers that may be isolated from the majority because of this fault. */
  readonly isolated: readonly string[];
}

/**
 * Faults that must have no effect on clients. Members use the wall clock only for display, so a step of the
 * clock changes no bound (docs/DESIGN.md, "Cluster time").
 */
const harmless: ReadonlySet<string> = new Set(['clock']);

/** Faults whose end is recorded when the restarted server serves again. */
const restartFaults: ReadonlySet<string> = new Set(['kill', 'stop', 'wipe']);
/** Faults that end processes and keep their disks and clocks. */
const processFaults: ReadonlySet<string> = new Set(['kill', 'stop']);
/** Longest time until peers and clients have reconnected to a restarted server, ms. */
const rejoinMsMax = 2_000;

/** Longest time between the effect of a fault and the later record of the fault in the history, ms. */
const noticeMs = 1_000;

/**
 * The faults of a run, and the intervals in which each server may have been isolated. Such an interval lasts
 * from the beginning of a fault until the cluster must have healed (P7).
 */
export class Faults {
  readonly #servers: readonly string[];
  /** The servers that form the cluster: those without the brokers beyond a link. */
  readonly #members: readonly string[];
  /** Longest time from the end of a fault until all servers serve together again, ms. */
  readonly healMsMax: number;
  readonly #all: OpenFault[] = [];
  readonly #open = new Map<number, OpenFault>();
  #byServer: ReadonlyMap<string, readonly Interval[]> | null = null;
  #anywhere: readonly Interval[] = [];
  #withoutMajority: readonly Interval[] = [];

  /** @param remotes servers beyond a link, which do not count for the majority of the cluster */
  constructor(servers: readonly string[], healMsMax: number, remotes: readonly string[] = []) {
    this.#servers = servers;
    this.#members = servers.filter((server) => !remotes.includes(server));
    this.healMsMax = healMsMax;
  }

  add(event: FaultEvent): void {
    if (event.phase === 'begin') {
      const { at, fault: kind, members } = event;
      const fault = { fromMs: at, toMs: Infinity, fault: kind, members, isolated: this.#isolatedBy(event) };
      this.#all.push(fault);
      this.#open.set(event.id, fault);
      return;
    }
    const fault = this.#open.get(event.id);
    if (fault) fault.toMs = event.at;
    this.#open.delete(event.id);
  }

  /** Ends all open faults. */
  healed(atMs: number): void {
    for (const fault of this.#open.values()) fault.toMs = atMs;
    this.#open.clear();
  }

  /** @returns the times at which the server's disk was wiped */
  wipes(server: string): readonly number[] {
    return this.#all
      .filter(({ fault, members }) => fault === 'wipe' && members.includes(server))
      .map(({ fromMs }) => fromMs);
  }

  /** @returns the times from each kill of a server to its next start, ms */
  kills(server: string): readonly { readonly fromMs: number; readonly toMs: number }[] {
    return this.#all.filter(({ fault, members }) => fault === 'kill' && members.includes(server));
  }

  /** @returns whether a `stop` fault of the server had begun and had not ended at this time */
  isStopping(server: string, atMs: number): boolean {
    return this.#all.some(
      ({ fault, members, fromMs, toMs }) =>
        fault === 'stop' && members.includes(server) && fromMs <= atMs && atMs <= toMs,
    );
  }

  /** @returns whether members were killed or stopped in this interval, and no other fault had an effect in it */
  onlyEndedProcesses(fromMs: number, toMs: number): boolean {
    const inForce = this.#all.filter(
      (one) => one.fromMs - noticeMs <= toMs && one.toMs + this.healMsMax >= fromMs,
    );
    return (
      inForce.every(({ fault }) => processFaults.has(fault)) &&
      inForce.some((one) => one.fromMs <= toMs && one.toMs >= fromMs)
    );
  }

  /**
   * @returns the first interval in which this server may have been isolated and that overlaps the given
   * interval; null if there is none
   */
  disruptionOf(server: string, fromMs: number, toMs: number): { fromMs: number; toMs: number } | null {
    return overlapping(this.#intervals().get(server) ?? [], fromMs, toMs);
  }

  /**
   * @returns the first interval with a fault of any server that overlaps the given interval; null if there is
   * none
   */
  disruptionAnywhere(fromMs: number, toMs: number): { fromMs: number; toMs: number } | null {
    this.#intervals();
    return overlapping(this.#anywhere, fromMs, toMs);
  }

  /** @returns the intervals in which the cluster may have had no majority, in order */
  withoutMajority(): readonly { readonly fromMs: number; readonly toMs: number }[] {
    this.#intervals();
    return this.#withoutMajority;
  }

  #intervals(): ReadonlyMap<string, readonly Interval[]> {
    if (this.#byServer) return this.#byServer;
    const disruptive = this.#all.filter(({ isolated }) => isolated.length > 0);
    const faults = disruptive.map(({ fromMs, toMs, isolated, fault }) => ({
      fromMs: fromMs - noticeMs,
      toMs: toMs + (restartFaults.has(fault) ? Math.min(rejoinMsMax, this.healMsMax) : this.healMsMax),
      members: new Set(isolated),
    }));
    this.#withoutMajority = merged(this.#findWithoutMajority(faults));
    this.#anywhere = merged(faults);
    this.#byServer = new Map(
      this.#servers.map((server) => {
        const own = faults.filter(({ members }) => members.has(server));
        const isMember = this.#members.includes(server);
        return [server, merged(isMember ? [...own, ...this.#withoutMajority] : own)];
      }),
    );
    return this.#byServer;
  }

  #isolatedBy({ fault, members, groups }: FaultEvent): readonly string[] {
    if (harmless.has(fault)) return [];
    if (!groups || groups.length === 0) return members;
    if (fault === 'one-way') return groups[0] ?? [];
    if (fault !== 'cut') return members;
    const named = new Set(groups.flat());
    // A cut of a broker beyond a link separates no members.
    if (!this.#members.some((member) => named.has(member))) return members;
    const partitions = [...groups, this.#members.filter((server) => !named.has(server))];
    const majority = partitions.find(({ length }) => length * 2 > this.#members.length);
    return majority ? this.#members.filter((server) => !majority.includes(server)) : this.#members;
  }

  /** @returns the intervals in which the faults may have isolated at least half of the servers */
  #findWithoutMajority(
    faults: readonly { fromMs: number; toMs: number; members: ReadonlySet<string> }[],
  ): Interval[] {
    const times = [...new Set(faults.flatMap(({ fromMs, toMs }) => [fromMs, toMs]))].sort((a, b) => a - b);
    const found: Interval[] = [];
    times.forEach((fromMs, index) => {
      const toMs = times[index + 1];
      if (toMs === undefined) return;
      const isolated = new Set<string>();
      for (const fault of faults) {
        if (fault.fromMs <= fromMs && fault.toMs >= toMs)
          fault.members.forEach((member) => isolated.add(member));
      }
      const serving = this.#members.filter((member) => !isolated.has(member)).length;
      if (serving * 2 <= this.#members.length) found.push({ fromMs, toMs });
    });
    return found;
  }
}

function merged(intervals: readonly { readonly fromMs: number; readonly toMs: number }[]): Interval[] {
  const sorted = intervals.map(({ fromMs, toMs }) => ({ fromMs, toMs })).sort((a, b) => a.fromMs - b.fromMs);
  const found: Interval[] = [];
  for (const interval of sorted) {
    const last = found.at(-1);
    if (last && interval.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, interval.toMs);
    else found.push(interval);
  }
  return found;
}

/** @returns the first of the ordered, disjoint intervals that overlaps the given interval */
function overlapping(intervals: readonly Interval[], fromMs: number, toMs: number): Interval | null {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((intervals[middle] as Interval).toMs < fromMs) low = middle + 1;
    else high = middle;
  }
  const found = intervals[low];
  return found !== undefined && found.fromMs <= toMs ? found : null;
}
