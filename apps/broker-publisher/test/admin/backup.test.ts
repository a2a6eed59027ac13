import { decodeBackup, encodeBackup } from '../../src/admin/backup.ts';

const config = { members: [{ id: 'a', storeId: '1', role: 'voter' as const }] };
const snapshot = { index: 7, term: 2, config, data: Buffer.from('state\nwith a line\n') };

test('what is read is what was written', () => {
  const { header, snapshot: read } = decodeBackup(encodeBackup('mine', snapshot));
  expect(header).toMatchObject({ cluster: 'mine', index: 7 });
  expect({ ...read, data: Buffer.from(read.data) }).toEqual(snapshot);
});

test.each([
  ['cut off', (file: Buffer) => file.subarray(0, -1), /cut off/],
  ['with a flipped bit', (file: Buffer) => ((file[file.length - 3]! ^= 4), file), /checksum/],
  [
    'of a newer format',
    (file: Buffer) => Buffer.from(file.toString().replace('"version":1', '"version":2')),
    /newer program/,
  ],
  ['that is something else', () => Buffer.from('hello'), /no backup/],
  ['that is empty', () => Buffer.alloc(0), /no backup/],
  [
    'with a damaged head',
    (file: Buffer) => Buffer.from(file.toString().replace('"index":7', '"index":"7"')),
    /damaged/,
  ],
])('a file %s is refused', (_what, change, message) => {
  expect(() => decodeBackup(change(Buffer.from(encodeBackup('mine', snapshot))))).toThrow(message);
});
