import { PassThrough } from 'node:stream';
import { PublishInterceptor } from '../src/listener/publish-interceptor.ts';

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

/** Feeds the pieces to an interceptor. Returns the intercepted publishes and the forwarded bytes. */
function feed(pieces: readonly Buffer[], accepts = true, packetBytesMax = 1_000_000, answersPings = false) {
  const stream = new PassThrough();
  let pings = 0;
  const intercepted: { topic: string; payload: Buffer }[] = [];
  const interceptor = new PublishInterceptor(stream, {
    packetBytesMax,
    onPublish: (topic, payload) => {
      intercepted.push({ topic, payload: Buffer.from(payload) });
      return accepts;
    },
    onPing: () => {
      pings++;
      return answersPings;
    },
  });
  interceptor.enable();
  const forwarded: Buffer[] = [];
  for (const piece of pieces) {
    stream.write(piece);
    const read = stream.read() as Buffer | null;
    if (read !== null) forwarded.push(read);
  }
  return { intercepted, forwarded: Buffer.concat(forwarded), pings };
}

const large = frame('log', Buffer.alloc(300_000, 7));
const bytes = Buffer.concat([
  frame('raft', Buffer.from('one')),
  pingreq,
  large,
  frame('raft', Buffer.alloc(0)),
]);

test.each([1, 2, 3, 1_000, 65_536, bytes.length])(
  'the interceptor removes frames that arrive in pieces of %i bytes',
  (size) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    const { intercepted, forwarded } = feed(pieces);
    expect(intercepted.map(({ topic, payload }) => [topic, payload.length])).toEqual([
      ['raft', 3],
      ['log', 300_000],
      ['raft', 0],
    ]);
    expect(intercepted[0]!.payload.toString()).toBe('one');
    expect(forwarded).toEqual(pingreq);
  },
);

test.each([
  ['removes a ping that the handler answers', true, Buffer.alloc(0)],
  ['forwards a ping that the handler does not answer', false, pingreq],
])('the interceptor %s', (_name, answers, expected) => {
  const { forwarded, pings } = feed([frame('raft', Buffer.from('one')), pingreq], true, 1_000, answers);
  expect([forwarded, pings]).toEqual([expected, 1]);
});

test('the interceptor forwards a packet with the header of a ping and another length', () => {
  const wrong = Buffer.from([0xc0, 1, 0]);
  expect(feed([wrong], true, 1_000, true)).toEqual({ intercepted: [], forwarded: wrong, pings: 0 });
});

test('the interceptor forwards a publish that the handler does not accept', () => {
  expect(feed([bytes], false).forwarded).toEqual(bytes);
});

test('the interceptor forwards QoS 1 and retained publishes unchanged', () => {
  const others = Buffer.concat([
    publish(0x32, 'raft', Buffer.from([0, 1, 120])),
    publish(0x31, 'raft', Buffer.from('x')),
  ]);
  expect(feed([others])).toEqual({ intercepted: [], forwarded: others, pings: 0 });
});

test('the interceptor forwards a too large packet and all later bytes without waiting for the rest of the packet', () => {
  const { intercepted, forwarded } = feed([large.subarray(0, 10), large.subarray(10, 20)], true, 1_000);
  expect(intercepted).toEqual([]);
  expect(forwarded).toEqual(large.subarray(0, 20));
});

test('the interceptor forwards a publish that declares a topic longer than the packet', () => {
  const wrong = Buffer.from([0x30, 3, 0, 200, 1]);
  expect(feed([wrong])).toEqual({ intercepted: [], forwarded: wrong, pings: 0 });
});

test('the interceptor forwards a packet with a remaining length of more than four bytes', () => {
  const wrong = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f]);
  expect(feed([wrong])).toEqual({ intercepted: [], forwarded: wrong, pings: 0 });
});
