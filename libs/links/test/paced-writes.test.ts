import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { PacedWrites } from '../src/remote/paced-writes.ts';

test('a large packet passes in short writes, so that the progress on a slow line is visible', () => {
  const sizes: number[] = [];
  let done: (() => void) | null = null;
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, callback) => {
      sizes.push(chunk.length);
      done = callback;
    },
  });
  const writes = new PacedWrites(stream);
  writes.write(Buffer.alloc(150_000));
  expect(sizes).toEqual([65_536]);
  expect(writes.waitingBytes).toBe(150_000);
  done!();
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    expect(sizes).toEqual([65_536, 65_536]);
    expect([writes.passedBytes, writes.waitingBytes]).toEqual([65_536, 84_464]);
  });
});

test('all bytes pass in their order, also those that wait when the stream ends', async () => {
  const stream = new PassThrough();
  const writes = new PacedWrites(stream);
  const parts = Array.from({ length: 2_000 }, (_value, position) => `${position} `.repeat(50));
  for (const part of parts) writes.write(Buffer.from(part));
  writes.end();
  expect(await text(stream)).toBe(parts.join(''));
});
