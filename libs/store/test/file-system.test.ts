import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem } from '../src/index.ts';
import { readInParts } from '../src/disk/file-system.ts';

describe('the file system of Node', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'store-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test.each([0, 1, 6, 7, 8, 1_000])('reads all %d bytes of a file in parts of 7 bytes', async (length) => {
    const path = join(folder, 'file');
    const content = Buffer.from(Array.from({ length }, (_, index) => index % 251));
    writeFileSync(path, content);
    expect(await readInParts(path, 7)).toEqual(content);
    expect(await nodeFileSystem.read(path)).toEqual(content);
  });

  test('states how many bytes are free', async () => {
    const free = await nodeFileSystem.freeBytes(folder);
    expect(free).toBeGreaterThan(0);
    expect(Number.isSafeInteger(free)).toBe(true);
  });
});
