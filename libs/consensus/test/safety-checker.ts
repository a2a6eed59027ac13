import type { ConfiguredMember, LogEntry, LogIndex } from '@mqtt-cluster/contracts';
import { chainOf } from './member.ts';
import type { Disk, Member } from './member.ts';
import type { World } from './test-cluster.ts';

/** What everybody has seen so far, and what must never change of it. */
export class Observer {
  readonly leaders = new Map<number, string>();
  readonly committed: LogEntry[] = [];
  readonly chains = new Map<LogIndex, string>([[0, '']]);

  /** By store, also those that were wiped: what they acknowledged before was true. */
  readonly disks = new Map<string, Disk>();

  watch(world: World): void {
    const members = [...world.members.values()].filter((member) => member.up);
    const news = members.flatMap((member) => member.committed.map((entry) => ({ member, entry })));
    for (const { member, entry } of news.sort((left, right) => left.entry.index - right.entry.index))
      this.#watchCommitted(member, entry);
    for (const member of members) {
      member.committed = [];
      if (this.chains.get(member.applied) !== member.chain)
        throw new Error(`${member.id} has another state at ${member.applied}`);
      const status = member.raft.status();
      if (status.role === 'leader') this.#watchLeader(member, status.term);
    }
  }

  /** Election safety and leader completeness (paper, figure 3). */
  #watchLeader(member: Member, term: number): void {
    const name = `${member.id}/${member.storeId}`;
    const before = this.leaders.get(term);
    if (before !== undefined && before !== name) throw new Error(`term ${term}: ${before} and ${name} lead`);
    if (before !== undefined) return;
    this.leaders.set(term, name);
    for (const entry of this.committed) {
      const own = member.raft.termAt(entry.index);
      const isCompacted = entry.index < member.raft.status().firstIndex;
      if (!isCompacted && own !== entry.term && entry.term < term)
        throw new Error(`leader ${member.id} of term ${term} lacks committed entry ${entry.index}`);
    }
  }

  /** State machine safety (paper, figure 3), also through snapshots. */
  #watchCommitted(member: Member, entry: LogEntry): void {
    const known = this.committed[entry.index - 1];
    if (known === undefined) {
      if (entry.index !== this.committed.length + 1) throw new Error(`hole before ${entry.index}`);
      this.committed.push(entry);
      this.chains.set(entry.index, chainOf(this.chains.get(entry.index - 1)!, entry));
    } else if (known.term !== entry.term || known.data !== entry.data) {
      throw new Error(
        `entry ${entry.index} was committed in term ${known.term}, ${member.id} has ${entry.term}`,
      );
    }
  }

  /**
   * Durability: a leader commits only what a majority of voters has on its disks. Judged by the configuration that the
   * committing leader uses, at the moment it hands the entry out.
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
      throw new Error(`${member.id} commits ${index}, which is on no majority of disks`);
  }

  /** Log matching (paper, figure 3): same index and term, same entry and same entries before. */
  checkLogs(world: World): void {
    const members = [...world.members.values()].filter((member) => member.up);
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
        throw new Error(`${left.id} and ${right.id} differ at ${index} in one term`);
      if (matched && !same) throw new Error(`${left.id} and ${right.id} differ at ${index} below a match`);
      matched ||= same;
    }
  }
}
