import type { LogIndex, MemberId, MemberStatus, Outgoing } from '@mqtt-cluster/contracts';
import type { History } from '../history/history.ts';
import type { Host } from '../world/host.ts';

interface Committed {
  readonly term: number;
  readonly by: MemberId;
}

/** Raft progress of a member's process at its last observation. */
interface ProcessProgress {
  readonly process: number;
  readonly appliedIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly term: number;
  readonly leads: boolean;
}

/** Checks the safety properties of Raft while the members run (Raft paper, figure 3). */
export class RaftSafetyCheck {
  readonly #history: History;
  readonly #hosts: ReadonlyMap<MemberId, Host>;
  /** Election safety: the leader of each term. */
  readonly #leaders = new Map<number, MemberId>();
  readonly #committed = new Map<LogIndex, Committed>();
  /** The last observation of each member. It counts only for the process that it observed. */
  readonly #progress = new Map<MemberId, ProcessProgress>();
  readonly #digests = new Map<LogIndex, { readonly value: string; readonly by: MemberId }>();

  constructor(history: History, hosts: ReadonlyMap<MemberId, Host>) {
    this.#history = history;
    this.#hosts = hosts;
  }

  messageSent(from: MemberId, outgoing: Outgoing): void {
    const message = outgoing.message.type === 'relay' ? outgoing.message.message : outgoing.message;
    const sender = outgoing.message.type === 'relay' ? outgoing.message.from : from;
    if (message.type === 'hello') {
      if (message.digest !== null) this.digest(sender, message.digest.index, message.digest.value);
      return;
    }
    if (message.type !== 'raft' || message.message.type !== 'appendRequest') return;
    this.#recordLeader(message.message.term, sender);
  }

  /** Checks that members with the same applied index have the same digest. */
  digest(member: MemberId, index: LogIndex, value: string): void {
    const known = this.#digests.get(index);
    if (known === undefined) this.#digests.set(index, { value, by: member });
    else if (known.value === value) {
      if (known.by !== member && !this.#history.marks.has('digests-compared'))
        this.#history.mark('digests-compared');
    } else {
      this.#history.reportViolation({
        promise: 'same state',
        text: `at index ${index} ${known.by} has digest ${known.value} and ${member} has ${value}`,
      });
    }
  }

  /**
   * Checks the entries that this process has applied since its last observation. The caller calls it after a
   * turn.
   */
  observe(host: Host, status: MemberStatus): void {
    const { process } = host;
    const last = this.#progress.get(host.id);
    const former = last?.process === process ? last : undefined;
    const { appliedIndex, commitIndex, term, role } = status;
    const leads = role === 'leader';
    if (
      former?.appliedIndex === appliedIndex &&
      former.commitIndex === commitIndex &&
      former.term === term &&
      former.leads === leads
    )
      return;
    this.#progress.set(host.id, { process, appliedIndex, commitIndex, term, leads });
    const before = former?.appliedIndex ?? 0;
    if (appliedIndex < before) {
      const text = `the applied index of ${host.id} went back from ${before} to ${appliedIndex}`;
      this.#history.reportViolation({ promise: 'state machine safety', text });
    }
    const from = Math.max(before, status.snapshotIndex) + 1;
    for (let index = from; index <= appliedIndex; index += 1) this.#commit(host, status, index);
    if (leads && former?.leads === true && former.term === term && commitIndex > former.commitIndex) {
      this.#checkOwnTerm(host, status);
    }
    if (status.digest !== null) this.digest(host.id, status.digest.index, status.digest.value);
  }

  #recordLeader(term: number, member: MemberId): void {
    const known = this.#leaders.get(term);
    if (known === undefined) {
      this.#leaders.set(term, member);
      this.#history.count('terms with a leader');
      this.#history.log(() => `${member} leads term ${term}`);
    } else if (known !== member) {
      this.#history.reportViolation({
        promise: 'election safety',
        text: `${known} and ${member} both lead term ${term}`,
      });
    }
  }

  #commit(host: Host, status: MemberStatus, index: LogIndex): void {
    const entry = host.disk.entryOrPending(index);
    if (entry === undefined) return;
    const known = this.#committed.get(index);
    if (known !== undefined) {
      if (known.term === entry.term) return;
      const text = `index ${index}: ${known.by} committed an entry of term ${known.term}, ${host.id} one of term ${entry.term}`;
      this.#history.reportViolation({ promise: 'state machine safety', text });
      return;
    }
    this.#committed.set(index, { term: entry.term, by: host.id });
    this.#checkDurable(host, status, index, entry.term);
  }

  /**
   * Checks that a leader counts copies only to commit entries of its own term (Raft paper, 5.4.2 and figure
   * 8).
   */
  #checkOwnTerm(host: Host, status: MemberStatus): void {
    const entry = host.disk.entryOrPending(status.commitIndex);
    if (entry === undefined || entry.term === status.term) return;
    const text = `${host.id} leads term ${status.term} and committed index ${entry.index} of term ${entry.term}`;
    this.#history.reportViolation({ promise: 'commit rule', text });
  }

  /** Checks P1: a committed entry is on the disks of a majority. */
  #checkDurable(host: Host, status: MemberStatus, index: LogIndex, term: number): void {
    const voters = (status.config?.members ?? []).filter(({ role }) => role === 'voter');
    if (voters.length === 0) return;
    const holders = voters.filter(({ id, storeId }) => {
      const disk = this.#hosts.get(id)?.disk;
      // A disk that was replaced after the commit may have contained the entry.
      return disk !== undefined && (disk.storeId !== storeId || disk.holds(index, term));
    });
    // The entry may have been committed before the last member was added: half of the present voters, if
    // their number is even, was a majority then.
    if (holders.length * 2 > voters.length - (voters.length % 2 === 0 ? 1 : 0)) return;
    const text = `${host.id} committed index ${index} of term ${term}, which is on ${holders.length} of ${voters.length} disks (${holders.map(({ id }) => id).join('')})`;
    this.#history.reportViolation({ promise: 'P1', text });
  }
}
