import type { LogIndex } from '@mqtt-cluster/contracts';
import type { Random } from '../world/random.ts';
import { outboxKey } from './disk-content.ts';
import type { DiskContent } from './disk-content.ts';

/**
 * One flipped bit of a disk. The store detects the damage at the next start, unless the damaged record was
 * removed before.
 */
export interface BitFlip {
  readonly description: string;
  isPresent(content: DiskContent): boolean;
}

/**
 * Flips one bit of a record that a later sync has confirmed. Records of the last group before a crash are
 * never hit: without a second copy a store cannot distinguish such damage from an unfinished write.
 * `libs/store` truncates the log there, so a member could lose an entry that it acknowledged for a bare
 * majority.
 *
 * @returns null when the disk has no such record
 */
export function flipBit(content: DiskContent, confirmedBelow: LogIndex, random: Random): BitFlip | null {
  const flips = [
    () => flipEntry(content, confirmedBelow, random),
    () => flipSnapshot(content, random),
    () => flipOutboxItem(content, random),
  ];
  for (const flip of random.shuffled(flips)) {
    const damage = flip();
    if (damage !== null) return damage;
  }
  return null;
}

function flipEntry(content: DiskContent, confirmedBelow: LogIndex, random: Random): BitFlip | null {
  const candidates = content.entries.filter((entry) => entry.index < confirmedBelow && entry.data.length > 0);
  if (candidates.length === 0) return null;
  const entry = random.pick(candidates);
  content.entries[entry.index - content.firstIndex] = { ...entry, data: flipped(entry.data, random) };
  return {
    description: `entry ${entry.index}`,
    isPresent: (now) => now.firstIndex <= entry.index,
  };
}

function flipSnapshot(content: DiskContent, random: Random): BitFlip | null {
  if (content.snapshot === null) return null;
  const { index } = content.snapshot;
  content.snapshot = { ...content.snapshot, data: flipped(content.snapshot.data, random) };
  return { description: `snapshot ${index}`, isPresent: (now) => now.snapshot?.index === index };
}

function flipOutboxItem(content: DiskContent, random: Random): BitFlip | null {
  if (content.outbox.size === 0) return null;
  const item = random.pick([...content.outbox.values()]);
  content.outbox.set(outboxKey(item), { ...item, data: flipped(item.data, random) });
  return {
    description: `outbox item ${outboxKey(item)}`,
    isPresent: (now) => now.outbox.has(outboxKey(item)),
  };
}

function flipped(data: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(data);
  const place = random.below(copy.length);
  copy[place] = (copy[place] ?? 0) ^ (1 << random.below(8));
  return copy;
}
