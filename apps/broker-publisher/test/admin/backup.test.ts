import { decodeBackup, encodeBackup } from '../../src/admin/backup.ts';

const config = { members: [{ id: 'a', storeId: '1', role: 'voter' as const }] };
const snapshot = { index: 7, term: 2, config, data: Buffer.from('state\nwith a line\n') };

test('decodeBackup returns the header and the state that encodeBackup encoded', () => {
  const { header, snapshot: read } = decodeBackup(encodeBackup('mine', snapshot));
  expect(header).toMatchObject({ cluster: 'mine', index: 7 });
  expect({ ...read, data: Buffer.from(read.data) }).toEqual(snapshot);
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
])('decodeBackup rejects a file %s', (_what, change, message) => {
  expect(() => decodeBackup(change(Buffer.from(encodeBackup('mine', snapshot))))).toThrow(message);
});
