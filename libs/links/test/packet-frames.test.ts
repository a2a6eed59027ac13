import { generate } from 'mqtt-packet';
import type { IPublishPacket } from 'mqtt-packet';
import { PacketFrames } from '../src/remote/packet-frames.ts';
import type { SkippedPublish } from '../src/remote/packet-frames.ts';

/** Records the frames of a stream, with a bound of 1,000 bytes on PUBLISH and 2,000 on other packets. */
class Reading {
  readonly passed: Buffer[] = [];
  readonly skipped: SkippedPublish[] = [];
  readonly faults: string[] = [];
  readonly frames = new PacketFrames({
    publishBytesMax: 1_000,
    otherBytesMax: 2_000,
    onBytes: (bytes) => this.passed.push(Buffer.from(bytes)),
    onSkipped: (publish) => this.skipped.push(publish),
    onFault: (text) => this.faults.push(text),
  });

  /** Reads a stream in parts of this size. */
  read(bytes: Buffer, part = bytes.length): this {
    for (let begin = 0; begin < bytes.length; begin += part)
      this.frames.read(bytes.subarray(begin, begin + part));
    return this;
  }
}

function publish(bytes: number, change: Partial<IPublishPacket> = {}): Buffer {
  const packet = { cmd: 'publish', topic: 'a/b', qos: 0, retain: false, dup: false } as const;
  return generate({ ...packet, payload: Buffer.alloc(bytes), ...change }, { protocolVersion: 4 });
}

const small = [publish(0), publish(900, { qos: 1, messageId: 7 }), Buffer.from([0xd0, 0])];
const topic = 'é'.repeat(20_000);
const stream = Buffer.concat([
  small[0]!,
  publish(1_000),
  small[1]!,
  publish(30_000, { topic, qos: 2, messageId: 513 }),
  publish(1_000, { qos: 1, messageId: 65_535 }),
  small[2]!,
]);

test.each([1, 2, 3, 7, 1_001, 16_384, 100_000])(
  'a PUBLISH above the bound is left out, whatever the parts of the stream are (%i bytes)',
  (part) => {
    const { passed, skipped, faults } = new Reading().read(stream, part);
    expect(Buffer.concat(passed).equals(Buffer.concat(small))).toBe(true);
    expect(skipped.map((each) => ({ ...each, topic: each.topic.length }))).toEqual([
      { topic: 3, qos: 0, bytes: 1_008 },
      { topic: 20_000, qos: 2, messageId: 513, bytes: 70_008 },
      { topic: 3, qos: 1, messageId: 65_535, bytes: 1_010 },
    ]);
    expect(skipped[1]!.topic).toBe(topic);
    expect(faults).toEqual([]);
  },
);

test('a PUBLISH at the bound is passed on', () => {
  const exact = publish(1_000 - 8);
  expect(exact).toHaveLength(1_000);
  expect(new Reading().read(exact).passed).toEqual([exact]);
});

test('another packet above its bound is a fault before its bytes arrive', () => {
  const suback = Buffer.from([0x90, 0xd1, 0x0f]);
  const { passed, faults } = new Reading().read(Buffer.concat([small[0]!, suback, small[0]!]));
  expect(faults).toEqual(['the other broker sent a packet of more than 2000 bytes']);
  expect(passed).toEqual([small[0]]);
});

test.each([
  ['QoS 3', Buffer.concat([Buffer.from([0x36, 0x88, 0x27, 0, 1, 0x61, 0, 1]), Buffer.alloc(5_000)])],
  [
    'the packet identifier 0',
    Buffer.concat([Buffer.from([0x32, 0x89, 0x27, 0, 1, 0x61, 0, 0]), Buffer.alloc(4_996)]),
  ],
  [
    'a topic that is longer than the packet',
    Buffer.concat([Buffer.from([0x30, 0x89, 0x27, 0xff, 0xff]), Buffer.alloc(4_999)]),
  ],
])('a large PUBLISH with %s is a fault', (_what, bytes) => {
  const { skipped, faults } = new Reading().read(bytes.subarray(0, 3 + 0x1389));
  expect(skipped).toEqual([]);
  expect(faults).toEqual(['the other broker sent a malformed packet: the header of a large PUBLISH']);
});

test('a Remaining Length that is malformed goes to the parser, which reports it', () => {
  const malformed = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0]);
  expect(new Reading().read(malformed).passed).toEqual([malformed]);
});
