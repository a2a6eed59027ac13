import type { LogIndex, MemberId, RaftMessage } from '@mqtt-cluster/contracts';
import { lanTimings } from '../src/index.ts';
import type { RaftOptions } from '../src/index.ts';
import { Member, bytes, configOf, seededRandom, text, writeTo } from './member.ts';
import type { MemberSetup } from './member.ts';

export interface InFlightMessage {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly message: RaftMessage;
}

/**
 * The members of a cluster and the network between them. The network delivers one message at a time, in a
 * deterministic order.
 */
export class TestCluster {
  readonly members = new Map<MemberId, Member>();
  readonly random: () => number;
  readonly options: Partial<RaftOptions>;
  nowMs = 1_000_000;
  inFlight: InFlightMessage[] = [];
  /** Returns whether the network loses this message. */
  drops: (flight: InFlightMessage) => boolean = () => false;
  /** Members whose writes are synced only when `sync` is called. */
  readonly slowDisks = new Set<MemberId>();
  /** False: `drain` provides no snapshots. */
  providesSnapshots = true;
  /** Members whose last output requested a snapshot. */
  readonly requesting = new Set<MemberId>();
  readonly delivered: InFlightMessage[] = [];

  constructor(seed = 1, options: Partial<RaftOptions> = {}) {
    this.random = seededRandom(seed);
    this.options = options;
  }

  /** Creates a cluster of these members, all with empty disks. */
  static of(members: string, options: Partial<RaftOptions> = {}): TestCluster {
    const cluster = new TestCluster(1, options);
    const config = configOf(members);
    for (const { id, storeId } of config.members) cluster.add(id, { config, storeId });
    return cluster;
  }

  add(id: MemberId, setup: MemberSetup): Member {
    const member = new Member(id, setup, this.random, this.options);
    this.members.set(id, member);
    this.tick(member);
    return member;
  }

  get(id: MemberId): Member {
    return this.members.get(id)!;
  }

  leader(): Member | undefined {
    const leaders = [...this.members.values()].filter((member) => member.up && member.role === 'leader');
    return leaders.sort((left, right) => right.term - left.term)[0];
  }

  /** Carries out the outputs of one member until there are no more. */
  drain(member: Member): void {
    while (member.up) {
      const output = member.raft.take();
      member.apply(output);
      for (const { to, message } of output.messages) this.inFlight.push({ from: member.id, to, message });
      if (output.snapshotNeeded) this.requesting.add(member.id);
      else this.requesting.delete(member.id);
      const provides = output.snapshotNeeded && this.providesSnapshots;
      if (provides) member.raft.provideSnapshot(member.snapshot());
      if (output.write !== null) member.writes.push(output.write);
      if (this.slowDisks.has(member.id) || member.writes.length === 0) {
        if (output.messages.length === 0 && output.write === null && !provides) return;
      } else {
        this.syncOne(member);
      }
    }
  }

  syncOne(member: Member): void {
    const write = member.writes.shift();
    if (write === undefined) return;
    writeTo(member.disk, write);
    member.raft.stored(write.token);
  }

  /** Syncs all writes of a member with a slow disk. */
  sync(id: MemberId): void {
    const member = this.get(id);
    while (member.writes.length > 0) this.syncOne(member);
    this.settle();
  }

  /** Delivers messages until no message is in flight. */
  settle(): void {
    const messagesMax = 100_000;
    for (let count = 0; count < messagesMax; count += 1) {
      for (const member of this.members.values()) this.drain(member);
      const flight = this.inFlight.shift();
      if (flight === undefined) return;
      if (!this.drops(flight)) this.deliver(flight);
    }
    throw new Error('the members do not stop sending messages');
  }

  deliver(flight: InFlightMessage): void {
    const member = this.members.get(flight.to);
    if (member === undefined || !member.up) return;
    this.delivered.push(flight);
    member.raft.step(flight.from, flight.message);
  }

  /** Advances the time of all members in steps. */
  advance(ms: number, stepMs = 10): void {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.nowMs += stepMs;
      for (const member of this.members.values()) this.tick(member);
      this.settle();
    }
  }

  /**
   * Makes `id` campaign: its clock jumps ahead by an election timeout. Before that, time advances until the
   * leader's lease has expired on the other members, but not their election timeout.
   */
  campaign(id: MemberId): void {
    const others = [...this.members.values()].filter((member) => member.up && member.id !== id);
    if (others.some((member) => member.raft.status().leader !== null)) {
      this.nowMs += lanTimings.electionMsMin;
      for (const member of others) {
        this.tick(member);
        this.drain(member);
      }
      // The heartbeats sent in this time are lost, so the lease is not renewed.
      this.inFlight = [];
    }
    const member = this.get(id);
    member.clockAheadMs += lanTimings.electionMsMax;
    this.tick(member);
    this.settle();
  }

  tick(member: Member): void {
    if (member.up) member.raft.tick(this.nowMs + member.clockAheadMs);
  }

  /** Delivers only messages between members of the same group. */
  partition(...groups: string[]): void {
    const groupOf = new Map<MemberId, number>();
    for (const [at, group] of groups.entries()) for (const id of group.split(' ')) groupOf.set(id, at);
    this.drops = ({ from, to }) => groupOf.get(from) !== groupOf.get(to) || !groupOf.has(from);
  }

  heal(): void {
    this.drops = () => false;
  }

  propose(id: MemberId, ...data: string[]): LogIndex | null {
    const index = this.get(id).raft.propose(data.map(bytes));
    this.settle();
    return index;
  }

  propose1(data: string): LogIndex | null {
    return this.propose(this.leader()!.id, data);
  }

  config(id: MemberId, members: string): { accepted: boolean; reason?: string } {
    const answer = this.get(id).raft.proposeConfig(configOf(members));
    this.settle();
    return answer;
  }

  restart(id: MemberId): void {
    this.get(id).start();
    this.tick(this.get(id));
    this.settle();
  }

  /** Returns the terms of all entries in a member's log, such as `1 1 2`. */
  terms(id: MemberId): string {
    const { raft } = this.get(id);
    const { firstIndex, lastIndex } = raft.status();
    const terms: number[] = [];
    for (let index = firstIndex; index <= lastIndex; index += 1) terms.push(raft.termAt(index)!);
    return terms.join(' ');
  }

  roles(): Record<MemberId, string> {
    return Object.fromEntries([...this.members.values()].map((member) => [member.id, member.role]));
  }

  /** Returns the proposed values that a member has applied. */
  values(id: MemberId): string[] {
    return this.get(id)
      .committed.filter((entry) => entry.kind === 'normal')
      .map((entry) => text(entry.data));
  }
}
