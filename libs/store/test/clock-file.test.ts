import { storeOn, reopen } from './store-on-disk.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const clockFile = 'clock.json';
const record = { clusterTimeMs: 70_000.5, wallMs: 1_800_000_000_000 };

async function diskWithRecord(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const store = storeOn(disk);
  await store.open('a');
  await store.saveClock(record);
  await store.close();
  return disk;
}

test('a clock record survives the death of the process without a sync', async () => {
  const disk = new SimulatedDisk();
  const store = storeOn(disk);
  await store.open('a');
  const { syncs } = disk;
  await store.saveClock({ ...record, wallMs: Date.now() + 1e9 });
  expect(disk.syncs).toBe(syncs);
  disk.kill();
  expect((await reopen(disk)).clusterTimeMs).toBe(record.clusterTimeMs);
});

test.each([
  ['is empty', ''],
  ['is cut off', '{"format":1,"storeId":"'],
  ['is not JSON', '\0\0\0\0'],
  ['has a time that is not a number', '{"format":1,"storeId":"x","clusterTimeMs":null,"wallMs":1}'],
  ['has a newer format', '{"format":2,"storeId":"x","clusterTimeMs":1,"wallMs":1}'],
  ['belongs to another store', '{"format":1,"storeId":"other","clusterTimeMs":1,"wallMs":1}'],
])('a clock record that %s is ignored, and the store opens', async (_, content) => {
  const disk = await diskWithRecord();
  disk.tamper(clockFile, () => Buffer.from(content));
  const recovered = await reopen(disk);
  expect(recovered.clusterTimeMs).toBeUndefined();
  expect(recovered.repairs).toEqual([]);
});

test('a full disk keeps the older clock record and does not make the store fail', async () => {
  const disk = await diskWithRecord();
  const store = storeOn(disk);
  await store.open('a');
  disk.capacityBytes = disk.bytes();
  await store.saveClock({ clusterTimeMs: 80_000, wallMs: record.wallMs });
  expect(disk.content(clockFile).toString()).toContain('70000.5');
  disk.capacityBytes = Infinity;
  await store.write({ hardState: { term: 1, votedFor: null } });
  await store.saveClock({ clusterTimeMs: 90_000, wallMs: record.wallMs });
  expect(disk.content(clockFile).toString()).toContain('90000');
  await store.close();
});
