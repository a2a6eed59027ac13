import type { LogEntry, RecoveredState, Snapshot, Store, StoreWrite } from '@mqtt-cluster/contracts';

/** The disk of one test. The test creates several stores on it, as successive processes would. */
export interface StoreUnderTest {
  create(): Store;
  cleanUp(): Promise<void>;
}

export function testEntry(index: number, term = 1, text = `entry ${index}`): LogEntry {
  return { index, term, kind: 'normal', data: Buffer.from(text) };
}

export function testEntries(from: number, to: number, term = 1): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => testEntry(from + offset, term));
}

const config = { members: [{ id: 'a', storeId: 'aa', role: 'voter' as const }] };

function testSnapshot(index: number, bytes = 100): Snapshot {
  return { index, term: 1, config, data: Buffer.alloc(bytes, index) };
}

/** Returns the snapshot with its data in pieces, and counts the calls of `discard`. */
function inPieces(snapshot: Snapshot, pieceBytes: number) {
  const data = {
    length: snapshot.data.length,
    discards: 0,
    *pieces() {
      for (let offset = 0; offset < snapshot.data.length; offset += pieceBytes)
        yield snapshot.data.subarray(offset, offset + pieceBytes);
    },
    discard() {
      data.discards++;
    },
  };
  return { ...snapshot, data };
}

function testItem(incarnation: number, sequence: number) {
  return { incarnation, sequence, data: Buffer.from(`item ${incarnation}/${sequence}`) };
}

function summary(recovered: RecoveredState) {
  return recovered.entries.map(
    (entry) => `${entry.index}:${entry.term}:${Buffer.from(entry.data).toString()}`,
  );
}

/** The compliance suite of the store contract. Each implementation runs it. */
export function storeCompliance(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let disk: StoreUnderTest;

    beforeEach(async () => {
      disk = await makeStore();
    });

    afterEach(() => disk.cleanUp());

    async function written(...changes: StoreWrite[]): Promise<RecoveredState> {
      const store = disk.create();
      await store.open('a');
      await Promise.all(changes.map((change) => store.write(change)));
      await store.close();
      return reopened();
    }

    async function reopened(): Promise<RecoveredState> {
      const store = disk.create();
      const recovered = await store.open('a');
      await store.close();
      return recovered;
    }

    lifecycleTests(() => disk, reopened, written);
    contentTests(written, reopened);
    orderTests(() => disk, reopened);
  });
}

type Written = (...changes: StoreWrite[]) => Promise<RecoveredState>;
type Reopened = () => Promise<RecoveredState>;

