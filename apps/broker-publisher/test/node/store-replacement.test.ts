import { existsSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import { createStore } from '@mqtt-cluster/store';
import { setAsideName, StoreReplacement } from '../../src/node/store-replacement.ts';

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
    maySpare: async () => ({ safe, reason: '' }),
    stop: async () => void stopped++,
    outboxItems: () => outbox,
    onFatal,
  });
}

const ended = (): Promise<unknown> => new Promise((resolve) => replacement(resolve).begin(64));

test('the store is set aside, and the next start finds an empty one', async () => {
  const before = await storeId();
  const error = await ended();
  expect(error).toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(setAsideName) });
  expect(stopped).toBe(1);
  expect(existsSync(join(directory, setAsideName, 'identity.json'))).toBe(true);
  expect(await storeId()).not.toBe(before);
});

test('not again within the hour, but later', async () => {
  await storeId();
  await ended();
  const second = await storeId();
  const ends: unknown[] = [];
  replacement((error) => ends.push(error)).begin(128);
  expect(await storeId()).toBe(second);
  expect(ends).toEqual([]);
  const longAgo = new Date(Date.now() - 7_200_000);
  utimesSync(join(directory, setAsideName), longAgo, longAgo);
  await ended();
  expect(await storeId()).not.toBe(second);
});

test.each([
  ['the cluster cannot do without the member', () => (safe = false)],
  ['it holds acked messages that the cluster lacks', () => (outbox = 1)],
])('not while %s', async (_why, prepare) => {
  const before = await storeId();
  prepare();
  const ends: unknown[] = [];
  const waiting = replacement((error) => ends.push(error));
  waiting.begin(64);
  // The question has been answered by now.
  await new Promise((resolve) => setImmediate(resolve));
  waiting.stop();
  expect([stopped, ends]).toEqual([0, []]);
  expect(await storeId()).toBe(before);
});
