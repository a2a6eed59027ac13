import { crc32 } from 'node:zlib';
import type { LogEntry, Recovered, StoreWrite } from '@mqtt-cluster/contracts';
import type { Migration } from '../src/index.ts';
import { createStore } from '../src/index.ts';
import { testEntries, testEntry } from '../src/testing/index.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const firstSegment = 'journal-00000001.log';
const config = { members: [] };

function storeOn(disk: SimulatedDisk, segmentBytesMax = 10_000, migrations?: ReadonlyMap<number, Migration>) {
  return createStore({
    directory: '/disk',
    fileSystem: disk.fileSystem(),
    segmentBytesMax,
    ...(migrations === undefined ? {} : { migrations }),
  });
}

/** Writes and syncs each change separately. Then the process dies, or closes the store in order. */
async function write(disk: SimulatedDisk, changes: StoreWrite[], end: 'dies' | 'closes'): Promise<void> {
  const store = storeOn(disk);
  await store.open('a');
  for (const change of changes) await store.write(change);
  if (end === 'closes') await store.close();
  else disk.crash(() => 0);
}

async function reopen(disk: SimulatedDisk): Promise<Recovered> {
  const store = storeOn(disk);
  const recovered = await store.open('a');
  await store.close();
  return recovered;
}

function flip(text: string) {
  return (content: Buffer) => {
    const at = content.indexOf(text);
    if (at < 0) throw new Error(`${text} is not in the file`);
    content.writeUInt8(content.readUInt8(at) ^ 1, at);
    return Buffer.from(content);
  };
}

const three: StoreWrite[] = [
  { entries: [testEntry(1, 1, 'first')] },
  { entries: [testEntry(2, 1, 'second')] },
  { entries: [testEntry(3, 1, 'third')] },
];

describe('a torn write', () => {
  test('is truncated and reported, and the store accepts writes after it', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    disk.tamper(firstSegment, (content) => Buffer.from(content.subarray(0, content.length - 3)));
    const store = storeOn(disk);
    const recovered = await store.open('a');
    expect(recovered.entries.map((entry) => entry.index)).toEqual([1, 2]);
    expect(recovered.repairs).toEqual([expect.stringMatching(/journal-00000001\.log: removed \d+ bytes/)]);
    await store.write({ entries: [testEntry(3, 2, 'other')] });
    await store.close();
    const again = await reopen(disk);
    expect(again.repairs).toEqual([]);
    expect(again.entries.map((entry) => entry.term)).toEqual([1, 1, 2]);
  });

  test('of zeros, where the file size was durable and the data was not, is truncated', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    disk.tamper(firstSegment, (content) => Buffer.concat([content, Buffer.alloc(5000)]));
    const recovered = await reopen(disk);
    expect(recovered.entries).toHaveLength(3);
    expect(recovered.repairs).toHaveLength(1);
    expect((await reopen(disk)).repairs).toEqual([]);
  });

  test('is recognized even if its payload contains valid records', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    const records = disk.content(firstSegment).subarray(16);
    // Records of this segment inside the payload of a torn entry have correct checksums, but their groups
    // start before the torn write, so they do not prove that it was synced.
    const store = storeOn(disk);
    await store.open('a');
    await store.write({ entries: [{ ...testEntry(4), data: Buffer.from(records) }] });
    disk.crash(() => 0);
    disk.tamper(firstSegment, (content) => Buffer.from(content.subarray(0, content.length - 1)));
    expect((await reopen(disk)).entries).toHaveLength(3);
  });
});

function fates(...values: number[]): () => number {
  return () => values.shift() ?? 0;
}

test('a torn write is truncated durably before the next segment starts', async () => {
  const disk = new SimulatedDisk();
  await write(disk, [{ entries: [big(1, 12_000)] }], 'dies');
  disk.tamper(firstSegment, (content) => Buffer.concat([content, Buffer.alloc(100)]));
  await storeOn(disk).open('a');
  disk.crash(fates());
  expect(disk.names()).toContain('journal-00000002.log');
  expect((await reopen(disk)).entries).toHaveLength(1);
});

