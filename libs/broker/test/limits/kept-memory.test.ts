import { FrameReader } from '../../src/codec/frame-reader.ts';
import { collectGarbage } from '@mqtt-cluster/testing';
import { unfinishedPacket } from './support.ts';

/** Memory of all objects and buffers that are still in use, bytes. V8 frees the memory of buffers in the background. */
async function usedBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const packetBytesMax = 256 * 1024;

test('one byte of a packet does not keep the memory of the read that it arrived in', async () => {
  const readers = Array.from(
    { length: 500 },
    () => new FrameReader(packetBytesMax, { onFrame: () => undefined }),
  );
  const before = await usedBytes();
  for (const reader of readers) {
    const read = Buffer.alloc(64 * 1024, Buffer.from([0xc0, 0]));
    read[read.length - 2] = 0x30;
    read[read.length - 1] = 0x80;
    reader.push(read);
  }
  expect(readers.every(({ waitingBytes }) => waitingBytes === 2)).toBe(true);
  expect((await usedBytes()) - before).toBeLessThan(2 * 1024 * 1024);
});

test('a packet that arrives byte by byte takes little more memory than its bytes', async () => {
  const frames: Buffer[] = [];
  const reader = new FrameReader(packetBytesMax, {
    onFrame: (_first, bytes, start, end) => void frames.push(bytes.subarray(start, end)),
  });
  const packet = unfinishedPacket(0x30, 200_000, 200_000).map((byte, index) =>
    index < 4 ? byte : index % 251,
  );
  const before = await usedBytes();
  for (let position = 0; position < packet.length - 1; position++) {
    reader.push(Buffer.from(packet.subarray(position, position + 1)));
  }
  expect(reader.waitingBytes).toBe(packet.length - 1);
  expect((await usedBytes()) - before).toBeLessThan(2 * 1024 * 1024);
  reader.push(Buffer.from(packet.subarray(-1)));
  expect(frames).toHaveLength(1);
  expect(frames[0]?.equals(packet.subarray(4))).toBe(true);
});
