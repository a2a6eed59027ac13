import type { Batch, Command } from '@mqtt-cluster/contracts';
import { FrameError } from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import {
  createMqttState,
  decodeBatch,
  decodeBatchHeader,
  decodeMqttState,
  decodePublishes,
  encodeBatch,
  encodePublishes,
} from '../src/index.ts';
import { bytes, publishCommand, start, StateDriver } from './support/state-driver.ts';

const properties = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 70_000,
  contentType: 'text/plain',
  responseTopic: 'answers/ä',
  correlationData: bytes('correlation'),
  userProperties: [
    ['name', 'one'],
    ['name', '二'],
  ] as const,
};

const publish = publishCommand('t/ö/𝄞', 'payload', 2, {
  retain: true,
  properties,
  client: 'c',
  epoch: 2 ** 40,
  packetId: 65_535,
});

const every: Command[] = [
  { kind: 'start', semantics: 1, outboxIncarnations: [1, 300] },
  {
    kind: 'open',
    client: 'c'.repeat(200),
    clean: true,
    expirySeconds: 0xffffffff,
    receiveMaximum: 65_535,
    adopt: true,
    will: { topic: 'w', payload: bytes('gone'), qos: 2, retain: true, properties, delaySeconds: 5 },
  },
  { kind: 'open', client: '', clean: false, expirySeconds: 0, receiveMaximum: 1 },
  { kind: 'close', client: 'c', epoch: 1, graceful: true },
  { kind: 'close', client: 'c', epoch: 1, graceful: false, expirySeconds: 0 },
  {
    kind: 'subscribe',
    client: 'c',
    epoch: 128,
    subscriptions: [
      { filter: 'a/+', qos: 0 },
      { filter: '#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      {
        filter: '$share/g/t',
        qos: 2,
        noLocal: true,
        retainAsPublished: true,
        retainHandling: 2,
        subscriptionIdentifier: 268_435_455,
      },
    ],
  },
  { kind: 'unsubscribe', client: 'c', epoch: 1, filters: ['a', ''] },
  publish,
  { ...publish, message: { ...publish.message, publisher: 'c' } },
  { ...publish, message: { ...publish.message, publisher: 'd', expiresAt: 2 ** 45 } },
  { ...publishCommand('t', ''), isolatedSince: 0 },
  { kind: 'release', client: 'c', epoch: 1, packetId: 1 },
  {
    kind: 'progress',
    sessions: [
      { client: 'c', epoch: 1, done: [1, 2 ** 50], received: [], completed: [40_000] },
      { client: 'd', epoch: 2 },
    ],
  },
  { kind: 'recover', incarnation: 1, sequence: 2, publishes: [publish, publishCommand('t', 'x')] },
  { kind: 'lost', member: 'b', incarnation: 3 },
  { kind: 'lost', member: 'b', incarnation: 3, epochMax: 17 },
  { kind: 'time' },
  { kind: 'settings', settings: { queueFull: 'refuse', orphanGraceMs: 1, retainedMax: 0.5 } },
  { kind: 'settings', settings: {} },
  { kind: 'semantics', version: 2 },
];

const batch: Batch = {
  member: 'a',
  storeId: '0123456789abcdef0123456789abcdef',
  incarnation: 4,
  sequence: 1,
  commands: every,
};

