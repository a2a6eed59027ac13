import { z } from 'zod';

/** The latest failovers of a client. A failover is a connection to another server than the previous connection. */
export const failoversSchema = z.array(z.object({ from: z.string(), to: z.string(), at: z.string() }));

/** Counters that a client of the load reports. */
export const clientCountersSchema = z.object({
  /** For a subscriber: number of received messages. For a publisher: number of received acknowledgements. */
  messages: z.int(),
  /** Number of successful connections, including the first connection. */
  connects: z.int(),
  failovers: failoversSchema,
});
export type ClientCounters = z.output<typeof clientCountersSchema>;

/** Counters of a client since its first observed status, summed over all processes of the client. */
export interface TallySnapshot {
  readonly messages: number;
  /** Number of connections, without the first connection of each process. */
  readonly reconnects: number;
  /** Number of restarts of the client's process. */
  readonly restarts: number;
  /** Number of failovers from each server to another server. */
  readonly left: Readonly<Record<string, number>>;
  /** Longest time between two observed statuses with new messages since `restartClock`, ms. */
  readonly silenceMsMax: number;
}

/** Adds up the counters of one client over its processes. The counters start at zero in each process. */
export class ClientTally {
  #last: ClientCounters | null = null;
  #messages = 0;
  #reconnects = 0;
  #restarts = 0;
  readonly #left = new Map<string, number>();
  #failoversSeen: readonly string[] = [];
  #progressAtMs = 0;
  #silenceMsMax = 0;

  /** Adds the latest counters of the client. @param nowMs monotonic time, ms */
  observe(now: ClientCounters, nowMs: number): void {
    const last = this.#last;
    const isNew = last !== null && (now.messages < last.messages || now.connects < last.connects);
    if (isNew) this.#restarts++;
    const before = isNew || last === null ? { messages: 0, connects: Math.min(1, now.connects) } : last;
    const more = now.messages - before.messages;
    this.#messages += more;
    // The first connection of a process is no reconnect, even if the last observation was before that connection.
    const first = before.connects === 0 ? Math.min(1, now.connects) : 0;
    this.#reconnects += now.connects - before.connects - first;
    this.#countFailovers(now.failovers);
    if (more > 0 || last === null) {
      this.#silenceMsMax = Math.max(this.#silenceMsMax, last === null ? 0 : nowMs - this.#progressAtMs);
      this.#progressAtMs = nowMs;
    }
    this.#last = now;
  }

  /** Starts a new measurement of the longest time without new messages. */
  restartClock(nowMs: number): void {
    this.#silenceMsMax = 0;
    this.#progressAtMs = nowMs;
  }

  snapshot(nowMs: number): TallySnapshot {
    return {
      messages: this.#messages,
      reconnects: this.#reconnects,
      restarts: this.#restarts,
      left: Object.fromEntries(this.#left),
      silenceMsMax: Math.max(this.#silenceMsMax, nowMs - this.#progressAtMs),
    };
  }

  #countFailovers(failovers: ClientCounters['failovers']): void {
    const keys = failovers.map(({ from, to, at }) => `${at} ${from} ${to}`);
    for (const [index, key] of keys.entries()) {
      if (this.#failoversSeen.includes(key)) continue;
      const { from } = failovers[index]!;
      this.#left.set(from, (this.#left.get(from) ?? 0) + 1);
    }
    this.#failoversSeen = keys;
  }
}

/** Limits for the reconnects and the time without messages that a step may cause. */
export interface Allowance {
  readonly reconnectsMax: number;
  /** Largest number of failovers from the same host. P10 allows one failover for each host that restarts. */
  readonly perHostMax: number;
  /** Longest time without a message, ms. A longer time is a violation, because the load did not test the cluster then. */
  readonly silenceMsMax?: number;
}

/** Returns the violations of one client between two snapshots, as sentences. */
export function violationsOf(
  name: string,
  before: TallySnapshot,
  now: TallySnapshot,
  allowance: Allowance,
): string[] {
  const { reconnectsMax, perHostMax, silenceMsMax = Infinity } = allowance;
  const found: string[] = [];
  if (now.messages <= before.messages) found.push(`${name}: received no more messages`);
  const reconnects = now.reconnects - before.reconnects;
  if (reconnects > reconnectsMax) {
    found.push(`${name}: reconnected ${reconnects} times (allowed: ${reconnectsMax})`);
  }
  for (const [server, count] of Object.entries(now.left)) {
    const times = count - (before.left[server] ?? 0);
    if (times > perHostMax) found.push(`${name}: left ${server} ${times} times (allowed: ${perHostMax})`);
  }
  if (now.silenceMsMax > silenceMsMax) {
    const seconds = Math.round(now.silenceMsMax / 1_000);
    found.push(`${name}: ${seconds} s without a message (allowed: ${silenceMsMax / 1_000} s)`);
  }
  return found;
}
