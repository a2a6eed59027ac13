import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import {
  encodeConnect,
  encodeDisconnect,
  encodeSubscribe,
  PacketScanner,
  publishTemplate,
} from '../src/wire.ts';

/** Decodes packets with mqtt-packet. */
function parse(bytes: Buffer): Packet[] {
  const packets: Packet[] = [];
  const reading = parser();
  reading.on('packet', (packet: Packet) => packets.push(packet));
  reading.on('error', (error: Error) => {
    throw error;
  });
  reading.parse(bytes);
  return packets;
}

test('the encoders of CONNECT, SUBSCRIBE and DISCONNECT produce packets that mqtt-packet decodes', () => {
  const bytes = Buffer.concat([encodeConnect('me', false), encodeSubscribe(7, 'a/+', 2), encodeDisconnect()]);
  expect(parse(bytes)).toMatchObject([
    { cmd: 'connect', clientId: 'me', clean: false, protocolVersion: 4, keepalive: 0 },
    { cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'a/+', qos: 2 }] },
    { cmd: 'disconnect' },
  ]);
});

test.each([0, 1, 2] as const)(
  'a copy of the PUBLISH template for QoS %i is a PUBLISH packet, and its payload contains the written message number',
  (qos) => {
    const { bytes, packetIdAt, stampAt } = publishTemplate('bench/0', qos, 300);
    if (qos > 0) bytes.writeUInt16BE(513, packetIdAt);
    bytes.writeDoubleBE(42, stampAt);
    const [packet] = parse(bytes);
    expect(packet).toMatchObject({ cmd: 'publish', topic: 'bench/0', qos });
    if (packet?.cmd !== 'publish') throw new Error('the packet is not a PUBLISH');
    expect(packet.messageId).toBe(qos > 0 ? 513 : undefined);
    expect(packet.payload).toHaveLength(300);
    expect((packet.payload as Buffer).readDoubleBE(0)).toBe(42);
  },
);

test.each([1, 2, 7, 1_000])('PacketScanner finds packets in chunks of %i bytes', (size) => {
  const bytes = Buffer.concat([
    generate({ cmd: 'puback', messageId: 9 }),
    publishTemplate('t', 1, 200).bytes,
    generate({ cmd: 'pingresp' }),
  ]);
  const found: [number, number][] = [];
  const scanner = new PacketScanner((first, _bytes, start, end) => found.push([first >> 4, end - start]));
  for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
  expect(found).toEqual([
    [4, 2],
    [3, 205],
    [13, 0],
  ]);
});
