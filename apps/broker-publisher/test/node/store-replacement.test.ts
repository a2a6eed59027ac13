import { existsSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import { createStore } from '@mqtt-cluster/store';
import { setAsideDirectory, StoreReplacement } from '../../src/node/store-replacement.ts';

let directory: string;
let stopped: number;
let outbox: number;
let safe: boolean;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'replacement-'));
  stopped = 0;
  outbox = 0;
  safe = true;
});
afterEach(() => rmSync(directory, { recursive: true }));

async function storeId(): Promise<string> {
  const store = createStore({ directory });
  const { storeId: id } = await store.open('a');
  await store.close();
  return id;
}

function replacement(onFatal: (error: unknown) => void): StoreReplacement {
  return new StoreReplacement({
    directory,
    logger: silentLogger,
    stopSafety: async () => ({ safe, reason: '' }),
    stop: async () => void stopped++,
    outboxItems: () => outbox,
    onFatal,
  });
}

const ended = (): Promise<unknown> => new Promise((resolve) => replacement(resolve).request(64));

test('StoreReplacement sets the store aside, so that the member starts with a fresh store', async () => {
  const before = await storeId();
  const error = await ended();
  expect(error).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(setAsideDirectory) });
  expect(stopped).toBe(1);
  expect(existsSync(join(directory, setAsideDirectory, 'identity.json'))).toBe(true);
  expect(await storeId()).not.toBe(before);
});

test('StoreReplacement rejects a second replacement within an hour and accepts one after an hour', async () => {
  await storeId();
  await ended();
  const second = await storeId();
  const ends: unknown[] = [];
  replacement((error) => ends.push(error)).request(128);
  expect(await storeId()).toBe(second);
  expect(ends).toEqual([]);
  const longAgo = new Date(Date.now() - 7_200_000);
  utimesSync(join(directory, setAsideDirectory), longAgo, longAgo);
  await ended();
  expect(await storeId()).not.toBe(second);
});

test.each([
  ['the cluster would lose its majority', () => (safe = false)],
  ['the store contains acknowledged messages that the cluster lacks', () => (outbox = 1)],
])('StoreReplacement does not replace the store while %s', async (_why, prepare) => {
  const before = await storeId();
  prepare();
  const ends: unknown[] = [];
  const waiting = replacement((error) => ends.push(error));
  waiting.request(64);
  // `stopSafety` has resolved by now.
  await new Promise((resolve) => setImmediate(resolve));
  waiting.stop();
  expect([stopped, ends]).toEqual([0, []]);
  expect(await storeId()).toBe(before);
});