function lifecycleTests(disk: () => StoreUnderTest, reopened: Reopened, written: Written): void {
  test('a store on an empty disk is fresh, with a random store id and incarnation 1', async () => {
    const recovered = await reopened();
    expect(recovered.storeId).toMatch(/^[0-9a-f]{32}$/);
    expect(recovered).toMatchObject({
      incarnation: 1,
      fresh: true,
      hardState: { term: 0, votedFor: null },
      snapshot: null,
      entries: [],
      outbox: [],
      repairs: [],
    });
  });

  test('each call of open keeps the store id and increments the incarnation', async () => {
    const first = await reopened();
    const second = await reopened();
    const third = await reopened();
    expect([second.storeId, third.storeId]).toEqual([first.storeId, first.storeId]);
    expect([second.incarnation, third.incarnation]).toEqual([2, 3]);
  });

  test('a store stays fresh until its first write', async () => {
    await reopened();
    expect((await reopened()).fresh).toBe(true);
    expect((await written({ hardState: { term: 1, votedFor: 'b' } })).fresh).toBe(false);
  });

  test('a store of one member cannot be opened by another member', async () => {
    await reopened();
    await expect(disk().create().open('b')).rejects.toMatchObject({
      code: 'STORE_OWNER',
      message: expect.stringMatching(/"a".*"b"/),
    });
    expect((await reopened()).incarnation).toBe(2);
  });

  test('an open store cannot be opened a second time', async () => {
    const store = disk().create();
    await store.open('a');
    await expect(disk().create().open('a')).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await store.write({ entries: [testEntry(1)] });
    await store.close();
    expect((await reopened()).entries).toHaveLength(1);
  });

  test('a store that is not open rejects writes', async () => {
    const store = disk().create();
    await expect(store.write({ entries: [testEntry(1)] })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await store.open('a');
    await store.close();
    await expect(store.write({ entries: [testEntry(1)] })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    const snapshot = inPieces(testSnapshot(5), 10);
    await expect(store.write({ snapshot })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(snapshot.data.discards).toBeGreaterThan(0);
  });
}

function contentTests(written: Written, reopened: Reopened): void {
  test('open returns the last term and vote', async () => {
    await written({ hardState: { term: 3, votedFor: 'b' } }, { hardState: { term: 4, votedFor: null } });
    expect((await reopened()).hardState).toEqual({ term: 4, votedFor: null });
  });

  test('open returns entries of all kinds unchanged', async () => {
    const entries: LogEntry[] = [
      { index: 1, term: 1, kind: 'noop', data: Buffer.alloc(0) },
      { index: 2, term: 1, kind: 'config', data: Buffer.alloc(0), config },
      { index: 3, term: 2, kind: 'normal', data: Buffer.from([0, 255, 0, 128]) },
    ];
    const recovered = await written({ entries });
    expect(recovered.entries.map((entry) => ({ ...entry, data: [...entry.data] }))).toEqual(
      entries.map((entry) => ({ ...entry, data: [...entry.data] })),
    );
  });

  test('truncateFrom removes the end of the log before entries are appended', async () => {
    const recovered = await written(
      { entries: testEntries(1, 5) },
      { truncateFrom: 3, entries: [testEntry(3, 2, 'new')] },
    );
    expect(summary(recovered)).toEqual(['1:1:entry 1', '2:1:entry 2', '3:2:new']);
    expect((await written({ truncateFrom: 1 })).entries).toEqual([]);
    expect(summary(await written({ entries: [testEntry(1, 3, 'again')] }))).toEqual(['1:3:again']);
  });

  test('a snapshot replaces the log up to its index and keeps the later entries', async () => {
    const recovered = await written({ entries: testEntries(1, 10) }, { snapshot: testSnapshot(7) });
    expect(recovered.snapshot).toMatchObject({ index: 7, term: 1, config });
    expect(recovered.snapshot?.data).toHaveLength(100);
    expect(recovered.snapshot?.data[99]).toBe(7);
    expect(recovered.entries.map((entry) => entry.index)).toEqual([8, 9, 10]);
    const next = await written({ entries: [testEntry(11)] }, { snapshot: testSnapshot(9) });
    expect(next.snapshot?.index).toBe(9);
    expect(next.entries.map((entry) => entry.index)).toEqual([10, 11]);
  });

  test('dropLog removes the whole log, and the next entry follows the snapshot', async () => {
    const recovered = await written(
      { entries: testEntries(1, 30) },
      { snapshot: testSnapshot(20), dropLog: true, entries: testEntries(21, 22, 5) },
    );
    expect(summary(recovered)).toEqual(['21:5:entry 21', '22:5:entry 22']);
  });

  test('a snapshot ahead of the log replaces the whole log', async () => {
    const recovered = await written({ entries: testEntries(1, 3) }, { snapshot: testSnapshot(50) });
    expect(recovered.entries).toEqual([]);
    expect(summary(await written({ entries: [testEntry(51)] }))).toEqual(['51:1:entry 51']);
  });

  test.each([[[7]], [[7, 8, 9]]])(
    'a repeated write leaves out the entries that a snapshot has replaced, and keeps %j (P1)',
    async (kept) => {
      await written({ entries: testEntries(1, 3) });
      await written({ snapshot: testSnapshot(6) });
      // The store had refused the entries from 4 on, so the member writes them again.
      const entries = testEntries(4, kept.at(-1)!, 2);
      const recovered = await written({ truncateFrom: 4, entries });
      expect(recovered.snapshot?.index).toBe(6);
      expect(recovered.entries.map(({ index }) => index)).toEqual(kept);
      const next = await written({ entries: [testEntry(kept.at(-1)! + 1)] });
      expect(next.entries.map(({ index }) => index)).toEqual([...kept, kept.at(-1)! + 1]);
    },
  );

  test('write stores a snapshot of several MiB', async () => {
    const bytes = 3 * 1024 * 1024 + 17;
    const recovered = await written({ snapshot: testSnapshot(5, bytes), dropLog: true });
    expect(recovered.snapshot?.data).toHaveLength(bytes);
    expect(recovered.snapshot?.data.every((byte) => byte === 5)).toBe(true);
  });

  test('write takes a snapshot of the own state in pieces, and discards them when it is stored', async () => {
    const snapshot = inPieces(testSnapshot(5, 300_000), 70_000);
    const recovered = await written({ entries: testEntries(1, 6) }, { snapshot });
    expect(snapshot.data.discards).toBeGreaterThan(0);
    expect(recovered.snapshot?.data).toHaveLength(300_000);
    expect(recovered.snapshot?.data.every((byte) => byte === 5)).toBe(true);
    expect(recovered.entries.map(({ index }) => index)).toEqual([6]);
  });

  test('open returns outbox items ordered by incarnation and sequence', async () => {
    const recovered = await written(
      { outboxPut: [testItem(10, 1), testItem(2, 2)] },
      { outboxPut: [testItem(2, 10), testItem(2, 1)] },
      {
        outboxDelete: [
          { incarnation: 2, sequence: 2 },
          { incarnation: 9, sequence: 9 },
        ],
      },
    );
    expect(recovered.outbox.map((item) => [item.incarnation, item.sequence])).toEqual([
      [2, 1],
      [2, 10],
      [10, 1],
    ]);
    expect(Buffer.from(recovered.outbox[0]?.data ?? []).toString()).toBe('item 2/1');
  });

  test('write applies all parts of one change in the order of the fields', async () => {
    const recovered = await written(
      { entries: testEntries(1, 6) },
      {
        hardState: { term: 9, votedFor: 'c' },
        snapshot: testSnapshot(4),
        truncateFrom: 6,
        entries: testEntries(6, 7, 9),
        outboxPut: [testItem(1, 1), testItem(1, 2)],
        outboxDelete: [{ incarnation: 1, sequence: 1 }],
      },
    );
    expect(recovered.hardState.term).toBe(9);
    expect(summary(recovered)).toEqual(['5:1:entry 5', '6:9:entry 6', '7:9:entry 7']);
    expect(recovered.outbox.map((item) => item.sequence)).toEqual([2]);
  });
}

function orderTests(disk: () => StoreUnderTest, reopened: Reopened): void {
  test('writes take effect and resolve in the order of the calls, with many writes per sync', async () => {
    const store = disk().create();
    await store.open('a');
    const before = store.usage().syncs;
    const resolved: number[] = [];
    const writes = Array.from({ length: 200 }, async (_, call) => {
      await store.write({ entries: [testEntry(call + 1)] });
      resolved.push(call);
    });
    await Promise.all(writes);
    expect(resolved).toEqual(Array.from({ length: 200 }, (_, call) => call));
    expect(store.usage().syncs - before).toBeLessThan(20);
    await store.close();
    expect((await reopened()).entries.map((entry) => entry.index)).toEqual(
      Array.from({ length: 200 }, (_, call) => call + 1),
    );
  });

  test('close completes pending writes', async () => {
    const store = disk().create();
    await store.open('a');
    const write = store.write({ entries: [testEntry(1)] });
    await store.close();
    await write;
    expect((await reopened()).entries).toHaveLength(1);
  });

  test('write rejects entries with a gap and leaves the store unchanged', async () => {
    const store = disk().create();
    await store.open('a');
    await store.write({ entries: [testEntry(1)] });
    await expect(store.write({ entries: [testEntry(3)] })).rejects.toThrow('entry 3 does not follow 1');
    await expect(store.write({ entries: [testEntry(2), testEntry(4)] })).rejects.toThrow('entry 4');
    await store.write({ entries: [testEntry(2)] });
    await store.close();
    expect(summary(await reopened())).toEqual(['1:1:entry 1', '2:1:entry 2']);
  });

  test('returns cluster time by the wall clock since the clock record was saved', async () => {
    const store = disk().create();
    expect((await store.open('a')).clusterTimeMs).toBeUndefined();
    await store.saveClock({ clusterTimeMs: 70_000, wallMs: Date.now() - 3_600_000 });
    await store.close();
    expect((await reopened()).clusterTimeMs).toBeGreaterThanOrEqual(3_670_000);
  });

  test('cluster time does not go back when the wall clock was set back', async () => {
    const store = disk().create();
    await store.open('a');
    await store.saveClock({ clusterTimeMs: 70_000, wallMs: Date.now() - 3_600_000 });
    await store.saveClock({ clusterTimeMs: 80_000, wallMs: Date.now() + 3_600_000 });
    await store.close();
    expect((await reopened()).clusterTimeMs).toBe(80_000);
  });

  test('usage decreases when entries and outbox items are removed', async () => {
    const store = disk().create();
    await store.open('a');
    const item = { incarnation: 1, sequence: 1, data: Buffer.alloc(50_000) };
    await store.write({ entries: [{ ...testEntry(1), data: Buffer.alloc(100_000) }], outboxPut: [item] });
    const { logBytes, outboxBytes } = store.usage();
    expect(logBytes).toBeGreaterThanOrEqual(100_000);
    expect(outboxBytes).toBeGreaterThanOrEqual(50_000);
    await store.write({ snapshot: testSnapshot(1), outboxDelete: [item] });
    await store.write({ entries: [testEntry(2)] });
    expect(store.usage().logBytes).toBeLessThan(10_000);
    expect(store.usage().outboxBytes).toBe(0);
    await store.close();
  });
}
