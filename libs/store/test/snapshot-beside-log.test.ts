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

async function openStore(slow: SlowSnapshots) {
  const store = createStore({ directory: '/disk', fileSystem: slow.fileSystem() });
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

  test('is synced in pieces, so that a sync of the journal waits for one piece at most', async () => {
    const slow = new SlowSnapshots();
    const store = await openStore(slow);
    slow.release();
    await store.write({ snapshot: { index: 4, term: 1, config, data: Buffer.alloc(5 * mebibyte) } });
    expect(slow.syncs).toBe(5);
    await store.close();
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
