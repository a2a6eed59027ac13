import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { createStore, nodeFileSystem } from '../src/index.ts';
import type { FileSystem } from '../src/index.ts';
import { faultyFileSystem, testEntry } from '../src/testing/index.ts';
import { SimulatedDisk } from './simulated-disk.ts';

/** O_DSYNC in the flags of /proc/PID/fdinfo, which are octal. */
const dsyncFlag = 0o10000;

/** Returns the flags with which this process has opened the file. */
function openFlags(path: string): number {
  const fd = readdirSync('/proc/self/fd').find((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  });
  return parseInt(/^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!, 8);
}

/** A simulated disk whose writes sync, with the calls that write or sync a file that is opened for an update. */
function recordedDisk(): { readonly fileSystem: FileSystem; readonly calls: string[] } {
  const disk = Object.assign(new SimulatedDisk(), { syncsWrites: true });
  const inner = disk.fileSystem();
  const calls: string[] = [];
  return {
    calls,
    fileSystem: {
      ...inner,
      async open(path, mode) {
        const file = await inner.open(path, mode);
        if (mode === 'create') return file;
        return {
          ...file,
          write: (bytes, offset) => {
            calls.push('write');
            return file.write(bytes, offset);
          },
          sync: () => {
            calls.push('sync');
            return file.sync();
          },
        };
      },
    },
  };
}

test('the file system opens the journal so that the kernel syncs each write', async () => {
  if (process.platform !== 'linux') return;
  const directory = mkdtempSync(join(tmpdir(), 'store-'));
  try {
    const path = join(directory, 'file');
    writeFileSync(path, 'old text');
    const file = await nodeFileSystem.open(path, 'update');
    expect(file.syncsWrites).toBe(true);
    expect(openFlags(path) & dsyncFlag).toBe(dsyncFlag);
    expect(await file.write(Buffer.from('new'), 0)).toBe(3);
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('new text');
    const created = await nodeFileSystem.open(path, 'create');
    expect(created.syncsWrites).toBe(false);
    expect(openFlags(path) & dsyncFlag).toBe(0);
    await created.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test.each(['darwin', 'freebsd', 'win32'] as const)(
  'on %s a write does not count as synced, because O_DSYNC may not reach the medium there',
  async (platform) => {
    const directory = mkdtempSync(join(tmpdir(), 'store-'));
    const actual = process.platform;
    Object.defineProperty(process, 'platform', { value: platform });
    try {
      const path = join(directory, 'file');
      writeFileSync(path, 'old text');
      const file = await nodeFileSystem.open(path, 'update');
      expect(file.syncsWrites).toBe(false);
      await file.write(Buffer.from('new'), 0);
      await file.sync();
      await file.close();
      expect(readFileSync(path, 'utf8')).toBe('new text');
    } finally {
      Object.defineProperty(process, 'platform', { value: actual });
      rmSync(directory, { recursive: true, force: true });
    }
  },
);

test('a write to a closed file is rejected', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'store-'));
  try {
    const path = join(directory, 'file');
    writeFileSync(path, '');
    const file = await nodeFileSystem.open(path, 'update');
    await file.close();
    await expect(file.write(Buffer.from('text'), 0)).rejects.toThrow();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('the store writes a group with one call, and counts it as a sync, if each write syncs', async () => {
  const { fileSystem, calls } = recordedDisk();
  const store = createStore({ directory: '/data', fileSystem });
  await store.open('a');
  calls.length = 0;
  const { syncs } = store.usage();
  await Promise.all([1, 2, 3].map((index) => store.write({ entries: [testEntry(index)] })));
  expect(calls).toEqual(['write']);
  expect(store.usage().syncs).toBe(syncs + 1);
  await store.close();
});

test('a faulty file system with a slow disk delays each write that syncs', async () => {
  jest.useFakeTimers();
  try {
    let written = 0;
    const file = { syncsWrites: true, write: async () => ++written };
    const inner = { open: async () => file } as unknown as FileSystem;
    const faulty = await faultyFileSystem(inner, () => ({ full: false, slowMs: 200 })).open('x', 'update');
    const done = faulty.write(Buffer.alloc(10), 0);
    await jest.advanceTimersByTimeAsync(199);
    expect(written).toBe(0);
    await jest.advanceTimersByTimeAsync(1);
    await done;
    expect(written).toBe(1);
  } finally {
    jest.useRealTimers();
  }
});