describe('damage that no crash can have caused', () => {
  test('in a record before a later sync is reported with file and entry', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    disk.tamper(firstSegment, flip('second'));
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringMatching(/journal-00000001\.log.*after entry 1\).*empty directory/s),
    });
    // The failed attempt has not changed the file, so opening fails again.
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('in the last record is detected if the store was closed in order', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'closes');
    disk.tamper(firstSegment, flip('third'));
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('in the length field of a record is detected', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    disk.tamper(firstSegment, (content) => {
      const record = content.lastIndexOf(Buffer.from([0xd7, 0x4d, 0x51, 0x52]), content.indexOf('second'));
      content.writeUInt32BE(0x7fffffff, record + 4);
      return Buffer.from(content);
    });
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('at the end of a segment before the last is detected', async () => {
    const disk = new SimulatedDisk();
    const store = storeOn(disk, 400);
    await store.open('a');
    for (const entry of testEntries(1, 20)) await store.write({ entries: [entry] });
    await store.close();
    expect(disk.names().filter((name) => name.startsWith('journal')).length).toBeGreaterThan(2);
    disk.tamper(firstSegment, (content) => Buffer.from(content.subarray(0, content.length - 3)));
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test.each(['journal-00000001.log', 'journal-00000002.log'])(
    'the missing segment %s is detected',
    async (name) => {
      const disk = new SimulatedDisk();
      const store = storeOn(disk, 400);
      await store.open('a');
      for (const entry of testEntries(1, 20)) await store.write({ entries: [entry] });
      await store.close();
      disk.removeFile(name);
      await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    },
  );

  test.each(['damaged', 'missing'])('a %s snapshot is detected', async (how) => {
    const disk = new SimulatedDisk();
    const data = Buffer.from('the state');
    await write(disk, [...three, { snapshot: { index: 2, term: 1, config, data } }], 'closes');
    const [name = ''] = disk.names().filter((file) => file.startsWith('snapshot'));
    if (how === 'damaged') disk.tamper(name, flip('state'));
    else disk.removeFile(name);
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(name),
    });
  });

  test('a missing or damaged identity file is detected', async () => {
    const disk = new SimulatedDisk();
    await write(disk, [{ entries: testEntries(1, 100) }], 'closes');
    const identity = disk.content('identity.json').toString();
    disk.tamper('identity.json', () => Buffer.from(identity.replace('"a"', '"b"')));
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    disk.removeFile('identity.json');
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('identity'),
    });
  });

  test('a journal of another store is detected', async () => {
    const [disk, other] = [new SimulatedDisk(), new SimulatedDisk()];
    await write(disk, three, 'closes');
    await write(other, three, 'closes');
    disk.tamper(firstSegment, () => Buffer.from(other.content(firstSegment)));
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

describe('format versions', () => {
  async function diskOfFormat(format: number): Promise<SimulatedDisk> {
    const disk = new SimulatedDisk();
    await write(disk, three, 'closes');
    const identity = JSON.parse(disk.content('identity.json').toString()) as {
      member: string;
      storeId: string;
    };

    const checksum = crc32(Buffer.from(JSON.stringify([format, identity.member, identity.storeId])));
    disk.tamper('identity.json', () => Buffer.from(JSON.stringify({ ...identity, format, checksum })));
    return disk;
  }

  test('refuses a newer format and reports both versions', async () => {
    const disk = await diskOfFormat(7);
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({
      code: 'STORE_FORMAT',
      message: expect.stringMatching(/format 7.*formats up to 1.*newer program/s),
    });
  });

  test('migrates an older format, or refuses it if there is no migration', async () => {
    const disk = await diskOfFormat(0);
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({
      code: 'STORE_FORMAT',
      message: expect.stringMatching(/format 0.*format 1/s),
    });
    const migrated: string[] = [];
    const migrations = new Map([[0, async (directory: string) => void migrated.push(directory)]]);
    const store = storeOn(disk, 10_000, migrations);
    expect((await store.open('a')).entries).toHaveLength(3);
    await store.close();
    expect(migrated).toEqual(['/disk']);
    expect((await reopen(disk)).entries).toHaveLength(3);
  });
});

describe('a failing disk', () => {
  test.each(['failNextSync', 'failNextWrite'] as const)(
    'after an I/O error (%s) the store refuses all writes',
    async (which) => {
      const disk = new SimulatedDisk();
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

  /** This test has been seen to fail in a store that trusts at start what it reads. */
  test.each([1, 4])(
    'writes entries again at start that a failed sync of %d writes left only in memory',
    async (count) => {
      const disk = new SimulatedDisk();
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
    'without space (%s) the store refuses whole writes, and accepts writes again later',
    async (which) => {
      const disk = new SimulatedDisk();
      const store = storeOn(disk);
      await store.open('a');
      await store.write({ entries: [testEntry(1)] });
      disk[which] = 'ENOSPC';
      // All writes were called before the first one failed, so all are refused: none may be stored before the
      // first.
      const refused = [2, 3, 4].map((index) => store.write({ entries: [testEntry(index)] }));
      for (const write of refused) await expect(write).rejects.toMatchObject({ code: 'STORE_FULL' });
      await expect(store.write({ entries: [testEntry(4)] })).rejects.toMatchObject({ code: 'STORE_FULL' });
      await store.write({ entries: [testEntry(2, 5)] });
      disk.crash(() => 0.99);
      expect((await reopen(disk)).entries.map((entry) => entry.term)).toEqual([1, 5]);
    },
  );

  test('a group that was refused half-way does not reappear after a crash', async () => {
    const disk = new SimulatedDisk();
    const store = storeOn(disk);
    await store.open('a');
    await store.write({ entries: [testEntry(1)] });
    disk.capacityBytes = disk.bytes() + 3_000;
    const group = [2, 3, 4].map((index) => store.write({ entries: [big(index, 1_400)] }));
    for (const write of group) await expect(write).rejects.toMatchObject({ code: 'STORE_FULL' });
    // In this crash the refused write reached the disk, and the truncation after it did not.
    const [allNames, whole, noHole, lost] = [0, 0.5, 0.99, 0];
    disk.crash(fates(allNames, whole, noHole, lost));
    disk.capacityBytes = Infinity;
    const recovered = await reopen(disk);
    expect(recovered.entries.map((entry) => entry.index)).toEqual([1]);
    expect(recovered.repairs).toEqual([]);
  });

  test('a refused snapshot leaves the log unchanged and no file behind', async () => {
    const disk = new SimulatedDisk();
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
      const disk = new SimulatedDisk();
      const store = storeOn(disk);
      await store.open('a');
      await store.write({ entries: testEntries(1, 5) });
      disk.failNextSync = 'EIO';
      disk.syncsBeforeFailure = syncs;
      const snapshot = { index: 5, term: 1, config, data: Buffer.from('state') };
      await expect(store.write({ snapshot })).rejects.toMatchObject({ code: 'STORE_FAILED' });
      // The process dies, and the disk keeps all unsynced writes.
      const [allNames, whole] = [0, 0.5];
      disk.crash(fates(allNames, ...Array<number>(20).fill(whole)));
      const recovered = await reopen(disk);
      expect(recovered.snapshot?.data.toString()).toBe(syncs === 2 ? 'state' : undefined);
      expect(recovered.entries).toHaveLength(syncs === 2 ? 0 : 5);
    },
  );

  test('without space for the next segment a write is refused, and accepted later', async () => {
    const disk = new SimulatedDisk();
    const store = storeOn(disk, 1_000);
    await store.open('a');
    await store.write({ entries: [big(1, 1_000)] });
    disk.capacityBytes = disk.bytes() + 20;
    await expect(store.write({ entries: [testEntry(2)] })).rejects.toMatchObject({ code: 'STORE_FULL' });
    disk.capacityBytes = Infinity;
    await store.write({ entries: [testEntry(2)] });
    await store.close();
    expect((await reopen(disk)).entries).toHaveLength(2);
  });
});

function big(index: number, bytes: number): LogEntry {
  return { index, term: 1, kind: 'normal', data: Buffer.alloc(bytes, index) };
}

describe('disk space', () => {
  test('of compacted entries, replaced snapshots and deleted outbox items is freed', async () => {
    const disk = new SimulatedDisk();
    const store = storeOn(disk, 10_000);
    await store.open('a');
    // One outbox item that stays must not keep whole segments.
    await store.write({ outboxPut: [{ incarnation: 1, sequence: 1, data: Buffer.from('kept') }] });
    for (let round = 0; round < 20; round++) {
      const first = round * 20 + 1;
      for (let index = first; index < first + 20; index++) {
        const item = { incarnation: 1, sequence: index + 1, data: Buffer.alloc(500) };
        await store.write({ entries: [big(index, 500)], outboxPut: [item] });
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
