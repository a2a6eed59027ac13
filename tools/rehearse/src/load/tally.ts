/** What a subscriber or a publisher of the load says of itself, as far as it is judged here. */
export interface ClientCounters {
  /** Messages that a subscriber received, or that were acknowledged to a publisher. */
  readonly messages: number;
  /** Connections that succeeded, the first one too. */
  readonly connects: number;
  /** Connections that went to another server than the one before; the newest ones. */
  readonly failovers: readonly { readonly from: string; readonly to: string; readonly at: string }[];
}

/** Counted over all processes of a client since the first look at it. */
export interface Mark {
  readonly messages: number;
  /** Connections after the first one of each process. */
  readonly reconnects: number;
  /** New processes. */
  readonly restarts: number;
  /** How often it left a server for another one. */
  readonly left: Readonly<Record<string, number>>;
  /** Longest time between two looks of which the second found more messages, in milliseconds, since `restartClock`. */
  readonly silenceMsMax: number;
}

/** One client's counters, which begin anew with each of its processes, put together. */
export class ClientTally {
  #last: ClientCounters | null = null;
  #messages = 0;
  #reconnects = 0;
  #restarts = 0;
  readonly #left = new Map<string, number>();
  #failoversSeen: readonly string[] = [];
  #progressAtMs = 0;
  #silenceMsMax = 0;

  /** `nowMs`: monotonic. */
  observe(now: ClientCounters, nowMs: number): void {
    const last = this.#last;
    const isNew = last !== null && (now.messages < last.messages || now.connects < last.connects);
    if (isNew) this.#restarts++;
    const before = isNew || last === null ? { messages: 0, connects: Math.min(1, now.connects) } : last;
    const more = now.messages - before.messages;
    this.#messages += more;
    // A process that was not connected yet at the last look: its first connection is no reconnect.
    const first = before.connects === 0 ? Math.min(1, now.connects) : 0;
    this.#reconnects += now.connects - before.connects - first;
    this.#countFailovers(now.failovers);
    if (more > 0 || last === null) {
      this.#silenceMsMax = Math.max(this.#silenceMsMax, last === null ? 0 : nowMs - this.#progressAtMs);
      this.#progressAtMs = nowMs;
    }
    this.#last = now;
  }

  /** What is told from now on of silence is of what comes. */
  restartClock(nowMs: number): void {
    this.#silenceMsMax = 0;
    this.#progressAtMs = nowMs;
  }

  mark(nowMs: number): Mark {
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

/** What a step may cost a client. */
export interface Allowance {
  readonly reconnectsMax: number;
  /** How often it may leave one and the same host; P10 allows one for each host that is taken away and comes back. */
  readonly perHostMax: number;
  /** Longer without a message means that the load was not there all the time. */
  readonly silenceMsMax?: number;
}

/** @returns in words what a client suffered between two marks beyond what was allowed; empty when nothing */
export function complaints(name: string, before: Mark, now: Mark, allowance: Allowance): string[] {
  const { reconnectsMax, perHostMax, silenceMsMax = Infinity } = allowance;
  const found: string[] = [];
  if (now.messages <= before.messages) found.push(`${name}: no message more`);
  const reconnects = now.reconnects - before.reconnects;
  if (reconnects > reconnectsMax) {
    found.push(`${name}: connected ${reconnects} times again, at most ${reconnectsMax} were allowed`);
  }
  for (const [server, count] of Object.entries(now.left)) {
    const times = count - (before.left[server] ?? 0);
    if (times > perHostMax)
      found.push(`${name}: left ${server} ${times} times, at most ${perHostMax} were allowed`);
  }
  if (now.silenceMsMax > silenceMsMax) {
    const seconds = Math.round(now.silenceMsMax / 1_000);
    found.push(`${name}: ${seconds} s without a message, at most ${silenceMsMax / 1_000} were allowed`);
  }
  return found;
}
