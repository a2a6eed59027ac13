import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createStore } from '../src/index.ts';

const rounds = 12;
const acksMax = 150;

let directory: string;
let program: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-kill-'));
  program = join(directory, 'worker.mjs');
  const esbuild = createRequire(import.meta.url).resolve('esbuild/bin/esbuild');
  const worker = fileURLToPath(new URL('./kill-worker.ts', import.meta.url));
  const options = [
    '--bundle',
    '--platform=node',
    '--format=esm',
    '--log-level=error',
    `--outfile=${program}`,
  ];
  execFileSync(esbuild, [worker, ...options], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/**
 * Kills the worker after it has reported `acks` synced writes.
 * @returns the highest index that it reported
 */
async function killedAfter(acks: number, data: string): Promise<number> {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [program, data], { stdio: ['ignore', 'pipe', 'inherit'], env });
  const closed = once(child, 'close');
  let highest = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    highest = Math.max(highest, Number(line));
    if (++seen === acks) child.kill('SIGKILL');
  }
  const [, signal] = (await closed) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  return highest;
}

test('every write that was reported as synced survives kill -9 at any moment', async () => {
  const data = join(directory, 'data');
  let storeId = '';
  for (let round = 0; round < rounds; round++) {
    const acks = 1 + Math.floor(Math.random() * acksMax);
    const highest = await killedAfter(acks, data);
    const store = createStore({ directory: data });
    const recovered = await store.open('a');
    await store.close();
    if (round === 0) storeId = recovered.storeId;
    expect(recovered).toMatchObject({ storeId, incarnation: 2 * (round + 1), fresh: false });
    const snapshotIndex = recovered.snapshot?.index ?? 0;
    const last = recovered.entries.at(-1)?.index ?? snapshotIndex;
    expect(last).toBeGreaterThanOrEqual(highest);
    expect(recovered.entries.length).toBe(last - snapshotIndex);
    for (const { index, data: content } of recovered.entries) {
      expect(Buffer.from(content).toString()).toBe(`entry ${index} `.repeat(1 + (index % 30)));
    }
    const expected = `state at ${snapshotIndex} `.repeat(500);
    if (snapshotIndex > 0) expect(recovered.snapshot?.data.toString()).toBe(expected);
    expect(recovered.outbox.map((item) => item.sequence)).toEqual(
      Array.from({ length: Math.min(10, last) }, (_, offset) => Math.max(1, last - 9) + offset),
    );
  }
});

test('a second process can open the store only after the first one is dead', async () => {
  const data = join(directory, 'locked');
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [program, data], { stdio: ['ignore', 'pipe', 'inherit'], env });
  await once(child.stdout, 'data');
  const second = createStore({ directory: data });
  await expect(second.open('a')).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    message: expect.stringContaining(data),
  });
  // A stopped process still holds the lock.
  child.kill('SIGSTOP');
  await expect(second.open('a')).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  const closed = once(child, 'close');
  child.stdout.resume();
  child.kill('SIGKILL');
  await closed;
  expect((await second.open('a')).incarnation).toBe(2);
  await second.close();
});

test('when several processes start at once after a crash, exactly one gets the lock', async () => {
  const data = join(directory, 'contended');
  await killedAfter(1, data);
  const stores = Array.from({ length: 6 }, () => createStore({ directory: data }));
  const results = await Promise.allSettled(stores.map((store) => store.open('a')));
  const codes = results.map((result) =>
    result.status === 'fulfilled' ? 'open' : (result.reason as { code: string }).code,
  );
  expect(codes.filter((code) => code === 'open')).toHaveLength(1);
  expect(codes.filter((code) => code === 'STORE_LOCKED')).toHaveLength(5);
  await Promise.all(stores.map((store) => store.close()));
});

test('a store locks a directory whose path is too long for a socket address', async () => {
  const data = join(directory, 'long'.repeat(20), 'deep'.repeat(20));
  const store = createStore({ directory: data });
  await store.open('a');
  await expect(createStore({ directory: data }).open('a')).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  await store.close();
  expect((await store.open('a')).incarnation).toBe(2);
  await store.close();
});
