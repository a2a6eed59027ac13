import { FrameError } from '@mqtt-cluster/contracts';
import type { PeerMessage } from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import { crc32 } from 'node:zlib';
import { decodeFrame, encodeFrame, encodeFrames } from '../src/frame/frame.ts';
import { peerMessage, propose } from './samples.ts';

/** Builds a frame with a valid header and checksum around any body. */
function framed(body: Uint8Array, { version = 1, flags = 0 } = {}): Uint8Array {
  const frame = Buffer.alloc(8 + body.length);
  frame.set([0x4d, 0x42, version, flags]);
  frame.writeUInt32BE(crc32(body), 4);
  frame.set(body, 8);
  return frame;
}

describe('a frame', () => {
  test('decodes to the encoded messages, with bytes as plain Uint8Array', () => {
    fc.assert(
      fc.property(fc.array(peerMessage, { maxLength: 8 }), (messages) => {
        // toStrictEqual distinguishes a Buffer from a Uint8Array.
        expect(decodeFrame(encodeFrame(messages))).toStrictEqual(messages);
      }),
    );
  });

  test('with Buffer payloads is decoded correctly from a part of a larger buffer', () => {
    const frame = encodeFrame([propose(Buffer.from('one'), new Uint8Array([2]))]);
    const surroundings = Buffer.alloc(frame.length + 7, 0xff);
    surroundings.set(frame, 3);
    expect(decodeFrame(surroundings.subarray(3, 3 + frame.length))).toStrictEqual([
      propose(new TextEncoder().encode('one'), new Uint8Array([2])),
    ]);
  });

  test('of an older member without clock fields is accepted, because a rolling upgrade needs it', () => {
    const hello = {
      type: 'hello',
      storeId: 's',
      incarnation: 1,
      fresh: false,
      config: null,
      state: 'serving',
      clients: 0,
      load: 0,
      urls: [],
      semantics: 1,
      appliedIndex: 9,
      digest: null,
      known: [],
    };
    const live = { type: 'live', messages: [], direct: [] };
    expect(decodeFrame(framed(pack([hello, live])))).toStrictEqual([hello, live]);
  });

  test('is accepted when an optional field is present with the value undefined', () => {
    const message = { topic: 't', payload: new Uint8Array(), qos: 0, retain: false, publisher: undefined };
    const frame = framed(
      pack([{ type: 'live', storeId: 's', incarnation: 1, sentAtMs: 5, messages: [message], direct: [] }]),
    );
    expect(() => encodeFrame(decodeFrame(frame))).not.toThrow();
  });

  test('ends at the target size, and a message larger than this size gets a frame of its own', () => {
    const sizes = [10, 700_000, 700_000, 3_000_000, 10, 10];
    const messages = sizes.map((size, index) => propose(new Uint8Array(size).fill(index)));
    const decoded = encodeFrames(messages).map((frame) => decodeFrame(frame));
    expect(decoded.map((part) => part.length)).toEqual([2, 1, 1, 2]);
    expect(decoded.flat()).toStrictEqual(messages);
    expect(encodeFrames([])).toEqual([]);
  });
});

describe('decodeFrame rejects a frame', () => {
  const good = encodeFrame([propose(new Uint8Array([1, 2, 3]))]);

  test('with any single bit changed', () => {
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const bad = good.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeFrame(bad)).toThrow(FrameError);
    }
  });

  test('that is truncated or extended', () => {
    for (let length = 0; length < good.length; length += 1) {
      expect(() => decodeFrame(good.slice(0, length))).toThrow(FrameError);
    }
    expect(() => decodeFrame(Buffer.concat([good, Buffer.alloc(1)]))).toThrow(FrameError);
  });

  test('of a newer version or with unknown flags', () => {
    const body = good.slice(8);
    expect(decodeFrame(framed(body))).toHaveLength(1);
    expect(() => decodeFrame(framed(body, { version: 2 }))).toThrow(
      'frame version 2 is not supported, this member supports 1',
    );
    expect(() => decodeFrame(framed(body, { flags: 1 }))).toThrow('flags 1 are unknown');
  });

  test('of random bytes, with or without a valid header and checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (noise, withHeader) => {
        const frame = withHeader ? framed(noise) : noise;
        let messages: readonly PeerMessage[] | undefined;
        try {
          messages = decodeFrame(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
        // The only valid body that random bytes produce is the empty list.
        if (messages) expect(messages).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('with changed body bytes and a recomputed checksum, unless the body still decodes to peer messages', () => {
    fc.assert(
      fc.property(
        peerMessage,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (message, changes) => {
          const body = encodeFrame([message]).slice(8);
          for (const [at, value] of changes) body[at % body.length] = value;
          try {
            decodeFrame(framed(body));
          } catch (error) {
            expect(error).toBeInstanceOf(FrameError);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['that declares a list of four thousand million values', [0xdd, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['that declares a map of sixty thousand pairs', [0xde, 0xea, 0x60]],
    ['with too deeply nested lists', new Array<number>(5_000).fill(0x91)],
    ['with an extension', [...pack([new Date(0)])]],
    ['with a regular expression', [...pack([/(a+)+$/])]],
    ['with an undefined format byte', [0x91, 0xc1]],
  ])('%s', (_name, body) => {
    expect(() => decodeFrame(framed(Uint8Array.from(body)))).toThrow(FrameError);
  });

  test.each([
    ['a value that is not a list', { type: 'propose', batches: [] }],
    ['an unknown message', [{ type: 'gossip' }]],
    ['a message type that is a property of Object.prototype', [{ type: 'constructor' }]],
    ['a message without a required field', [{ type: 'propose' }]],
    ['a string in a field for bytes', [{ type: 'propose', batches: ['text'] }]],
    ['an unknown Raft message', [{ type: 'raft', message: { type: 'vote' } }]],
    [
      'a fraction as a term',
      [{ type: 'raft', message: { type: 'timeoutNow', term: 1.5, storeId: '', toStoreId: '' } }],
    ],
    [
      'a relay message within a relay message',
      [{ type: 'relay', from: 'a', to: 'b', channel: 'log', message: { type: 'relay' } }],
    ],
    ['null', [null]],
  ])('that decodes to %s', (_name, value) => {
    expect(() => decodeFrame(framed(pack(value)))).toThrow('a frame contains an invalid peer message');
  });
});
