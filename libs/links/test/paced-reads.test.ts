import { PassThrough } from 'node:stream';
import { until } from '@mqtt-cluster/testing';
import { bytesOfTurnMax, PacedReads } from '../src/remote/paced-reads.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads a stream, and returns the bytes of each turn of the event loop. */
function reading(): { stream: PassThrough; reads: PacedReads; parts: Buffer[] } {
  const stream = new PassThrough();
  const parts: Buffer[] = [];
  return { stream, parts, reads: new PacedReads(stream, (bytes) => parts.push(Buffer.from(bytes))) };
}

test('all bytes are passed on in their order, and at most 16 KiB in one turn', async () => {
  const { stream, parts } = reading();
  const bytes = Buffer.from(Array.from({ length: 5 * bytesOfTurnMax + 7 }, (_, index) => index % 251));
  stream.write(bytes);
  const perTurn: number[] = [];
  await until(async () => {
    const before = Buffer.concat(parts).length;
    await turn();
    perTurn.push(Buffer.concat(parts).length - before);
    return Buffer.concat(parts).length === bytes.length;
  });
  expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  // The first part may be passed on before the first turn that this test sees.
  expect(Math.max(...perTurn, parts[0]!.length)).toBeLessThanOrEqual(bytesOfTurnMax);
});

test('the stream is not read while bytes wait, so that the sender has to wait', async () => {
  const { stream, parts } = reading();
  stream.write(Buffer.alloc(3 * bytesOfTurnMax));
  await until(() => parts.length > 0);
  expect(stream.isPaused()).toBe(true);
  await until(() => Buffer.concat(parts).length === 3 * bytesOfTurnMax);
  await turn();
  expect(stream.isPaused()).toBe(false);
});

test('small packets are passed on at once', async () => {
  const { stream, parts } = reading();
  for (let packet = 0; packet < 3; packet++) {
    stream.write('x');
    await turn();
  }
  expect(Buffer.concat(parts).toString()).toBe('xxx');
});

test('nothing is passed on after the end, and the stream is read to its end', async () => {
  const { stream, reads, parts } = reading();
  stream.write(Buffer.alloc(3 * bytesOfTurnMax));
  await until(() => parts.length > 0);
  reads.end();
  const passed = parts.length;
  stream.end('rest');
  await new Promise((resolve) => stream.once('end', resolve));
  expect(parts).toHaveLength(passed);
});

test('the end of a stream is reported when its last bytes are passed on', async () => {
  const { stream, reads, parts } = reading();
  const passed: number[] = [];
  stream.once('end', () => reads.whenPassed(() => passed.push(Buffer.concat(parts).length)));
  stream.end(Buffer.alloc(3 * bytesOfTurnMax));
  await until(() => passed.length > 0);
  expect(passed).toEqual([3 * bytesOfTurnMax]);
  reads.whenPassed(() => passed.push(0));
  expect(passed).toHaveLength(2);
});
