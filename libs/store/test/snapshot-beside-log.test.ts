import { constants } from 'node:buffer';
import type { BytesInPieces } from '@mqtt-cluster/contracts';
import { MessagePageError, StoreFullError } from '@mqtt-cluster/contracts';
import { noMetrics, storeMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { FileSystem } from '../src/index.ts';
import { createStore } from '../src/index.ts';
import { testEntries, testEntry } from '../src/testing/index.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const config = { members: [] };
const mebibyte = 1024 * 1024;

/** A file system whose snapshot files wait before each sync until the test releases them. */
class SlowSnapshots {
  readonly disk = new SimulatedDisk();
  syncs = 0;
  #waiting: (() => void)[] = [];
  #held = true;

  fileSystem(): FileSystem {
    const system = this.disk.fileSystem();
    return {
      ...bound(system),
      open: async (path, mode) => {
        const file = await system.open(path, mode);
        if (!path.includes('snapshot')) return file;
        return {
          ...bound(file),
          sync: async () => {
            this.syncs++;
            if (this.#held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
            await file.sync();
          },
        };
      },
    };
  }

  release(): void {
    this.#held = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Returns the methods of an object as functions. */
function bound<T extends object>(object: T): T {
  const functions: Record<string, unknown> = {};
  for (
    let at: object | null = object;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const value: unknown = (object as Record<string, unknown>)[name];
      functions[name] ??= typeof value === 'function' ? value.bind(object) : value;
    }
  }
  return functions as T;
}

/** The bytes of a snapshot. An error instead of a piece is thrown. */
class Pieces implements BytesInPieces {
  readonly length: number;
  readonly #pieces: readonly (Buffer | Error)[];
  taken = 0;
  discards = 0;

  constructor(pieces: readonly (Buffer | Error)[]) {
    this.#pieces = pieces;
    this.length = pieces.reduce((sum, piece) => sum + (piece instanceof Error ? 1 : piece.length), 0);
  }

  *pieces(): Generator<Uint8Array> {
    for (const piece of this.#pieces) {
      if (piece instanceof Error) throw piece;
      this.taken++;
      // The store must not keep a piece.
      const valid = Uint8Array.from(piece);
      yield valid;
      valid.fill(0);
    }
  }

  discard(): void {
    this.discards++;
  }
}

async function openStore(slow: SlowSnapshots, metrics: Metrics = noMetrics) {
  const store = createStore({ directory: '/disk', fileSystem: slow.fileSystem(), metrics });
  await store.open('a');
  await store.write({ entries: testEntries(1, 5) });
  return store;
}

async function reopened(slow: SlowSnapshots) {
  const store = createStore({ directory: '/disk', fileSystem: slow.disk.fileSystem() });
  const recovered = await store.open('a');
  await store.close();
  return recovered;
}

describe("a snapshot of the member's own state", () => {
  test('does not delay the writes behind it', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    const snapshot = { index: 4, term: 1, config, data: Buffer.alloc(3 * mebibyte, 7) };
    let isStored = false;
    const stored = store.write({ snapshot }).then(() => (isStored = true));
    await store.write({ entries: [testEntry(6)] });
    await store.write({ hardState: { term: 2, votedFor: 'b' } });
    expect(isStored).toBe(false);
    slow.release();
    await stored;
    await store.close();
    const recovered = await reopened(slow);
    expect(recovered.snapshot?.data).toEqual(snapshot.data);
    expect(recovered.entries.map(({ index }) => index)).toEqual([5, 6]);
    expect(recovered.hardState.term).toBe(2);
  });

  test.each([
    [
      'fills the disk',
      3 * mebibyte,
      3.75 * mebibyte - 1,
      'cannot write a snapshot of 3145728 bytes: the disk has',
    ],
    ['could not be read again', constants.MAX_LENGTH + 1, Infinity, 'this version of Node reads at most'],
  ])(
    'that %s is refused before it is written, and the log goes on',
    async (_what, length, freeBytes, sentence) => {
      const slow = new SlowSnapshots();
      slow.release();
      let rejected = 0;
      const add: Metrics['add'] = (metric) => void (metric === storeMetrics.writesRefused && rejected++);
      const store = await openStore(slow, { ...noMetrics, add });
      slow.disk.freeBytes = freeBytes;
      let isTaken = false;
      const data: BytesInPieces = {
        length,
        *pieces() {
          isTaken = true;
          yield Buffer.alloc(length);
        },
        discard: () => undefined,
      };
      const refused = store.write({ snapshot: { index: 4, term: 1, config, data } });
      await expect(refused).rejects.toThrow(StoreFullError);
      await expect(refused).rejects.toThrow(sentence);
      expect(rejected).toBe(1);
      expect(isTaken).toBe(false);
      await store.write({ entries: [testEntry(6)] });
      await store.close();
      expect(slow.disk.names().filter((name) => name.startsWith('snapshot'))).toEqual([]);
      expect((await reopened(slow)).entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6]);
    },
  );

  test('is written to a disk that has just enough room', async () => {
    const slow = new SlowSnapshots();
    slow.release();
    const store = await openStore(slow);
    slow.disk.freeBytes = 3.75 * mebibyte;
    await store.write({ snapshot: { index: 4, term: 1, config, data: Buffer.alloc(3 * mebibyte, 7) } });
    await store.close();
    expect((await reopened(slow)).snapshot?.index).toBe(4);
  });

  test('is synced in pieces, so that a sync of the journal waits for one piece at most', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    slow.release();
    await store.write({ snapshot: { index: 4, term: 1, config, data: Buffer.alloc(5 * mebibyte) } });
    expect(slow.syncs).toBe(5);
    await store.close();
  });

  test.each([[[0, 1, 3 * mebibyte, 0, 2 * mebibyte - 1, 5, 4 * mebibyte, 7]], [[]], [[256 * 1024]]])(
    'is stored from pieces of %j bytes, and gives them back',
    async (sizes) => {
      const slow = new SlowSnapshots();
      const store = await openStore(slow);
      slow.release();
      const pieces = sizes.map((size, number) => Buffer.alloc(size, number + 1));
      const data = new Pieces(pieces);
      await store.write({ snapshot: { index: 4, term: 1, config, data } });
      expect(data.discards).toBe(1);
      await store.close();
      const recovered = await reopened(slow);
      expect(Buffer.compare(recovered.snapshot!.data, Buffer.concat(pieces))).toBe(0);
    },
  );

  test('is not stored, and leaves no file, if its pieces have another length than it states', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    slow.release();
    const data = Object.assign(new Pieces([Buffer.alloc(10)]), { length: 11 });
    const stored = store.write({ snapshot: { index: 4, term: 1, config, data } });
    await expect(stored).rejects.toThrow();
    expect(slow.disk.names().filter((name) => name.startsWith('snapshot'))).toEqual([]);
    await store.close();
    expect((await reopened(slow)).snapshot).toBeNull();
  });

  test('is taken in pieces between the syncs, so that it is never in memory as a whole', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    const data = new Pieces(Array.from({ length: 40 }, () => Buffer.alloc(100_000, 1)));
    const stored = store.write({ snapshot: { index: 4, term: 1, config, data } });
    await store.write({ entries: [testEntry(6)] });
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(slow.syncs).toBe(1);
    expect(data.taken).toBeLessThanOrEqual(14);
    slow.release();
    await stored;
    expect(data.taken).toBe(40);
    await store.close();
  });

  test('ends the store with its own error if a piece cannot be read, and gives the pieces back', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    slow.release();
    const data = new Pieces([
      Buffer.alloc(10),
      new MessagePageError('a queued message cannot be read again'),
    ]);
    const stored = store.write({ snapshot: { index: 4, term: 1, config, data } });
    await expect(stored).rejects.toMatchObject({ code: 'STORE_PAGES' });
    expect(data.discards).toBe(1);
    const later = new Pieces([Buffer.alloc(1)]);
    await expect(store.write({ snapshot: { index: 5, term: 1, config, data: later } })).rejects.toMatchObject(
      {
        code: 'STORE_PAGES',
      },
    );
    expect(later.discards).toBe(1);
    await store.close();
    const recovered = await reopened(slow);
    expect(recovered.snapshot).toBeNull();
    expect(recovered.entries).toHaveLength(5);
  });

  test('leaves the log complete if the process ends before it is stored', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    void store
      .write({ snapshot: { index: 4, term: 1, config, data: Buffer.alloc(100) } })
      .catch(() => undefined);
    await store.write({ entries: [testEntry(6)] });
    slow.disk.kill();
    const recovered = await reopened(slow);
    expect(recovered.snapshot).toBeNull();
    expect(recovered.entries).toHaveLength(6);
    expect(slow.disk.names().filter((name) => name.startsWith('snapshot'))).toEqual([]);
  });

  test('is dropped if a snapshot of a peer has replaced the state meanwhile', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    const own = store.write({ snapshot: { index: 4, term: 1, config, data: Buffer.from('own') } });
    const install = store.write({
      snapshot: { index: 40, term: 3, config, data: Buffer.from('peer') },
      dropLog: true,
    });
    await new Promise((resolve) => setImmediate(resolve));
    slow.release();
    await Promise.all([own, install]);
    await store.write({ entries: [testEntry(41)] });
    await store.close();
    const recovered = await reopened(slow);
    expect(recovered.snapshot?.data.toString()).toBe('peer');
    expect(recovered.entries.map(({ index }) => index)).toEqual([41]);
    expect(slow.disk.names().filter((name) => name.startsWith('snapshot'))).toHaveLength(1);
  });
});
