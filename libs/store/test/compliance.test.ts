import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStore } from '../src/index.ts';
import { createMemoryDisk, createMemoryStore, storeCompliance } from '../src/testing/index.ts';

storeCompliance('store on disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'store-'));
  return {
    create: () => createStore({ directory: join(directory, 'data') }),
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  };
});

storeCompliance('store on disk with tiny segments', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'store-'));
  return {
    create: () => createStore({ directory, segmentBytesMax: 200 }),
    cleanUp: () => rm(directory, { recursive: true, force: true }),
  };
});

storeCompliance('store in memory', async () => {
  const disk = createMemoryDisk();
  return { create: () => createMemoryStore(disk), cleanUp: async () => undefined };
});
