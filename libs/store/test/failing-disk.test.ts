import { testEntries, testEntry } from '../src/testing/index.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { largeEntry, config, crashDecisions, reopen, storeOn } from './store-on-disk.ts';

describe.each([
  ['with a sync after each write', false],
  ['with writes that sync', true],
])('a failing disk %s', (_name, syncsWrites) => {
  const newDisk = (): SimulatedDisk => Object.assign(new SimulatedDisk(), { syncsWrites });

  test.each(['failNextSync', 'failNextWrite'] as const)(
    'after an I/O error (%s) the store refuses all writes',
    async (which) => {
      const disk = newDisk();
      const store = storeOn(disk);
      await store.open('a');
      await store.write({ entries: [testEntry(1)] });
      disk[which] = 'EIO';
      const failed = [store.write({ entries: [testEntry(2)] }), store.write({ entries: [testEntry(3)] })];
      for (const write of failed) await expect(write).rejects.toMatchObject({ code: 'STORE_FAILED' });
      await expect(store.write({ hardState: { term: 1, votedFor: 'a' } })).rejects.toMatchObject({
        code: 'STORE_FAILED',
        message: expect.stringContaining('EIO'),
      });
      await store.close();
      expect((await reopen(disk)).entries[0]?.index).toBe(1);
    },
  );

  /** This test fails if a store does not write the last group again at start. */
  test.each([1, 4])(
    'the store writes entries again at start if a failed sync of %d writes left them only in memory',
    async (count) => {
      const disk = newDisk();
      const store = storeOn(disk);
      await store.open('a');
      await store.write({ entries: [testEntry(1)] });
      disk.failedSyncDropsChanges = true;
      disk.failNextSync = 'EIO';
      const failed = Array.from({ length: count }, (_, place) =>
        store.write({ entries: [testEntry(2 + place)] }),
      );
      for (const write of failed) await expect(write).rejects.toMatchObject({ code: 'STORE_FAILED' });
      disk.kill();
      const again = storeOn(disk);
      const handedOver = (await again.open('a')).entries.length;
      expect(handedOver).toBe(1 + count);
      await again.write({ entries: [testEntry(handedOver + 1)] });
      disk.crash(() => 0);
      expect((await reopen(disk)).entries).toHaveLength(handedOver + 1);
    },
  );

  test.each(['failNextSync', 'failNextWrite'] as const)(
    'if the disk is full (%s), the store refuses whole writes and accepts writes again later',
    async (which) => {
      const disk = newDisk();
      const store = storeOn(disk);
      await store.open('a');
      await store.write({ entries: [testEntry(1)] });
      disk[which] = 'ENOSPC';
      // All writes were called before the first one failed, so all are refused: no later write may be stored
      // before the first.
      const refused = [2, 3, 4].map((index) => store.write({ entries: [testEntry(index)] }));
      for (const write of refused) await expect(write).rejects.toMatchObject({ code: 'STORE_FULL' });
      await expect(store.write({ entries: [testEntry(4)] })).rejects.toMatchObject({ code: 'STORE_FULL' });
      await store.write({ entries: [testEntry(2, 5)] });
      disk.crash(() => 0.99);
      expect((await reopen(disk)).entries.map((entry) => entry.term)).toEqual([1, 5]);
    },
  );

  test('a group of writes that was refused half-way does not reappear after a crash', async () => {
    const disk = newDisk();
    const store = storeOn(disk);
    await store.open('a');
    await store.write({ entries: [testEntry(1)] });
    disk.capacityBytes = disk.bytes() + 3_000;
    const group = [2, 3, 4].map((index) => store.write({ entries: [largeEntry(index, 1_400)] }));
    for (const write of group) await expect(write).rejects.toMatchObject({ code: 'STORE_FULL' });
    // In this crash the refused write reached the disk, and the truncation after it did not.
    const [allNames, whole, noHole, lost] = [0, 0.5, 0.99, 0];
    disk.crash(crashDecisions(allNames, whole, noHole, lost));
    disk.capacityBytes = Infinity;
    const recovered = await reopen(disk);
    expect(recovered.entries.map((entry) => entry.index)).toEqual([1]);
    expect(recovered.repairs).toEqual([]);
  });

  test('a snapshot that the disk refuses leaves the log unchanged and leaves no file', async () => {
    const disk = newDisk();
    const store = storeOn(disk);
    await store.open('a');
    await store.write({ entries: testEntries(1, 5) });
    disk.capacityBytes = disk.bytes() + 10_000;
    const snapshot = { index: 5, term: 1, config, data: Buffer.alloc(20_000) };
    const names = disk.names();
    await expect(store.write({ snapshot })).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(disk.names()).toEqual(names);
    await store.write({ entries: [testEntry(6)] });
    disk.capacityBytes = Infinity;
    await store.write({ snapshot });
    await store.close();
    const recovered = await reopen(disk);
    expect(recovered.snapshot?.index).toBe(5);
    expect(recovered.entries.map((entry) => entry.index)).toEqual([6]);
    expect(recovered.repairs).toEqual([]);
  });

  test.each([0, 1, 2])(
    'a snapshot whose sync number %d fails is stored with its data or not at all',
    async (syncs) => {
      const disk = newDisk();
      const store = storeOn(disk);
      await store.open('a');
      await store.write({ entries: testEntries(1, 5) });
      disk.failNextSync = 'EIO';
      disk.syncsBeforeFailure = syncs;
      const snapshot = { index: 5, term: 1, config, data: Buffer.from('state') };
      await expect(store.write({ snapshot })).rejects.toMatchObject({ code: 'STORE_FAILED' });
      // The process dies, and the disk keeps all unsynced writes.
      const [allNames, whole] = [0, 0.5];
      disk.crash(crashDecisions(allNames, ...Array<number>(20).fill(whole)));
      const recovered = await reopen(disk);
      expect(recovered.snapshot?.data.toString()).toBe(syncs === 2 ? 'state' : undefined);
      expect(recovered.entries).toHaveLength(syncs === 2 ? 0 : 5);
    },
  );

  test('the store refuses a write while the disk has no space for the next segment, and accepts writes again later', async () => {
    const disk = newDisk();
    const store = storeOn(disk, 1_000);
    await store.open('a');
    await store.write({ entries: [largeEntry(1, 1_000)] });
    disk.capacityBytes = disk.bytes() + 20;
    await expect(store.write({ entries: [testEntry(2)] })).rejects.toMatchObject({ code: 'STORE_FULL' });
    disk.capacityBytes = Infinity;
    await store.write({ entries: [testEntry(2)] });
    await store.close();
    expect((await reopen(disk)).entries).toHaveLength(2);
  });
});

