import { jest } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { MessagePages } from '@mqtt-cluster/contracts';
import { messagePagesIn } from '../src/index.ts';
import type { MessagePageOptions } from '../src/pages/message-page-files.ts';
import { nodePageSystem } from '../src/pages/page-system.ts';

const kibibyte = 1024;
const fileBytes = 1024 * kibibyte;

let parent = '';
let directory = '';
const opened: MessagePages[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'message-pages-'));
  directory = join(parent, 'pages');
});

afterEach(() => {
  for (const pages of opened.splice(0)) pages.close();
  rmSync(parent, { recursive: true, force: true });
});

function open(options: MessagePageOptions = {}) {
  const pages = messagePagesIn(directory, { fileBytes, ...options })();
  opened.push(pages);
  return pages;
}

/** Returns bytes that differ by position. */
function filled(length: number, value: number): Uint8Array {
  return Uint8Array.from({ length }, (_, position) => value + position * 7 + (position >> 8));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function filesOnDisk(): number {
  return readdirSync(directory).length;
}

/** Writes until the pages begin another file. @returns the positions, of which the last one is in the other file */
async function fillFile(pages: MessagePages, value: number, length = 100 * kibibyte): Promise<number[]> {
  const positions: number[] = [];
  const files = Math.max(1, filesOnDisk()) + 1;
  while (filesOnDisk() < files) {
    const position = pages.write(filled(length, value));
    if (position === null) await new Promise((resolve) => setTimeout(resolve, 5));
    else positions.push(position);
  }
  return positions;
}

test('message pages return what was written, whether it is in a buffer, on its way to the disk or in a file', async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 300 * kibibyte }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.boolean(), async (given, waits) => {
      const pages = open();
      const written = new Map<number, Uint8Array>();
      for (const [number, length] of given.entries()) {
        const bytes = filled(length, number + 1);
        let position = pages.write(bytes);
        while (position === null) {
          await new Promise((resolve) => setImmediate(resolve));
          position = pages.write(bytes);
        }
        bytes.fill(0);
        written.set(position, filled(length, number + 1));
        if (waits) await new Promise((resolve) => setImmediate(resolve));
        for (const [known, expected] of written)
          expect(Buffer.compare(pages.read(known, expected.length), expected)).toBe(0);
      }
      pages.close();
    }),
    { numRuns: 30 },
  );
});

test('message pages delete a file when nobody needs any of it', async () => {
  const pages = open();
  const positions = await fillFile(pages, 1);
  const last = positions.pop()!;
  for (const position of positions) pages.free(position, 100 * kibibyte);
  await until(() => filesOnDisk() === 1);
  expect(Buffer.compare(pages.read(last, 100 * kibibyte), filled(100 * kibibyte, 1))).toBe(0);
});

test('message pages keep a file that is held, and delete it after the hold', async () => {
  const pages = open();
  const positions = await fillFile(pages, 1);
  const release = pages.hold();
  for (const position of positions.slice(0, -1)) pages.free(position, 100 * kibibyte);
  expect(Buffer.compare(pages.read(positions[0]!, 100 * kibibyte), filled(100 * kibibyte, 1))).toBe(0);
  expect(filesOnDisk()).toBe(2);
  release();
  await until(() => filesOnDisk() === 1);
});

test('message pages report a file as sparse when less than a quarter of it is needed and most of all bytes are free', async () => {
  const pages = open();
  const kept: number[] = [];
  for (let file = 0; file < 9; file++) {
    const positions = await fillFile(pages, file);
    kept.push(positions[0]!);
    if (file < 2) expect(pages.hasSparse).toBe(false);
    for (const position of positions.slice(1, -1)) {
      if (file > 0) pages.free(position, 100 * kibibyte);
    }
  }
  expect(pages.hasSparse).toBe(true);
  expect(kept.map((position) => pages.isSparse(position))).toEqual([false, ...Array<boolean>(8).fill(true)]);
});

