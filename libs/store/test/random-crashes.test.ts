import * as fc from 'fast-check';
import type { RecoveredState, StoreWrite } from '@mqtt-cluster/contracts';
import { createStore } from '../src/index.ts';
import { createMemoryStore } from '../src/testing/index.ts';
import { SimulatedDisk } from './simulated-disk.ts';

/**
 * One step of a random run. Its indexes are relative; {@link makeChange} turns it into a write that fits the
 * log.
 */
interface Step {
  readonly kind:
    'append' | 'truncate' | 'snapshot' | 'install' | 'vote' | 'outbox' | 'sync' | 'crash' | 'close' | 'fill';
  readonly amount: number;
  readonly seed: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant('append' as const) },
    { weight: 3, arbitrary: fc.constant('outbox' as const) },
    {
      weight: 9,
      arbitrary: fc.constantFrom<Step['kind'][]>(
        'truncate',
        'snapshot',
        'install',
        'vote',
        'sync',
        'sync',
        'crash',
        'close',
        'fill',
      ),
    },
  ),
  amount: fc.integer({ min: 1, max: 6 }),
  seed: fc.integer({ min: 1, max: 0x7fffffff }),
});

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

/**
 * The model of a store: plain values that are copied at every change. It shares no code with the store under
 * test.
 */
interface Model {
  readonly term: number;
  readonly snapshot: number;
  readonly log: readonly string[];
  readonly outbox: readonly string[];
}

const empty: Model = { term: 0, snapshot: 0, log: [], outbox: [] };

const label = (index: number, term: number, data: Uint8Array) =>
  `${index}:${term}:${data.length}:${data[0] ?? '-'}`;
const indexOf = (entry: string) => Number(entry.split(':')[0]);

function after(model: Model, change: StoreWrite): Model {
  let { snapshot, log } = model;
  // A snapshot of the member's own state has no effect behind a newer snapshot of a peer.
  if (change.snapshot !== undefined && change.snapshot.index > snapshot) {
    snapshot = change.snapshot.index;
    log = change.dropLog === true ? [] : log.filter((entry) => indexOf(entry) > snapshot);
  }
  log = log.filter((entry) => indexOf(entry) < (change.truncateFrom ?? Infinity));
  log = [...log, ...(change.entries ?? []).map((entry) => label(entry.index, entry.term, entry.data))];
  const key = (item: { incarnation: number; sequence: number }) => `${item.incarnation}/${item.sequence}`;
  const gone = new Set((change.outboxDelete ?? []).map(key));
  const outbox = [...new Set([...model.outbox, ...(change.outboxPut ?? []).map(key)])].filter(
    (k) => !gone.has(k),
  );
  return { term: change.hardState?.term ?? model.term, snapshot, log, outbox: outbox.sort() };
}

function seen(recovered: RecoveredState): Model {
  return {
    term: recovered.hardState.term,
    snapshot: recovered.snapshot?.index ?? 0,
    log: recovered.entries.map((entry) => label(entry.index, entry.term, entry.data)),
    outbox: recovered.outbox.map((item) => `${item.incarnation}/${item.sequence}`).sort(),
  };
}

function makeChange(model: Model, { kind, amount, seed }: Step): StoreWrite {
  const last = model.log.length > 0 ? indexOf(model.log.at(-1) ?? '') : model.snapshot;
  const entriesFrom = (first: number) =>
    Array.from({ length: amount }, (_, offset) => {
      const data = Buffer.alloc(seed % 300, seed);
      return { index: first + offset, term: seed % 1000, kind: 'normal' as const, data };
    });
  const snapshotAt = (index: number) => ({
    index,
    term: 1,
    config: { members: [] },
    data: Buffer.alloc(seed % 2000, seed),
  });
  switch (kind) {
    case 'truncate': {
      const from = Math.max(model.snapshot + 1, last + 1 - amount);
      return { truncateFrom: from, entries: entriesFrom(from) };
    }
    case 'snapshot':
      return last <= model.snapshot
        ? {}
        : { snapshot: snapshotAt(Math.max(model.snapshot + 1, last - amount)) };
    case 'install':
      return {
        snapshot: snapshotAt(last + amount),
        dropLog: true,
        hardState: { term: seed, votedFor: null },
      };
    case 'vote':
      return {
        hardState: { term: seed, votedFor: 'b' },
        ...(amount > 3 ? { entries: entriesFrom(last + 1) } : {}),
      };
    case 'outbox': {
      const sequence = seed % 7;
      const item = { incarnation: 1 + (seed % 3), sequence, data: Buffer.alloc(seed % 400) };
      return amount > 3 ? { outboxDelete: [item] } : { outboxPut: [item], entries: entriesFrom(last + 1) };
    }
    default:
      return { entries: entriesFrom(last + 1) };
  }
}