describe('the batch codec', () => {
  test('decodes every kind of command to the encoded value', () => {
    const encoded = encodeBatch(batch);
    expect(decodeBatch(encoded)).toEqual(batch);
    const { member, storeId, incarnation, sequence } = batch;
    expect(decodeBatchHeader(encoded)).toEqual({ member, storeId, incarnation, sequence });
    expect(encodeBatch(decodeBatch(encoded))).toEqual(encoded);
  });

  test('decodes a batch from the middle of a larger Buffer, with payloads as plain Uint8Arrays', () => {
    const encoded = encodeBatch({ ...batch, commands: [publish] });
    const larger = Buffer.concat([Buffer.alloc(3), encoded, Buffer.alloc(5)]);
    const decoded = decodeBatch(larger.subarray(3, 3 + encoded.length));
    const [command] = decoded.commands;
    expect(decoded.commands).toEqual([publish]);
    expect(command?.kind === 'publish' && Object.getPrototypeOf(command.message.payload)).toBe(
      Uint8Array.prototype,
    );
  });

  test('decodes an outbox item to the encoded publishes, with payloads as copies', () => {
    const publishes = [publish, publishCommand('t', 'x', 1, { isolatedSince: 9 })];
    const decoded = decodePublishes(encodePublishes(publishes));
    expect(decoded).toEqual(publishes);
    expect(decoded[1]?.message.payload.buffer.byteLength).toBe(1);
  });

  test('rejects a batch that is truncated at any byte or has an extra byte', () => {
    const encoded = encodeBatch(batch);
    for (let length = 0; length < encoded.length; length++) {
      expect(() => decodeBatch(encoded.subarray(0, length))).toThrow(FrameError);
    }
    expect(() => decodeBatch(Buffer.concat([encoded, Buffer.alloc(1)]))).toThrow(FrameError);
  });

  test('decodes a batch with an unknown command; the state ignores this command with an alarm and applies the others', () => {
    const driver = new StateDriver();
    driver.start('a');
    const { storeId, incarnation } = driver.home('a');
    const commands: Command[] = [{ kind: 'time' }, publishCommand('t', 'x')];
    const encoded = encodeBatch({ member: 'a', storeId, incarnation, sequence: 2, commands });
    // The code of `time`, followed by the length of its empty body.
    const place = encoded.findIndex((_, position) =>
      encoded.subarray(position, position + 5).every((byte, at) => byte === (at === 0 ? 11 : 0)),
    );
    encoded[place] = 200;
    expect(() => decodeBatch(encoded)).toThrow(FrameError);
    expect(driver.apply(encoded).map(({ kind }) => kind)).toEqual(['alarm', 'published', 'batchApplied']);
    expect(driver.results).toEqual([
      { kind: 'done' },
      { kind: 'published', outcome: 'applied', unmatched: true },
    ]);
  });

  test('throws a RangeError when it encodes a negative or fractional number', () => {
    expect(() => encodeBatch({ ...batch, sequence: -1 })).toThrow(RangeError);
    expect(() => encodeBatch({ ...batch, sequence: 0.5 })).toThrow(RangeError);
  });
});

describe('the state machine and its codec', () => {
  test('ignores a log entry of random bytes and raises an alarm', () => {
    const state = createMqttState();
    const empty = createMqttState();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (wrong) => {
        const index = state.index + 1;
        expect(state.apply(index, 0, wrong).map(({ kind }) => kind)).toEqual(['alarm']);
        empty.apply(index, 0, null);
        expect(state.digest()).toBe(empty.digest());
      }),
    );
  });

  test('applies a batch with corrupted bytes with the same effects on every member and never throws', () => {
    const encoded = encodeBatch({ ...batch, incarnation: 1, commands: [start, ...every.slice(1)] });
    const changes = fc.array(fc.record({ place: fc.nat(encoded.length - 1), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, (changed) => {
        const wrong = encoded.slice();
        for (const { place, byte } of changed) wrong[place] = byte;
        const [one, other] = [createMqttState(), createMqttState()];
        expect(one.apply(1, 5, wrong)).toEqual(other.apply(1, 5, wrong));
        one.apply(2, 2 ** 50, null);
        expect(decodeMqttState(one.encode()).digest()).toBe(one.digest());
      }),
      { numRuns: 500 },
    );
  });

  test('rejects an encoded state that is truncated at any byte or has another format', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't', '$share/g/t');
    driver.propose(
      'a',
      publishCommand('t', 'x', 2, { retain: true }),
      publishCommand('u', '', 1, { retain: true }),
    );
    const encoded = driver.state.encode();
    for (let length = 0; length < encoded.length; length++) {
      expect(() => decodeMqttState(encoded.subarray(0, length))).toThrow(FrameError);
    }
    encoded[0] = 0xff;
    expect(() => decodeMqttState(encoded)).toThrow(FrameError);
  });
});
