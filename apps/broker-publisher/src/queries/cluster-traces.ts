import { topicFilterFault } from '@mqtt-cluster/broker';
import type { MemberId } from '@mqtt-cluster/contracts';
import type { TraceFilter, TraceItem, TraceLine, TraceRefusal } from './cluster-queries.ts';
import type { Answer, PeerQueries } from './peer-queries.ts';
import { traceFilter, traceLines, traceStarted } from './schemas.ts';

/** Items that wait for a reader before the members are no longer asked for lines. */
const itemsMax = 1_000;
/** Interval at which a member that is missing is asked to start the trace again, ms. */
const retryMs = 1_000;

/** Traces of packets on all members. */
export class ClusterTraces {
  readonly #queries: PeerQueries;
  readonly #members: readonly MemberId[];

  /** @param members all configured members, including this one */
  constructor(queries: PeerQueries, members: readonly MemberId[]) {
    this.#queries = queries;
    this.#members = members;
  }

  /** See `ClusterQueries.trace`. */
  async trace(filter: TraceFilter, signal: AbortSignal): Promise<AsyncIterable<TraceItem> | TraceRefusal> {
    const valid =
      traceFilter.safeParse(filter).success &&
      (filter.topic === undefined || topicFilterFault(filter.topic) !== 'malformed');
    if (!valid) {
      return {
        code: 400,
        reason: 'a trace needs exactly one of client, address and a valid topic filter, and 1 to 600 seconds',
      };
    }
    const trace = new ClusterTrace(this.#queries, filter, signal);
    return (await trace.start(this.#members)) ?? trace.items();
  }
}

class ClusterTrace {
  readonly #queries: PeerQueries;
  readonly #filter: TraceFilter;
  readonly #ending = new AbortController();
  readonly #endsAtMs: number;
  readonly #missing = new Map<MemberId, 'unreachable' | 'tooOld'>();
  #items: TraceItem[] = [];
  /** Called when an item arrives, when the reader has read, and at the end. */
  #wakes = new Set<() => void>();

  constructor(queries: PeerQueries, filter: TraceFilter, signal: AbortSignal) {
    this.#queries = queries;
    this.#filter = filter;
    this.#endsAtMs = performance.now() + filter.seconds * 1_000;
    const timer = setTimeout(() => this.#ending.abort(), filter.seconds * 1_000).unref();
    const onAbort = (): void => this.#ending.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#ending.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      this.#wake();
    });
    if (signal.aborted) onAbort();
  }

  /** Starts the trace on all members. Returns a refusal if this member cannot trace. */
  async start(members: readonly MemberId[]): Promise<TraceRefusal | null> {
    const own = await this.#startAt(this.#queries.self);
    if (own.outcome === 'failed') {
      this.#ending.abort();
      return { code: own.code, reason: own.reason };
    }
    const others = members.filter((member) => member !== this.#queries.self);
    const answers = await Promise.all(
      others.map(async (member) => [member, await this.#startAt(member)] as const),
    );
    for (const [member, answer] of [[this.#queries.self, own] as const, ...answers]) {
      const id = this.#started(member, answer);
      void this.#follow(member, id);
    }
    this.#pushMissing();
    return null;
  }

  /** Returns the items. The trace ends when the reader ends the iteration, also before its first item. */
  items(): AsyncIterable<TraceItem> {
    const items = this.#read();
    const iterator: AsyncIterator<TraceItem, undefined> = {
      next: async () => items.next(),
      return: async () => {
        this.#ending.abort();
        await items.return(undefined);
        return { done: true, value: undefined };
      },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  async *#read(): AsyncGenerator<TraceItem, undefined, undefined> {
    try {
      while (true) {
        const items = this.#items;
        this.#items = [];
        this.#wake();
        yield* items;
        if (this.#items.length > 0) continue;
        if (this.#ended) return undefined;
        await this.#change();
      }
    } finally {
      this.#ending.abort();
    }
  }

  get #ended(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Reads the lines of one member until the trace ends. Starts the trace again when the member was missing. */
  async #follow(member: MemberId, startedId: string | null): Promise<void> {
    let id = startedId;
    while (!this.#ended) {
      if (id === null) {
        await this.#delay(retryMs);
        if (this.#ended) return;
        id = this.#started(member, await this.#startAt(member));
        continue;
      }
      while (this.#items.length >= itemsMax && !this.#ended) await this.#change();
      if (this.#ended) break;
      const answer = await this.#queries.ask(member, 'trace.next', { id });
      const lines = answer.outcome === 'answered' ? traceLines.safeParse(answer.body) : null;
      if (lines?.success !== true) {
        this.#setMissing(member, answer.outcome === 'tooOld' ? 'tooOld' : 'unreachable');
        id = null;
        continue;
      }
      const { lost } = lines.data;
      for (const line of lines.data.lines)
        this.#items.push({ kind: 'line', line: { ...line, member } as TraceLine });
      if (lost > 0) this.#items.push({ kind: 'lost', member, lines: lost });
      if (lost > 0 || lines.data.lines.length > 0) this.#wake();
    }
    if (id !== null) await this.#queries.ask(member, 'trace.stop', { id });
  }

  #startAt(member: MemberId): Promise<Answer> {
    const restSeconds = Math.max(1, (this.#endsAtMs - performance.now()) / 1_000);
    return this.#queries.ask(member, 'trace.start', { ...this.#filter, seconds: restSeconds });
  }

  /** Returns the id of the trace at the member, or null if it did not start. */
  #started(member: MemberId, answer: Answer): string | null {
    const started = answer.outcome === 'answered' ? traceStarted.safeParse(answer.body) : null;
    if (started?.success === true) {
      this.#setMissing(member, null);
      return started.data.id;
    }
    this.#setMissing(member, answer.outcome === 'tooOld' ? 'tooOld' : 'unreachable');
    return null;
  }

  #setMissing(member: MemberId, missing: 'unreachable' | 'tooOld' | null): void {
    if ((this.#missing.get(member) ?? null) === missing) return;
    if (missing === null) this.#missing.delete(member);
    else this.#missing.set(member, missing);
    this.#pushMissing();
  }

  #pushMissing(): void {
    const membersOf = (kind: 'unreachable' | 'tooOld'): MemberId[] =>
      [...this.#missing].flatMap(([member, missing]) => (missing === kind ? [member] : [])).toSorted();
    const item = {
      kind: 'missing',
      unreachable: membersOf('unreachable'),
      tooOld: membersOf('tooOld'),
    } as const;
    // The newest state replaces one that the reader has not read, so that these items are bounded.
    this.#items = this.#items.filter(({ kind }) => kind !== 'missing');
    this.#items.push(item);
    this.#wake();
  }

  #wake(): void {
    const wakes = this.#wakes;
    this.#wakes = new Set();
    for (const wake of wakes) wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakes.add(resolve));
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#ending;
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}
