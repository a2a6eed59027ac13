import type { LogIndex } from '@mqtt-cluster/contracts';
import type { Random } from '../world/random.ts';
import { outboxKey } from './disk-content.ts';
import type { Content } from './disk-content.ts';

/** One flipped bit, and where: found when the store is opened, unless what it hit has gone by then. */
export interface Damage {
  readonly what: string;
  stillThere(content: Content): boolean;
}

/**
 * Flips a bit of something that a later sync vouches for. What is in the last group of a process that was killed is left alone:
 * no store without a second record of it can tell a bit lost there from a write that was never finished, so libs/store cuts it
 * off, and one member in a bare majority may then lack what it acknowledged.
 *
 * @returns null when nothing is stored yet that could be hit
 */
export function flipBit(content: Content, vouchedBelow: LogIndex, random: Random): Damage | null {
  const flips = [
    () => flipEntry(content, vouchedBelow, random),
    () => flipSnapshot(content, random),
    () => flipOutboxItem(content, random),
  ];
  for (const flip of random.shuffled(flips)) {
    const damage = flip();
    if (damage !== null) return damage;
  }
  return null;
}

function flipEntry(content: Content, vouchedBelow: LogIndex, random: Random): Damage | null {
  const candidates = content.entries.filter((entry) => entry.index < vouchedBelow && entry.data.length > 0);
  if (candidates.length === 0) return null;
  const entry = random.pick(candidates);
  content.entries[entry.index - content.firstIndex] = { ...entry, data: flipped(entry.data, random) };
  return {
    what: `entry ${entry.index}`,
    stillThere: (now) => now.firstIndex <= entry.index,
  };
}

function flipSnapshot(content: Content, random: Random): Damage | null {
  if (content.snapshot === null) return null;
  const { index } = content.snapshot;
  content.snapshot = { ...content.snapshot, data: flipped(content.snapshot.data, random) };
  return { what: `snapshot ${index}`, stillThere: (now) => now.snapshot?.index === index };
}

function flipOutboxItem(content: Content, random: Random): Damage | null {
  if (content.outbox.size === 0) return null;
  const item = random.pick([...content.outbox.values()]);
  content.outbox.set(outboxKey(item), { ...item, data: flipped(item.data, random) });
  return {
    what: `outbox item ${outboxKey(item)}`,
    stillThere: (now) => now.outbox.has(outboxKey(item)),
  };
}

function flipped(data: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(data);
  const place = random.below(copy.length);
  copy[place] = (copy[place] ?? 0) ^ (1 << random.below(8));
  return copy;
}
