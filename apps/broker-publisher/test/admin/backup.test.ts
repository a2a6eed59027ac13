import { decodeBackup, encodeBackup } from '../../src/admin/backup.ts';
import { takeBackup } from '../../src/admin/take-backup.ts';

const config = { members: [{ id: 'a', storeId: '1', role: 'voter' as const }] };
const snapshot = { index: 7, term: 2, config, data: Buffer.from('state\nwith a line\n') };

test('decodeBackup returns the header and the state that encodeBackup encoded', async () => {
  const { header, snapshot: read } = decodeBackup(await encodeBackup('mine', snapshot));
  expect(header).toMatchObject({ cluster: 'mine', index: 7 });
  expect({ ...read, data: Buffer.from(read.data) }).toEqual(snapshot);
});

test('encodeBackup hashes and copies a large state over several turns of the event loop', async () => {
  const data = Buffer.alloc(2.5 * 1024 * 1024);
  for (let offset = 0; offset < data.length; offset += 1_000) data.writeUInt16LE(offset % 65_521, offset);
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const file = await encodeBackup('mine', { ...snapshot, data });
  isDone = true;
  expect(turns).toBeGreaterThanOrEqual(3);
  expect(Buffer.compare(decodeBackup(file).snapshot.data, data)).toBe(0);
});

test.each([
  ['that is truncated', (file: Buffer) => file.subarray(0, -1), /truncated/],
  ['with a flipped bit', (file: Buffer) => ((file[file.length - 3]! ^= 4), file), /checksum/],
  [
    'of a newer format',
    (file: Buffer) => Buffer.from(file.toString().replace('"version":1', '"version":2')),
    /newer program/,
  ],
  ['with other content', () => Buffer.from('hello'), /not a backup/],
  ['that is empty', () => Buffer.alloc(0), /not a backup/],
  [
    'with a damaged header',
    (file: Buffer) => Buffer.from(file.toString().replace('"index":7', '"index":"7"')),
    /damaged/,
  ],
])('decodeBackup rejects a file %s', async (_what, change, message) => {
  const file = Buffer.from(await encodeBackup('mine', snapshot));
  expect(() => decodeBackup(change(file))).toThrow(message);
});

test('requests that share a snapshot share its file', async () => {
  const shared = { ...snapshot };
  const components = {
    clusterName: 'mine',
    snapshot: async () => shared,
    commandHandler: { health: () => Promise.reject(new Error('not asked')) },
  } as unknown as Parameters<typeof takeBackup>[0];
  const [one, two] = await Promise.all([takeBackup(components, true), takeBackup(components, true)]);
  if ('refusal' in one || 'refusal' in two) throw new Error('a backup was refused');
  expect(one.file).toBe(two.file);
  expect(decodeBackup(one.file).header.cluster).toBe('mine');
});
