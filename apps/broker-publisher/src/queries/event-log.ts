import { shortened } from '@mqtt-cluster/contracts';
import type { ClientId } from '@mqtt-cluster/contracts';
import type { RecordedEvent } from './cluster-queries.ts';

type Event = Omit<RecordedEvent, 'member'>;

export interface EventLogLimits {
  /** Age at which an event is removed, ms. */
  readonly ageMsMax: number;
  /** Events of one client. */
  readonly perClientMax: number;
  /** Memory of the events of all clients, bytes. A higher bound costs that much memory after many connects. */
  readonly clientBytesMax: number;
  /** Events of the cluster. */
  readonly clusterMax: number;
}

const defaultEventLogLimits: EventLogLimits = {
  ageMsMax: 60 * 60 * 1_000,
  perClientMax: 50,
  clientBytesMax: 8 * 1024 * 1024,
  clusterMax: 1_000,
};

/** Memory of an event beside its strings, with its places in the queues, bytes. */
const eventOverheadBytes = 400;
const textLengthMax = 512;
/** Entries that a queue may keep beside twice its live ones. */
const compactMin = 16;

interface Entry {
  readonly event: Event;
  readonly bytes: number;
  readonly client: string;
  readonly holder: string;
  removed: boolean;
}

/** Entries, oldest first. An entry that is removed elsewhere is skipped, and leaves the memory later. */
class Queue {
  #entries: Entry[] = [];
  /** Position of the oldest entry that may not be removed yet. */
  #first = 0;
  /** Entries that are not removed. */
  live = 0;
  bytes = 0;

  push(entry: Entry): void {
    if (this.#entries.length > 2 * this.live + compactMin) {
      this.#entries = this.newestLast();
      this.#first = 0;
    }
    this.#entries.push(entry);
    this.live++;
    this.bytes += entry.bytes;
  }

  oldest(): Entry | undefined {
    while (this.#entries[this.#first]?.removed === true) this.#first++;
    return this.#entries[this.#first];
  }

  onRemoved({ bytes }: Entry): void {
    this.live--;
    this.bytes -= bytes;
  }

  *newestFirst(): Iterable<Event> {
    for (let at = this.#entries.length - 1; at >= this.#first; at--) {
      const { event, removed } = this.#entries[at]!;
      if (!removed) yield event;
    }
  }

  newestLast(): Entry[] {
    return this.#entries.filter(({ removed }) => !removed);
  }
}

/**
 * The events of the last hour at this member, in bounded memory. At the bound, the oldest event of the holder (client
 * address) that adds an event leaves if the holder has more than its share, otherwise the oldest event of all. A hostile
 * client therefore replaces its own events, not those of others. Events of the cluster have a bound of their own.
 */
export class EventLog {
  readonly #limits: EventLogLimits;
  readonly #now: () => number;
  readonly #all = new Queue();
  readonly #byClient = new Map<ClientId, Queue>();
  readonly #byHolder = new Map<string, Queue>();
  #cluster: Event[] = [];
  #lastMs = -Infinity;
  #unorderedUntilMs = -Infinity;