/** True for a snapshot of the member's own state, which may be stored later than the writes behind it. */
const isLate = ({ snapshot, dropLog }: StoreWrite): boolean => snapshot !== undefined && dropLog !== true;

interface Called {
  readonly change: StoreWrite;
  acked: boolean;
}

/**
 * Returns all states that a crash may leave: all acknowledged writes, and a prefix of the others, each one complete. A
 * snapshot of the member's own state may be missing from the prefix, together with the later ones of this kind.
 */
function possible(base: Model, calls: readonly Called[]): Model[] {
  const models: Model[] = [];
  const ackedUpTo = calls.findLastIndex(({ change, acked }) => acked && !isLate(change));
  const snapshotUpTo = calls.findLastIndex(({ change, acked }) => acked && isLate(change));
  for (let end = Math.max(ackedUpTo, snapshotUpTo, -1); end < calls.length; end++) {
    for (let lateEnd = snapshotUpTo; lateEnd <= end; lateEnd++) {
      const kept = calls.slice(0, end + 1).filter(({ change }, at) => !isLate(change) || at <= lateEnd);
      models.push(kept.reduce((model, { change }) => after(model, change), base));
    }
  }
  return models;
}

/** Runs random steps on a store with a simulated disk, and compares the recovered state with the model. */
class RandomRun {
  readonly disk = new SimulatedDisk();
  #store = createStore({ directory: '/disk', fileSystem: this.disk.fileSystem(), segmentBytesMax: 1_500 });
  /** The recovered state, and the writes since then. */
  #base = empty;
  #calls: Called[] = [];
  #pending: Promise<void>[] = [];

  /** @param syncsWrites whether the disk syncs each write of the journal within the write */
  constructor(syncsWrites: boolean) {
    this.disk.syncsWrites = syncsWrites;
  }

  async start(): Promise<RecoveredState> {
    this.#store = createStore({
      directory: '/disk',
      fileSystem: this.disk.fileSystem(),
      segmentBytesMax: 1_500,
    });
    const recovered = await this.#store.open('a');
    const now = JSON.stringify(seen(recovered));
    expect(possible(this.#base, this.#calls).map((state) => JSON.stringify(state))).toContain(now);
    this.#base = seen(recovered);
    this.#calls = [];
    return recovered;
  }

  async take(next: Step): Promise<void> {
    if (next.kind === 'sync') return this.#settle();
    if (next.kind === 'crash') {
      for (let turn = 0; turn < next.seed % 60; turn++) await Promise.resolve();
      this.disk.crash(generator(next.seed));
      this.#pending = [];
      await this.start();
    } else if (next.kind === 'close') {
      await this.#settle();
      await this.#store.close();
      expect((await this.start()).repairs).toEqual([]);
    } else if (next.kind === 'fill') {
      await this.#settle();
      this.disk.capacityBytes = this.disk.bytes() + (next.seed % 500);
      const item = { incarnation: 99, sequence: 1, data: Buffer.alloc(600) };
      const outcome = await this.#store.write({ outboxPut: [item] }).then(
        () => 'written',
        (error: { code: string }) => error.code,
      );
      // The write may fit, because the store was freeing space at the same time.
      expect(['written', 'STORE_FULL']).toContain(outcome);
      if (outcome === 'written') {
        this.#calls.push({ change: { outboxPut: [item] }, acked: true });
      }
      this.disk.capacityBytes = Infinity;
    } else this.#write(next);
  }

  async finish(): Promise<void> {
    await this.#settle();
    await this.#store.close();
    await this.start();
  }

  #write(next: Step): void {
    const last = this.#calls.reduce((model, { change }) => after(model, change), this.#base);
    const called = { change: makeChange(last, next), acked: false };
    this.#calls.push(called);
    this.#pending.push(
      this.#store.write(called.change).then(() => {
        called.acked = true;
      }),
    );
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending);
    this.#pending = [];
  }
}

const runs = Number(process.env['STORE_RANDOM_RUNS'] ?? 300);

test('a power loss at any point loses no acknowledged write and leaves no partial write', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, syncsWrites) => {
      const run = new RandomRun(syncsWrites);
      await run.start();
      for (const next of steps) await run.take(next);
      await run.finish();
    }),
    { numRuns: runs },
  );
}, 300_000);

test('the memory store recovers the same state as the model', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const store = createMemoryStore();
      await store.open('a');
      let model = empty;
      for (const next of steps) {
        if (next.kind === 'close') {
          await store.close();
          expect(seen(await store.open('a'))).toEqual(model);
        }
        const change = makeChange(model, next);
        model = after(model, change);
        await store.write(change);
      }
      store.crash();
      expect(seen(await store.open('a'))).toEqual(model);
    }),
    { numRuns: 100 },
  );
});
