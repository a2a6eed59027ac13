import { stamp, unstamp } from '../src/log/stamp.ts';

// Recorded by commit f9e2e53. The bytes are in the log on every disk, so they never change.
const recorded = '4278bcfe56800800b10203';
const timeMs = 1_700_000_000_000.5;
const batch = new Uint8Array([0xb1, 2, 3]);

test('encodes the cluster time and the batch of an entry to the recorded bytes', () => {
  expect(Buffer.from(stamp(timeMs, batch)).toString('hex')).toBe(recorded);
});

test('decodes the recorded bytes of an entry to its cluster time and batch', () => {
  expect(unstamp(new Uint8Array(Buffer.from(recorded, 'hex')))).toEqual({ timeMs, batch });
});
