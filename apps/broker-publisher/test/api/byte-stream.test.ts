import { byteStream } from '../../src/api/http/byte-stream.ts';

const mebibyte = 1024 * 1024;

test.each([
  ['no bytes', 0, []],
  ['less than one piece', 5, [5]],
  ['one piece', mebibyte, [mebibyte]],
  ['several pieces', 2 * mebibyte + 7, [mebibyte, mebibyte, 7]],
])('a stream of bytes yields pieces of at most one MiB, in order: %s', async (_, length, lengths) => {
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 1_000) bytes[offset] = offset / 1_000;
  const pieces: Uint8Array[] = [];
  for await (const piece of byteStream(bytes)) pieces.push(piece);
  expect(pieces.map((piece) => piece.length)).toEqual(lengths);
  expect(Buffer.compare(Buffer.concat(pieces), bytes)).toBe(0);
});
