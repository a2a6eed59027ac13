import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';

/** Values at which lengths, flags and counters often fail. */
const interestingBytes = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
const insertedBytesMax = 64;
const mutationsMax = 4;

type Mutation = (random: Random, bytes: Buffer) => Buffer;

const mutations: readonly Mutation[] = [
  // One flipped bit.
  (random, bytes) => changeByte(random, bytes, (byte) => byte ^ (1 << between(random, 0, 7))),
  (random, bytes) => changeByte(random, bytes, () => pick(random, interestingBytes)),
  (random, bytes) => changeByte(random, bytes, () => between(random, 0, 255)),
  // A deleted range.
  (random, bytes) => {
    const [start, end] = range(random, bytes);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  // A repeated range.
  (random, bytes) => {
    const [start, end] = range(random, bytes);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  // Inserted random bytes.
  (random, bytes) => {
    const at = between(random, 0, bytes.length);
    const inserted = randomBytes(random, between(random, 1, insertedBytesMax));
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
  },
  // A cut at any byte.
  (random, bytes) => bytes.subarray(0, between(random, 0, bytes.length)),
];

/** Returns a copy of the bytes with one to four random changes. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let count = between(random, 1, mutationsMax); count > 0; count--) {
    result = Buffer.from(pick(random, mutations)(random, result));
  }
  return result;
}

export function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = between(random, 0, 255);
  return bytes;
}

function changeByte(random: Random, bytes: Buffer, change: (byte: number) => number): Buffer {
  if (bytes.length === 0) return bytes;
  const at = between(random, 0, bytes.length - 1);
  bytes[at] = change(bytes[at]!);
  return bytes;
}

function range(random: Random, bytes: Buffer): [number, number] {
  const start = between(random, 0, bytes.length);
  return [start, between(random, start, Math.min(bytes.length, start + insertedBytesMax))];
}