describe('disk space', () => {
  test('is freed after entries were compacted, snapshots replaced and outbox items deleted', async () => {
    const disk = new SimulatedDisk();
    const store = storeOn(disk, 10_000);
    await store.open('a');
    // One outbox item that stays must not prevent the removal of whole segments.
    await store.write({ outboxPut: [{ incarnation: 1, sequence: 1, data: Buffer.from('kept') }] });
    for (let round = 0; round < 20; round++) {
      const first = round * 20 + 1;
      for (let index = first; index < first + 20; index++) {
        const item = { incarnation: 1, sequence: index + 1, data: Buffer.alloc(500) };
        await store.write({ entries: [largeEntry(index, 500)], outboxPut: [item] });
        await store.write({ outboxDelete: [item] });
      }
      await store.write({ snapshot: { index: first + 19, term: 1, config, data: Buffer.alloc(2_000) } });
    }
    await store.write({ entries: [testEntry(401)] });
    await store.close();
    expect(disk.bytes()).toBeLessThan(15_000);
    const recovered = await reopen(disk);
    expect(recovered.outbox.map((item) => Buffer.from(item.data).toString())).toEqual(['kept']);
    expect(recovered.entries.map((entry) => entry.index)).toEqual([401]);
    expect(recovered.snapshot?.index).toBe(400);
  });
});
