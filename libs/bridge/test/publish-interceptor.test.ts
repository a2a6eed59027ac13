import { PassThrough } from 'node:stream';
import { PublishTap } from '../src/listener/publish-interceptor.ts';

const pingreq = Buffer.from([0xc0, 0]);

function publish(first: number, topic: string, rest: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic), rest]);
  const length: number[] = [];
  for (let left = body.length; left > 0 || length.length === 0; left >>= 7) {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
  }
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

function frame(topic: string, payload: Buffer): Buffer {
  return publish(0x30, topic, payload);
}

/** Feeds the bytes in the given pieces; what came out at the tap and behind it. */
function through(pieces: readonly Buffer[], accepts = true, packetBytesMax = 1_000_000) {
  const stream = new PassThrough();
  const taken: { topic: string; payload: Buffer }[] = [];
  const tap = new PublishTap(stream, {
    packetBytesMax,
    onPublish: (topic, payload) => {
      taken.push({ topic, payload: Buffer.from(payload) });
      return accepts;
    },
  });
  tap.open();
  const behind: Buffer[] = [];
  for (const piece of pieces) {
    stream.write(piece);
    const read = stream.read() as Buffer | null;
    if (read !== null) behind.push(read);
  }
  return { taken, behind: Buffer.concat(behind) };
}

const large = frame('log', Buffer.alloc(300_000, 7));
const bytes = Buffer.concat([
  frame('raft', Buffer.from('one')),
  pingreq,
  large,
  frame('raft', Buffer.alloc(0)),
]);

test.each([1, 2, 3, 1_000, 65_536, bytes.length])('frames are taken from pieces of %i bytes', (size) => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  const { taken, behind } = through(pieces);
  expect(taken.map(({ topic, payload }) => [topic, payload.length])).toEqual([
    ['raft', 3],
    ['log', 300_000],
    ['raft', 0],
  ]);
  expect(taken[0]!.payload.toString()).toBe('one');
  expect(behind).toEqual(pingreq);
});

test('what is not accepted goes on unchanged', () => {
  expect(through([bytes], false).behind).toEqual(bytes);
});

test('QoS 1 and retained messages go on unchanged', () => {
  const others = Buffer.concat([
    publish(0x32, 'raft', Buffer.from([0, 1, 120])),
    publish(0x31, 'raft', Buffer.from('x')),
  ]);
  expect(through([others])).toEqual({ taken: [], behind: others });
});

test('a packet that is too long, and all behind it, goes on at once', () => {
  const { taken, behind } = through([large.subarray(0, 10), large.subarray(10, 20)], true, 1_000);
  expect(taken).toEqual([]);
  expect(behind).toEqual(large.subarray(0, 20));
});

test('a topic longer than its packet goes on', () => {
  const wrong = Buffer.from([0x30, 3, 0, 200, 1]);
  expect(through([wrong])).toEqual({ taken: [], behind: wrong });
});

test('a length that never ends goes on', () => {
  const wrong = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f]);
  expect(through([wrong])).toEqual({ taken: [], behind: wrong });
});