  /** @param now Unix time, ms */
  constructor(limits: EventLogLimits = defaultEventLogLimits, now: () => number = () => Date.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Memory of the events of clients, bytes. */
  get clientBytes(): number {
    return this.#all.bytes;
  }

  /** @param holder address of the client: the holder of the event's memory */
  addClientEvent(event: Omit<Event, 'atMs'>, holder: string): void {
    const nowMs = this.#now();
    this.#noticeTime(nowMs);
    this.#removeOld(nowMs);
    const { client = '', text } = event;
    const recorded = { atMs: nowMs, ...event, text: shortened(text, textLengthMax) };
    const entry: Entry = { event: recorded, bytes: bytesOf(recorded), client, holder, removed: false };
    if (client !== '') {
      const ofClient = queueOf(this.#byClient, client);
      if (ofClient.live >= this.#limits.perClientMax) this.#remove(ofClient.oldest());
      queueOf(this.#byClient, client).push(entry);
    }
    queueOf(this.#byHolder, holder).push(entry);
    this.#all.push(entry);
    while (this.#all.bytes > this.#limits.clientBytesMax) this.#remove(this.#nextToLeave(holder));
  }

  addClusterEvent(event: Omit<Event, 'atMs'>): void {
    const nowMs = this.#now();
    this.#noticeTime(nowMs);
    const { text } = event;
    if (this.#cluster.length >= this.#limits.clusterMax) this.#cluster.shift();
    this.#cluster.push({ atMs: nowMs, ...event, text: shortened(text, textLengthMax) });
  }

  /** Returns events, newest first: those of one client, or all. */
  newest({
    client,
    beforeMs = Infinity,
    limit = Infinity,
  }: {
    readonly client?: ClientId;
    readonly beforeMs?: number;
    readonly limit?: number;
  }): Event[] {
    const nowMs = this.#now();
    this.#removeOld(nowMs);
    const queue = client === undefined ? this.#all : this.#byClient.get(client);
    const cluster = client === undefined ? this.#cluster.toReversed() : [];
    // The log can have more than ten thousand events, and a page needs few of them.
    const takenMax = nowMs < this.#unorderedUntilMs ? Infinity : limit;
    return [queue?.newestFirst() ?? [], cluster]
      .flatMap((events) => newestBefore(events, beforeMs, takenMax))
      .sort((left, right) => right.atMs - left.atMs)
      .slice(0, limit);
  }

  /** Remembers that the clock was set back: until the events before that have left, the events are not in order. */
  #noticeTime(nowMs: number): void {
    if (nowMs < this.#lastMs) this.#unorderedUntilMs = this.#lastMs + this.#limits.ageMsMax;
    this.#lastMs = nowMs;
  }

  #nextToLeave(holder: string): Entry | undefined {
    const own = this.#byHolder.get(holder);
    const share = this.#limits.clientBytesMax / this.#byHolder.size;
    return own !== undefined && own.bytes > share ? own.oldest() : this.#all.oldest();
  }

  #removeOld(nowMs: number): void {
    const untilMs = nowMs - this.#limits.ageMsMax;
    for (let oldest = this.#all.oldest(); oldest !== undefined; oldest = this.#all.oldest()) {
      if (oldest.event.atMs >= untilMs) break;
      this.#remove(oldest);
    }
    if ((this.#cluster[0]?.atMs ?? Infinity) < untilMs) {
      this.#cluster = this.#cluster.filter(({ atMs }) => atMs >= untilMs);
    }
  }

  #remove(entry: Entry | undefined): void {
    if (entry === undefined) return;
    entry.removed = true;
    this.#all.onRemoved(entry);
    removeFrom(this.#byHolder, entry.holder, entry);
    if (entry.client !== '') removeFrom(this.#byClient, entry.client, entry);
  }
}

/** Returns the first `count` events before a time. */
function newestBefore(events: Iterable<Event>, beforeMs: number, count: number): Event[] {
  const taken: Event[] = [];
  for (const event of events) {
    if (event.atMs >= beforeMs) continue;
    if (taken.push(event) >= count) break;
  }
  return taken;
}

function queueOf(queues: Map<string, Queue>, key: string): Queue {
  let queue = queues.get(key);
  if (queue === undefined) {
    queue = new Queue();
    queues.set(key, queue);
  }
  return queue;
}

function removeFrom(queues: Map<string, Queue>, key: string, entry: Entry): void {
  const queue = queues.get(key);
  queue?.onRemoved(entry);
  if (queue?.live === 0) queues.delete(key);
}

function bytesOf({ client = '', user = '', address = '', text }: Event): number {
  return eventOverheadBytes + 2 * (client.length + user.length + address.length + text.length);
}
