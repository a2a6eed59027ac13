import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStore } from '../src/index.ts';

/**
 * Mounts a small file system for the tests in this file.
 * @returns its directory, or null where mounting is not permitted
 */
function mountSmall(options: string): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'store-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' });
    return directory;
  } catch {
    rmSync(directory, { recursive: true });
    return null;
  }
}

const small = mountSmall('size=2m');
const readOnly = mountSmall('size=1m,ro');
if (small === null)
  console.warn('mount is not permitted here: the tests on real small file systems are skipped');

afterAll(() => {
  for (const directory of [small, readOnly]) {
    if (directory === null) continue;
    execFileSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true });
  }
});

(small === null ? test.skip : test)(
  'a full disk refuses whole writes, and accepts writes again after space was freed',
  async () => {
    const ballast = join(small ?? '', 'ballast');
    await writeFile(ballast, Buffer.alloc(500_000));
    const directory = join(small ?? '', 'data');
    const store = createStore({ directory });
    await store.open('a');
    const entry = (index: number) => ({
      index,
      term: 1,
      kind: 'normal' as const,
      data: Buffer.alloc(9_999, index),
    });
    const item = (sequence: number) => ({ incarnation: 1, sequence, data: Buffer.alloc(999, sequence) });
    let acked = 0;
    let code = '';
    const attemptsMax = 1_000;
    for (let attempt = 0; attempt < attemptsMax && code === ''; attempt++) {
      await store.write({ entries: [entry(acked + 1)], outboxPut: [item(acked + 1)] }).then(
        () => acked++,
        (error: { code: string }) => {
          code = error.code;
        },
      );
    }
    expect(code).toBe('STORE_FULL');
    expect(acked).toBeGreaterThan(50);
    const snapshot = { index: acked, term: 1, config: { members: [] }, data: Buffer.alloc(200_000) };
    await expect(store.write({ snapshot })).rejects.toMatchObject({ code: 'STORE_FULL' });

    await rm(ballast);
    await store.write({ entries: [entry(acked + 1)] });
    await store.close();
    const recovered = await store.open('a');
    expect(recovered.entries.map(({ index }) => index)).toEqual(
      Array.from({ length: acked + 1 }, (_, n) => n + 1),
    );
    expect(recovered.entries.every(({ index, data }) => data.every((byte) => byte === index % 256))).toBe(
      true,
    );
    expect(recovered.outbox).toHaveLength(acked);
    expect(recovered.repairs).toEqual([]);
    await store.write({ snapshot: { ...snapshot, index: acked + 1 } });
    // The store frees space between that write and the next one.
    await store.write({ hardState: { term: 1, votedFor: null } });
    expect(store.usage().logBytes).toBeLessThan(20_000);
    await store.close();
  },
);

(readOnly === null ? test.skip : test)(
  'open reports in one error that the directory of the store is not writable',
  async () => {
    await expect(createStore({ directory: readOnly ?? '' }).open('a')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringMatching(/cannot open the store in .* \(EROFS\): the path must be a directory/),
    });
  },
);

test('open reports in one error that the path of the store is a file', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'store-file-'));
  const file = join(parent, 'file');
  await writeFile(file, '');
  await expect(createStore({ directory: file }).open('a')).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining(file),
  });
  await rm(parent, { recursive: true });
});
