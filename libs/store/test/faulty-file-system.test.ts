import { jest } from '@jest/globals';
import { StoreFullError } from '@mqtt-cluster/contracts';
import { createStore } from '../src/index.ts';
import type { FileSystem } from '../src/index.ts';
import { faultyFileSystem } from '../src/testing/index.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const entry = (index: number) => ({
  index,
  term: 1,
  kind: 'normal' as const,
  data: Buffer.alloc(100, index),
});

test('a refused write on a full disk leaves no entries, although a part of it was written', async () => {
  const disk = new SimulatedDisk();
  let full = false;
  const faulty = (): FileSystem => faultyFileSystem(disk.fileSystem(), () => ({ full, slowMs: 0 }));
  const store = createStore({ directory: '/data', fileSystem: faulty() });
  await store.open('a');
  await store.write({ entries: [entry(1)] });
  const before = disk.bytes();
  full = true;
  await expect(store.write({ entries: [entry(2)] })).rejects.toThrow(StoreFullError);
  await expect(store.write({ entries: [entry(2)] })).rejects.toThrow(StoreFullError);
  full = false;
  await store.write({ entries: [entry(2)] });
  expect(disk.bytes()).toBeGreaterThan(before);
  await store.close();
  const { entries } = await createStore({ directory: '/data', fileSystem: faulty() }).open('a');
  expect(entries.map(({ index }) => index)).toEqual([1, 2]);
});

test('a faulty file system with a full disk writes the first half of a write and then reports ENOSPC', async () => {
  const written: number[] = [];
  const file = {
    syncsWrites: false,
    write: (bytes: Uint8Array) => {
      written.push(bytes.length);
      return Promise.resolve(bytes.length);
    },
    sync: () => Promise.resolve(),
    truncate: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const inner = { open: () => Promise.resolve(file) } as unknown as FileSystem;
  const faulty = await faultyFileSystem(inner, () => ({ full: true, slowMs: 0 })).open('x', 'create');
  expect(await faulty.write(Buffer.alloc(10), 0)).toBe(5);
  await expect(faulty.write(Buffer.alloc(5), 5)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(written).toEqual([5]);
});

test('a faulty file system with a slow disk delays each sync, but completes it', async () => {
  jest.useFakeTimers();
  try {
    let synced = 0;
    const inner = {
      syncDirectory: () => {
        synced++;
        return Promise.resolve();
      },
    } as unknown as FileSystem;
    const done = faultyFileSystem(inner, () => ({ full: false, slowMs: 200 })).syncDirectory('x');
    await jest.advanceTimersByTimeAsync(199);
    expect(synced).toBe(0);
    await jest.advanceTimersByTimeAsync(1);
    await done;
    expect(synced).toBe(1);
  } finally {
    jest.useRealTimers();
  }
});
