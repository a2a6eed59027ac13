import fc from 'fast-check';
import { connect, open, startBrokerWithMember } from './support/driver.ts';
import { flat, frame, properties, text, uint16, uint32 } from './support/packet-bytes.ts';
import type { Bytes } from './support/packet-bytes.ts';

const user = [38, text('name'), text('value')];
const reason = [31, text('because')];

/** Valid MQTT 5 packets of all types of a client, with all their properties. */
const packets: readonly number[][] = [
  frame(0x30, text('a/b'), properties([35, uint16(1)], user, user), [0x78]),
  frame(0x30, text(''), properties([35, uint16(1)]), [0x79]),
  frame(
    0x33,
    text('a/b'),
    uint16(1),
    properties([1, 1], [2, uint32(9)], [3, text('type')], [8, text('answer')], [9, text('data')]),
    [0x78],
  ),
  frame(0x35, text('c'), uint16(2), properties([2, uint32(1)]), [0x78]),
  frame(0x62, uint16(2), [0], properties(reason, user)),
  frame(0x62, uint16(2)),
  frame(0x40, uint16(1), [0x10], properties(reason)),
  frame(0x40, uint16(16_385)),
  frame(0x50, uint16(32_768)),
  frame(0x50, uint16(1), [0x83], properties(user)),
  frame(0x70, uint16(32_768), [0x92], properties(reason)),
  frame(0x82, uint16(3), properties([11, 0xff, 0x7f], user), text('a/#'), [0x2e], text('$share/g/+'), [1]),
  frame(0x82, uint16(4), properties(), text('#'), [2]),
  frame(0xa2, uint16(5), properties(user), text('a/#'), text('none')),
  [0xc0, 0],
  frame(0xe0, [0x04], properties([17, uint32(1)], reason, user)),
  frame(0xf0, [0x18], properties([21, text('method')], [22, text('data')])),
];

const will = [
  properties([24, uint32(0)], [1, 1], [2, uint32(9)], [3, text('t')], [8, text('r')], [9, text('d')], user),
  text('will'),
  text('gone'),
];
const connectAll = frame(
  0x10,
  text('MQTT'),
  [5, 0xf6],
  uint16(60),
  properties([17, uint32(9)], [33, uint16(9)], [39, uint32(999)], [34, uint16(9)], [25, 1], [23, 0], user),
  text('fuzz'),
  ...will,
  text('user'),
  text('secret'),
);

type Mutation = readonly [
  kind: 'set' | 'insert' | 'delete' | 'repeat' | 'cut',
  position: number,
  value: number,
];

const mutation: fc.Arbitrary<Mutation> = fc.tuple(
  fc.constantFrom('set' as const, 'insert' as const, 'delete' as const, 'repeat' as const, 'cut' as const),
  fc.nat(),
  fc.nat(255),
);

function mutate(bytes: readonly number[], changes: readonly Mutation[]): number[] {
  const changed = [...bytes];
  for (const [kind, where, value] of changes) {
    const position = where % (changed.length + 1);
    if (kind === 'set') changed[position] = value;
    else if (kind === 'insert') changed.splice(position, 0, value);
    else if (kind === 'delete') changed.splice(position, 1 + (value % 3));
    else if (kind === 'repeat')
      changed.splice(position, 0, ...changed.slice(position, position + (value % 20)));
    else changed.length = position;
  }
  return changed;
}

/** Corrects the remaining length, so that the fault is inside the packet. Packets above 127 bytes stay as they are. */
function withLength(packet: number[]): number[] {
  if (packet.length >= 2 && packet.length < 130) packet[1] = packet.length - 2;
  return packet;
}

test('random mutations of valid packets close at most the connection of their sender, with a reason code [5.0 MQTT-4.13.1-1]', async () => {
  const target = await startBrokerWithMember();
  const witness = await connect(target, 'witness', { protocolVersion: 5 });
  await witness.subscribe(1, 'witness', 1);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.boolean(),
      fc.array(mutation, { maxLength: 3 }),
      fc.array(fc.nat(packets.length - 1), { minLength: 1, maxLength: 6 }),
      fc.nat(),
      async (mutatesConnect, correctsLength, changes, chosen, victim) => {
        const client = open(target, 5);
        const rest: Bytes[] = chosen.map((index, position) => {
          const packet = packets[index] ?? [];
          if (mutatesConnect || position !== victim % chosen.length) return packet;
          const changed = mutate(packet, changes);
          return correctsLength ? withLength(changed) : changed;
        });
        client.sendBytes(mutatesConnect ? mutate(connectAll, changes) : connectAll, flat(...rest));
        const messageId = (++round % 60_000) + 1;
        witness.publish('witness', String(round), { qos: 1, messageId });
        const received = await witness.next('publish');
        witness.send({ cmd: 'puback', messageId: received.messageId ?? 0 });
        expect(received.payload.toString()).toBe(String(round));
        const disconnect = client.packets.find(({ cmd }) => cmd === 'disconnect');
        if (disconnect?.cmd === 'disconnect') expect(disconnect.reasonCode).toBeGreaterThanOrEqual(0x80);
        client.drop();
      },
    ),
    { numRuns: 600 },
  );
  expect(witness.isClosed).toBe(false);
  await target.stop();
}, 60_000);