test('message pages delete the files of an earlier process, and their own when they are closed', async () => {
  open().write(filled(10, 1));
  writeFileSync(join(directory, 'left-behind'), 'x');
  const pages = messagePagesIn(directory)();
  expect(readdirSync(directory)).toEqual([]);
  pages.write(filled(10, 1));
  expect(filesOnDisk()).toBe(1);
  pages.close();
  await until(() => filesOnDisk() === 0);
});

test('message pages that are closed during a hold stay readable until the hold ends', async () => {
  const pages = open();
  const position = pages.write(filled(10, 1))!;
  const full = await fillFile(pages, 0);
  const end = pages.hold();
  pages.close();
  expect(() => pages.write(filled(10, 1))).toThrow('closed');
  expect(pages.read(position, 10)).toEqual(filled(10, 1));
  expect(pages.read(full[0]!, 100 * kibibyte)).toHaveLength(100 * kibibyte);
  end();
  expect(() => pages.read(position, 10)).toThrow('does not exist');
  await until(() => filesOnDisk() === 0);
});

test('message pages accept nothing while many buffers wait for the disk', async () => {
  const pages = open();
  let count = 0;
  while (pages.write(filled(200 * kibibyte, 1)) !== null) count++;
  expect(count).toBe(32);
  await until(() => pages.write(filled(1, 1)) !== null);
});

test('message pages accept no message that is larger than a file', () => {
  expect(open().write(filled(fileBytes + 1, 1))).toBeNull();
});

test('message pages report once that no file can be created, and accept nothing for a while', () => {
  const errors: string[] = [];
  const pages = open({ onWriteError: (error) => errors.push(error.message) });
  rmSync(directory, { recursive: true });
  expect(pages.write(filled(10, 1))).toBeNull();
  expect(pages.write(filled(10, 1))).toBeNull();
  expect(errors).toEqual([expect.stringContaining('ENOENT')]);
  expect(existsSync(directory)).toBe(false);
});

test('message pages name the file that is shorter than what was written', async () => {
  const pages = open();
  const [first] = await fillFile(pages, 1);
  const [name] = readdirSync(directory).sort();
  pages.flush();
  truncateSync(join(directory, name!), 10);
  expect(() => pages.read(first!, 100 * kibibyte)).toThrow(`${name} ends at byte 10`);
});

test('message pages write everything again when a full disk has room again', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  try {
    const errors: string[] = [];
    let isFull = true;
    const pages = open({
      // All buffers that wait are in one file.
      fileBytes: 16 * fileBytes,
      onWriteError: ({ message }) => errors.push(message),
      system: {
        ...nodePageSystem,
        write: (descriptor, bytes, offset, length, position, done) =>
          isFull
            ? setImmediate(() => done(new Error('ENOSPC'), 0))
            : nodePageSystem.write(descriptor, bytes, offset, Math.ceil(length / 2), position, done),
      },
    });
    const positions: number[] = [];
    for (let position = pages.write(filled(30_000, 0)); position !== null;) {
      positions.push(position);
      position = pages.write(filled(30_000, positions.length));
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors).toEqual(['ENOSPC']);
    expect(pages.isAccepting).toBe(false);
    isFull = false;
    jest.advanceTimersByTime(10_001);
    while (!pages.isAccepting) await new Promise((resolve) => setImmediate(resolve));
    expect(positions.length).toBeGreaterThan(200);
    for (const [number, position] of positions.entries())
      expect(Buffer.compare(pages.read(position, 30_000), filled(30_000, number))).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

test('message pages accept further messages after a flush, without a turn of the event loop', () => {
  const pages = open();
  const positions: number[] = [];
  for (let number = 0; number < 400; number++) {
    if (!pages.isAccepting) pages.flush();
    positions.push(pages.write(filled(30_000, number))!);
  }
  expect(positions).not.toContain(null);
  for (const [number, position] of positions.entries())
    expect(Buffer.compare(pages.read(position, 30_000), filled(30_000, number))).toBe(0);
});
