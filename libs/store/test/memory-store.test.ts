import { createMemoryDisk, createMemoryStore, testEntry } from '../src/testing/index.ts';

async function indexes(disk: ReturnType<typeof createMemoryDisk>): Promise<number[]> {
  const store = createMemoryStore(disk);
  const { entries } = await store.open('a');
  await store.close();
  return entries.map((entry) => entry.index);
}

test('a memory store acknowledges no write while syncs are held, and loses the waiting writes in a crash', async () => {
  const disk = createMemoryDisk();
  const store = createMemoryStore(disk);
  await store.open('a');
  await store.write({ entries: [testEntry(1)] });
  store.holdSyncs();
  let acknowledged = false;
  void store.write({ entries: [testEntry(2)] }).then(() => {
    acknowledged = true;
  });
  await new Promise(setImmediate);
  expect(acknowledged).toBe(false);
  store.crash();
  store.releaseSyncs();
  await new Promise(setImmediate);
  expect(acknowledged).toBe(false);
  expect(await indexes(disk)).toEqual([1]);
});

test('a memory store stores the held writes in order after syncs are released', async () => {
  const disk = createMemoryDisk();
  const store = createMemoryStore(disk);
  await store.open('a');
  store.holdSyncs();
  const writes = [1, 2, 3].map((index) => store.write({ entries: [testEntry(index)] }));
  store.releaseSyncs();
  await Promise.all(writes);
  await store.close();
  expect(await indexes(disk)).toEqual([1, 2, 3]);
});

test('a memory store refuses all writes after a failed sync', async () => {
  const store = createMemoryStore();
  await store.open('a');
  store.failNextSync();
  await expect(store.write({ entries: [testEntry(1)] })).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await expect(store.write({ entries: [testEntry(1)] })).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

test('a memory store with a full disk refuses all waiting writes, and accepts writes again after space was freed', async () => {
  const disk = createMemoryDisk();
  const store = createMemoryStore(disk);
  await store.open('a');
  store.setFull(true);
  const refused = [1, 2].map((index) => store.write({ entries: [testEntry(index)] }));
  for (const write of refused) await expect(write).rejects.toMatchObject({ code: 'STORE_FULL' });
  let discards = 0;
  const data = { length: 1, pieces: () => [new Uint8Array(1)], discard: () => discards++ };
  const snapshot = { index: 1, term: 1, config: { members: [] }, data };
  await expect(store.write({ snapshot })).rejects.toMatchObject({ code: 'STORE_FULL' });
  expect(discards).toBe(1);
  store.setFull(false);
  await expect(store.write({ entries: [testEntry(2)] })).rejects.toMatchObject({ code: 'STORE_FULL' });
  await store.write({ entries: [testEntry(1)] });
  await store.close();
  expect(await indexes(disk)).toEqual([1]);
});
