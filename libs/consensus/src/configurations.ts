import type {
  ClusterConfig,
  ConfiguredMember,
  LogEntry,
  LogIndex,
  MemberId,
  StoreId,
} from '@mqtt-cluster/contracts';
import { findMember } from '@mqtt-cluster/contracts';

interface Effective {
  readonly index: LogIndex;
  readonly config: ClusterConfig | null;
}

/** The configurations of the log: the latest is effective as soon as it is appended (thesis, 4.1). */
export class Configurations {
  #history: Effective[];

  constructor(config: ClusterConfig | null, index: LogIndex) {
    this.#history = [{ index, config }];
  }

  get current(): ClusterConfig | null {
    return this.#history.at(-1)!.config;
  }

  /** The entry that holds the current configuration. */
  get index(): LogIndex {
    return this.#history.at(-1)!.index;
  }

  /** @returns whether the configuration changed */
  append(entry: LogEntry): boolean {
    if (entry.kind !== 'config' || entry.config === undefined) return false;
    this.#history.push({ index: entry.index, config: entry.config });
    return true;
  }

  /** Overwritten entries take their configuration with them. @returns whether the configuration changed */
  truncateFrom(index: LogIndex): boolean {
    const before = this.#history.length;
    while (this.#history.length > 1 && this.index >= index) this.#history.pop();
    return this.#history.length !== before;
  }

  compact(index: LogIndex): void {
    while ((this.#history[1]?.index ?? Infinity) <= index) this.#history.shift();
  }

  reset(config: ClusterConfig, index: LogIndex): void {
    this.#history = [{ index, config }];
  }

  voters(): readonly ConfiguredMember[] {
    return this.current?.members.filter((member) => member.role === 'voter') ?? [];
  }

  /** The member only if it is configured with just this store. */
  find(id: MemberId, storeId: StoreId): ConfiguredMember | undefined {
    const member = this.current === null ? undefined : findMember(this.current, id);
    return member?.storeId === storeId ? member : undefined;
  }

  /** Whether it was a voter before the latest change. */
  wasVoter(id: MemberId, storeId: StoreId): boolean {
    const before = this.#history.at(-2)?.config;
    return (
      before?.members.some((each) => each.id === id && each.storeId === storeId && each.role === 'voter') ??
      false
    );
  }

  /** Whether those that `counts` holds for are more than half of the voters. */
  majority(counts: (voter: ConfiguredMember) => boolean): boolean {
    const voters = this.voters();
    return voters.filter(counts).length * 2 > voters.length;
  }

  /** The highest value that a majority of voters has reached. */
  reachedByMajority(value: (voter: ConfiguredMember) => number): number {
    const values = this.voters().map(value);
    values.sort((left, right) => right - left);
    return values[Math.floor(values.length / 2)] ?? 0;
  }
}

/**
 * Why `next` may not follow `current`, or null. One member at a time, so that any majority of one configuration
 * shares a member with any majority of the other (thesis, 4.1).
 */
export function refusalOf(current: ClusterConfig, next: ClusterConfig): string | null {
  const ids = new Set(next.members.map((member) => member.id));
  if (ids.size !== next.members.length) return 'a member is named twice';
  if (!next.members.some((member) => member.role === 'voter')) return 'no voter would be left';
  let changes = current.members.filter((member) => !ids.has(member.id)).length;
  for (const member of next.members) {
    const before = findMember(current, member.id);
    if (before?.storeId === member.storeId && before.role === member.role) continue;
    changes += 1;
    // A new store holds nothing yet: it must catch up before its word counts (thesis, 4.2.1).
    if (before?.storeId !== member.storeId && member.role === 'voter')
      return `the store of ${member.id} is new and must enter as a learner`;
  }
  if (changes === 0) return 'nothing would change';
  if (changes > 1) return 'more than one member would change';
  return null;
}
