import type { ConfiguredMember, LogEntry, LogIndex } from '@mqtt-cluster/contracts';
import { digestAfter } from './member.ts';
import type { Disk, Member } from './member.ts';
import type { TestCluster } from './test-cluster.ts';

/** Records what the members have done so far and checks Raft's safety properties (paper, figure 3). */
export class SafetyChecker {
  readonly leaders = new Map<number, string>();
  readonly committed: LogEntry[] = [];
  readonly digests = new Map<LogIndex, string>([[0, '']]);

  /** All disks by store id, including wiped ones: their earlier acknowledgements remain valid. */
  readonly disks = new Map<string, Disk>();

  check(cluster: TestCluster): void {
    const members = [...cluster.members.values()].filter((member) => member.up);
    const applied = members.flatMap((member) => member.committed.map((entry) => ({ member, entry })));
    for (const { member, entry } of applied.sort((left, right) => left.entry.index - right.entry.index))
      this.#checkCommitted(member, entry);
    for (const member of members) {
      member.committed = [];
      if (this.digests.get(member.applied) !== member.digest)
        throw new Error(`${member.id} has a different state at index ${member.applied}`);
      const status = member.raft.status();
      if (status.role === 'leader') this.#checkLeader(member, status.term);
    }
  }

  /** Checks election safety and leader completeness (paper, figure 3). */
  #checkLeader(member: Member, term: number): void {
    const name = `${member.id}/${member.storeId}`;
    const before = this.leaders.get(term);
    if (before !== undefined && before !== name)
      throw new Error(`two leaders in term ${term}: ${before} and ${name}`);
    if (before !== undefined) return;
    this.leaders.set(term, name);
    for (const entry of this.committed) {
      const own = member.raft.termAt(entry.index);
      const isCompacted = entry.index < member.raft.status().firstIndex;
      if (!isCompacted && own !== entry.term && entry.term < term)
        throw new Error(`leader ${member.id} of term ${term} lacks the committed entry ${entry.index}`);
    }
  }

  /** Checks state machine safety (paper, figure 3), also across snapshots. */
  #checkCommitted(member: Member, entry: LogEntry): void {
    const known = this.committed[entry.index - 1];
    if (known === undefined) {
      if (entry.index !== this.committed.length + 1)
        throw new Error(`entry ${entry.index} was committed before the entry in front of it`);
      this.committed.push(entry);
      this.digests.set(entry.index, digestAfter(this.digests.get(entry.index - 1)!, entry));
    } else if (known.term !== entry.term || known.data !== entry.data) {
      throw new Error(
        `entry ${entry.index} has term ${known.term}, but ${member.id} applied one of term ${entry.term}`,
      );
    }
  }

  /**
   * Checks durability: a leader commits only entries that a majority of voters has on disk. The check uses
   * the configuration of the committing leader at the moment when its output contains the entry.
   */
  checkDurable(member: Member): void {
    const status = member.raft.status();
    if (status.role !== 'leader' || status.commitIndex === 0 || status.config === null) return;
    const index = status.commitIndex;
    const term = member.raft.termAt(index);
    const holds = (voter: ConfiguredMember): boolean => {
      const disk = this.disks.get(voter.storeId)!;
      if ((disk.snapshot?.index ?? 0) >= index) return true;
      const first = disk.entries[0]?.index ?? 0;
      return disk.entries[index - first]?.term === term;
    };
    const voters = status.config.members.filter((voter) => voter.role === 'voter');
    if (voters.filter(holds).length * 2 <= voters.length)
      throw new Error(`${member.id} committed entry ${index}, which no majority of voters has on disk`);
  }

  /**
   * Checks log matching (paper, figure 3): equal index and term imply the same entry and the same entries
   * before it.
   */
  checkLogs(cluster: TestCluster): void {
    const members = [...cluster.members.values()].filter((member) => member.up);
    for (const [at, left] of members.entries())
      for (const right of members.slice(at + 1)) this.#checkPair(left, right);
  }

  #checkPair(left: Member, right: Member): void {
    const one = left.raft.status();
    const other = right.raft.status();
    let matched = false;
    const first = Math.max(one.firstIndex, other.firstIndex);
    for (let index = Math.min(one.lastIndex, other.lastIndex); index >= first; index -= 1) {
      const same = left.raft.entry(index) === right.raft.entry(index);
      if (left.raft.termAt(index) === right.raft.termAt(index) && !same)
        throw new Error(`${left.id} and ${right.id} have different entries ${index} of the same term`);
      if (matched && !same)
        throw new Error(`${left.id} and ${right.id} have different entries ${index} below a matching entry`);
      matched ||= same;
    }
  }
}
