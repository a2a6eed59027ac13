import { crc32 } from 'node:zlib';
import type { StoreWrite } from '@mqtt-cluster/contracts';
import { testEntries, testEntry } from '../src/testing/index.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { largeEntry, config, crashDecisions, firstSegment, reopen, storeOn, write } from './store-on-disk.ts';

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

  test('is truncated if it consists of zeros, because only the file size was durable', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    disk.tamper(firstSegment, (content) => Buffer.concat([content, Buffer.alloc(5000)]));
    const recovered = await reopen(disk);
    expect(recovered.entries).toHaveLength(3);
    expect(recovered.repairs).toHaveLength(1);
    expect((await reopen(disk)).repairs).toEqual([]);
  });

  test('is truncated even if its payload contains valid records', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    const records = disk.content(firstSegment).subarray(16);
    // The payload contains valid records of this segment. Each of them belongs to a write group that starts
    // before the torn write, so recovery must not take them as proof that the torn write was synced.
    const store = storeOn(disk);
    await store.open('a');
    await store.write({ entries: [{ ...testEntry(4), data: Buffer.from(records) }] });
    disk.crash(() => 0);
    disk.tamper(firstSegment, (content) => Buffer.from(content.subarray(0, content.length - 1)));
    expect((await reopen(disk)).entries).toHaveLength(3);
  });
});

test('a store truncates a torn write durably before it starts the next segment', async () => {
  const disk = new SimulatedDisk();
  await write(disk, [{ entries: [largeEntry(1, 12_000)] }], 'dies');
  disk.tamper(firstSegment, (content) => Buffer.concat([content, Buffer.alloc(100)]));
  await storeOn(disk).open('a');
  disk.crash(crashDecisions());
  expect(disk.names()).toContain('journal-00000002.log');
  expect((await reopen(disk)).entries).toHaveLength(1);
});

describe('opening a store with damage that no crash can have caused', () => {
  test('reports the file and the entry if the damaged record precedes a later sync', async () => {
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

  test('reports damage of the last record if the store was closed in order', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'closes');
    disk.tamper(firstSegment, flip('third'));
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('reports damage of the length field of a record', async () => {
    const disk = new SimulatedDisk();
    await write(disk, three, 'dies');
    disk.tamper(firstSegment, (content) => {
      const record = content.lastIndexOf(Buffer.from([0xd7, 0x4d, 0x51, 0x52]), content.indexOf('second'));
      content.writeUInt32BE(0x7fffffff, record + 4);
      return Buffer.from(content);
    });
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('reports damage at the end of a segment that is not the last one', async () => {
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
    'reports the missing segment %s',
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

  test.each(['damaged', 'missing'])('reports a %s snapshot', async (how) => {
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

  test('reports a missing or damaged identity file', async () => {
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

  test('reports a journal of another store', async () => {
    const [disk, other] = [new SimulatedDisk(), new SimulatedDisk()];
    await write(disk, three, 'closes');
    await write(other, three, 'closes');
    disk.tamper(firstSegment, () => Buffer.from(other.content(firstSegment)));
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

describe('opening a store of another format version', () => {
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

  test('rejects a newer format and reports both versions', async () => {
    const disk = await diskOfFormat(7);
    await expect(storeOn(disk).open('a')).rejects.toMatchObject({
      code: 'STORE_FORMAT',
      message: expect.stringMatching(/format 7.*formats up to 1.*newer program/s),
    });
  });

  test('migrates an older format, or rejects the format if there is no migration', async () => {
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
