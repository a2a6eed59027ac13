import type {
  ClusterConfig,
  ConfiguredMember,
  LogEntry,
  LogIndex,
  MemberId,
  StoreId,
} from '@mqtt-cluster/contracts';
import { findMember } from '@mqtt-cluster/contracts';

interface ConfigAtIndex {
  readonly index: LogIndex;
  readonly config: ClusterConfig | null;
}

/**
 * The cluster configurations in the log. The latest one takes effect as soon as it is appended (thesis, 4.1).
 */
export class Configurations {
  #history: ConfigAtIndex[];
  /** The voters of `#votersOf`, because they are read several times in each turn of the leader. */
  #voters: readonly ConfiguredMember[] = [];
  #votersOf: ClusterConfig | null = null;

  constructor(config: ClusterConfig | null, index: LogIndex) {
    this.#history = [{ index, config }];
  }

  get current(): ClusterConfig | null {
    return this.#history.at(-1)!.config;
  }

  /** The index of the entry that holds the current configuration. */
  get index(): LogIndex {
    return this.#history.at(-1)!.index;
  }

  /** @returns whether the configuration changed */
  append(entry: LogEntry): boolean {
    if (entry.kind !== 'config' || entry.config === undefined) return false;
    this.#history.push({ index: entry.index, config: entry.config });
    return true;
  }

  /** Removes the configurations of truncated entries. @returns whether the configuration changed */
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
    const { current } = this;
    if (current !== this.#votersOf) {
      this.#votersOf = current;
      this.#voters = current?.members.filter((member) => member.role === 'voter') ?? [];
    }
    return this.#voters;
  }

  /** Returns the member if the current configuration lists it with exactly this store id. */
  find(id: MemberId, storeId: StoreId): ConfiguredMember | undefined {
    const member = this.current === null ? undefined : findMember(this.current, id);
    return member?.storeId === storeId ? member : undefined;
  }

  /** Returns whether the newest configuration up to `commitIndex` lists the member with exactly this store id. */
  isCommittedMember(id: MemberId, storeId: StoreId, commitIndex: LogIndex): boolean {
    const committed = this.#history.findLast(({ index }) => index <= commitIndex)?.config;
    return committed != null && findMember(committed, id)?.storeId === storeId;
  }

  /** Returns whether the member was a voter in the configuration before the current one. */
  wasVoter(id: MemberId, storeId: StoreId): boolean {
    const before = this.#history.at(-2)?.config;
    return (
      before?.members.some((each) => each.id === id && each.storeId === storeId && each.role === 'voter') ??
      false
    );
  }

  /** Returns whether the predicate holds for more than half of the voters. */
  hasMajority(predicate: (voter: ConfiguredMember) => boolean): boolean {
    const voters = this.voters();
    let count = 0;
    for (const voter of voters) if (predicate(voter)) count += 1;
    return count * 2 > voters.length;
  }

  /** Returns the highest index that a majority of the voters has stored (paper, 5.3: the commit rule). */
  majorityMatchIndex(matchIndexOf: (voter: ConfiguredMember) => LogIndex): LogIndex {
    const values = this.voters().map(matchIndexOf);
    values.sort((left, right) => right - left);
    return values[Math.floor(values.length / 2)] ?? 0;
  }
}

/**
 * Returns why the configuration `next` must not follow `current`, or null if it may. Only one member may
 * change at a time, so that any majority of one configuration overlaps any majority of the other (thesis,
 * 4.1).
 */
export function configChangeError(current: ClusterConfig, next: ClusterConfig): string | null {
  const ids = new Set(next.members.map((member) => member.id));
  if (ids.size !== next.members.length) return 'the new configuration lists a member twice';
  if (!next.members.some((member) => member.role === 'voter')) return 'the new configuration has no voter';
  let changes = current.members.filter((member) => !ids.has(member.id)).length;
  for (const member of next.members) {
    const before = findMember(current, member.id);
    if (before?.storeId === member.storeId && before.role === member.role) continue;
    changes += 1;
    // A new store is empty. It must catch up before the leader may count its acknowledgements (thesis,
    // 4.2.1).
    if (before?.storeId !== member.storeId && member.role === 'voter')
      return `the store of ${member.id} is new, so ${member.id} must be added as a learner first`;
  }
  if (changes === 0) return 'the new configuration equals the current one';
  if (changes > 1) return 'the new configuration changes more than one member';
  return null;
}
