import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { FrameReader } from '../src/codec/frame-reader.ts';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';

const packets: readonly Packet[] = [
  { cmd: 'publish', topic: 'a/b', payload: 'x', qos: 0, retain: false, dup: false },
  { cmd: 'publish', topic: 'a/b', payload: 'x', qos: 1, retain: true, dup: false, messageId: 1 },
  { cmd: 'publish', topic: 'a/b', payload: 'x', qos: 2, retain: false, dup: true, messageId: 2 },
  { cmd: 'pubrel', messageId: 2 },
  { cmd: 'puback', messageId: 1 },
  { cmd: 'pubrec', messageId: 1 },
  { cmd: 'pubcomp', messageId: 1 },
  {
    cmd: 'subscribe',
    messageId: 3,
    subscriptions: [
      { topic: '$share/g/+', qos: 1 },
      { topic: 'a/#', qos: 2 },
    ],
  },
  { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a/#'] },
  { cmd: 'pingreq' },
  { cmd: 'disconnect' },
];

const version = fc.constantFrom(4 as const, 5 as const);
const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });

function mutate(bytes: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const changed = Buffer.from(bytes);
  for (const [position, value] of changes) if (changed.length > 0) changed[position % changed.length] = value;
  return changed;
}

test('the broker serves other clients while one client sends mutated packets', async () => {
  const target = await startBroker();
  const witness = await connect(target, 'witness');
  await witness.subscribe(1, 'witness', 1);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      version,
      fc.boolean(),
      mutations,
      fc.array(fc.nat(packets.length - 1), { maxLength: 8 }),
      async (protocolVersion, mutatesConnect, changes, chosen) => {
        const client = open(target, protocolVersion);
        const connectBytes = generate(connectPacket('fuzz', { protocolVersion }), { protocolVersion });
        const rest = chosen.map((index) =>
          generate(packets[index] ?? { cmd: 'pingreq' }, { protocolVersion }),
        );
        client.sendBytes(
          mutatesConnect ? mutate(connectBytes, changes) : connectBytes,
          mutatesConnect ? Buffer.concat(rest) : mutate(Buffer.concat(rest), changes),
        );
        round++;
        const messageId = (round % 60_000) + 1;
        witness.publish('witness', String(round), { qos: 1, messageId });
        const received = await witness.next('publish');
        witness.send({ cmd: 'puback', messageId: received.messageId ?? 0 });
        expect(received.payload.toString()).toBe(String(round));
        client.drop();
      },
    ),
    { numRuns: 500 },
  );
  expect(witness.isClosed).toBe(false);
  await target.stop();
});

test('FrameReader finds the same packets for any split of the stream', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      (bodies, pieces, pausing) => {
        const found: string[] = [];
        const reader: FrameReader = new FrameReader(1_000, {
          onFrame: (first, bytes, start, end) => {
            found.push(`${first}:${bytes.toString('hex', start, end)}`);
            if (pausing[found.length % pausing.length]) reader.pause();
          },
        });
        const stream = Buffer.concat(
          bodies.flatMap((body) => [
            Buffer.from([
              0x30,
              ...(body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]),
            ]),
            body,
          ]),
        );
        for (let offset = 0, index = 0; offset < stream.length; index++) {
          const length = pieces[index % pieces.length] ?? 1;
          reader.push(stream.subarray(offset, offset + length));
          offset += length;
        }
        for (let round = 0; round < bodies.length; round++) reader.resume();
        expect(found).toEqual(bodies.map((body) => `48:${Buffer.from(body).toString('hex')}`));
      },
    ),
  );
});
