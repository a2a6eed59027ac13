import { between, pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { mutate, randomBytes } from '../mutation/mutate.ts';
import { connectPacket, validPacket } from './packets.ts';
import type { Version } from './packets.ts';

const packetsMax = 12;
const piecesMax = 5;
const garbageBytesMax = 2_000;

/** What an attack writes to one connection, in order. */
export interface Sequence {
  readonly pieces: readonly Buffer[];
  /** How the attacker ends the connection: it closes it, resets it, or leaves it open for a moment. */
  readonly ending: 'close' | 'reset' | 'linger';
}

/**
 * Returns the bytes of one connection: a valid sequence of packets, with mutated, reordered, repeated or cut packets, or
 * bytes without any form.
 */
export function makeSequence(random: Random): Sequence {
  const version: Version = pick(random, [3, 4, 4, 5, 5, 5]);
  const valid = [
    connectPacket(random, version),
    ...Array.from({ length: between(random, 0, packetsMax) }, () => validPacket(random, version)),
  ];
  const bytes = Buffer.concat(pick(random, distortions)(random, valid));
  return { pieces: cut(random, bytes), ending: pick(random, ['close', 'reset', 'linger']) };
}

const distortions: readonly ((random: Random, packets: Buffer[]) => Buffer[])[] = [
  // Everything is valid.
  (_random, packets) => packets,
  // One packet is mutated: often one that follows a valid CONNECT.
  (random, packets) => {
    const at = random() < 0.3 ? 0 : between(random, 0, packets.length - 1);
    return packets.map((packet, index) => (index === at ? mutate(random, packet) : packet));
  },
  (random, packets) => packets.map((packet) => mutate(random, packet)),
  (random, packets) => shuffled(random, packets),
  // The sequence ends in the middle of a packet.
  (random, packets) => {
    const bytes = Buffer.concat(packets);
    return [bytes.subarray(0, between(random, 0, bytes.length))];
  },
  // A packet announces more bytes than follow.
  (random, packets) => [...packets, Buffer.from([0x30, 0xff, 0xff, pick(random, [0x00, 0x0f, 0x7f])])],
  (random, packets) => [...packets, ...packets.slice(between(random, 0, packets.length - 1))],
  (random) => [randomBytes(random, between(random, 1, garbageBytesMax))],
];

/** Cuts the bytes at random places, so that packets span several TCP segments. */
function cut(random: Random, bytes: Buffer): Buffer[] {
  const places = Array.from({ length: between(random, 0, piecesMax - 1) }, () =>
    between(random, 0, bytes.length),
  );
  const sorted = [0, ...places.sort((left, right) => left - right), bytes.length];
  return sorted
    .slice(1)
    .map((end, index) => bytes.subarray(sorted[index], end))
    .filter((piece) => piece.length > 0);
}
