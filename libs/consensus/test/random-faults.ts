import type { ConfiguredMember } from '@mqtt-cluster/contracts';
import { bytes, configOf } from './member.ts';
import type { Member } from './member.ts';
import { SafetyChecker } from './safety-checker.ts';
import { TestCluster } from './test-cluster.ts';

/** The network loses messages beyond this number in flight. */
const inFlightMax = 200;

const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];

/**
 * A cluster under random faults, determined by one seed: lost, delayed and reordered messages, partitions,
 * crashes, slow and full disks, wiped stores, configuration changes, and leaders that are wrongly reported
 * dead.
 */
export class RandomFaults {
  readonly cluster: TestCluster;
  readonly checker = new SafetyChecker();
  wiped = 0;
  #proposals = 0;
  #stores = 1;
  #cut = new Set<string>();
  #configured: string[];

  constructor(seed: number) {
    this.cluster = new TestCluster(seed, { appendsInFlightMax: 3, appendBytesMax: 150 });
    const count = [1, 2, 3, 3, 5, 5, 7][this.#upTo(7)]!;
    this.#configured = names.slice(0, count);
    const config = configOf(this.#configured.join(' '));
    for (const { id, storeId } of config.members)
      this.checker.disks.set(storeId, this.cluster.add(id, { config, storeId }).disk);
  }

  /** Returns how often each kind of event has happened. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {
      committed: this.checker.committed.length,
      wiped: this.wiped,
    };
    for (const member of this.cluster.members.values()) {
      counts['restored'] = (counts['restored'] ?? 0) + member.restores;
      for (const { kind } of member.events) counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#step();
      this.checker.check(this.cluster);
      if (step % 50 === 0) this.checker.checkLogs(this.cluster);
    }
    this.checker.checkLogs(this.cluster);
  }

  /** Heals the network and starts all hosts: the members must elect a leader and catch up. */
  recover(): void {
    const { cluster } = this;
    this.#cut.clear();
    for (const member of cluster.members.values()) if (!member.up) this.#start(member);
    const roundsMax = 3_000;
    for (let round = 0; round < roundsMax; round += 1) {
      cluster.nowMs += 10;
      for (const member of cluster.members.values()) cluster.tick(member);
      this.#settle();
      this.checker.check(cluster);
      if (round % 50 === 0) cluster.leader()?.raft.propose([bytes('recovery')]);
      if (round > 100 && this.#agreed()) {
        this.checker.checkLogs(cluster);
        return;
      }
    }
    const statuses = [...cluster.members.values()].map((member) => [member.id, member.raft.status()]);
    throw new Error(`the members do not reach the same state after the heal: ${JSON.stringify(statuses)}`);
  }

  #agreed(): boolean {
    const leader = this.cluster.leader();
    if (leader === undefined) return false;
    const { config, lastIndex } = leader.raft.status();
    return (config?.members ?? []).every(({ id, storeId }) => {
      const member = this.cluster.members.get(id);
      return member?.storeId !== storeId || (member.applied === lastIndex && member.digest === leader.digest);
    });
  }

  #settle(): void {
    for (const member of this.cluster.members.values()) this.#drainAndSync(member);
    for (let count = 0; count < 5_000; count += 1) {
      const flight = this.cluster.inFlight.shift();
      if (flight === undefined) return;
      this.cluster.deliver(flight);
      this.#drainAndSync(this.cluster.get(flight.to));
    }
  }

  #drainAndSync(member: Member): void {
    this.#drain(member);
    while (member.writes.length > 0) {
      this.cluster.syncOne(member);
      this.#drain(member);
    }
  }

  #step(): void {
    const { cluster } = this;
    const dice = this.#upTo(1_000);
    const member = [...cluster.members.values()][this.#upTo(cluster.members.size)]!;
    if (dice < 540) this.#deliverOne();
    else if (dice < 600) this.#pass();
    else if (dice < 760) this.#sync(member);
    else if (dice < 850) this.#propose();
    else if (dice < 945) this.#deliverMany();
    else if (dice < 952) this.#crash(member);
    else if (dice < 966) this.#start(member);
    else if (dice < 970) this.#partition();
    else if (dice < 976) this.#cut.clear();
    else if (dice < 984) this.#compact(member);
    else if (dice < 991) this.#changeMembers();
    else if (dice < 994) cluster.leader()?.raft.transferLeadership(this.#anyOf(this.#configured));
    else if (dice < 997) this.#refuse(member);
    else this.#linkRefused(member);
    for (const each of cluster.members.values()) this.#drain(each);
  }

  #drain(member: Member): void {
    for (let more = member.up; more;) {
      const output = member.raft.take();
      if (output.committed.length > 0) this.checker.checkDurable(member);
      member.apply(output);
      for (const { to, message } of output.messages)
        if (this.cluster.inFlight.length < inFlightMax)
          this.cluster.inFlight.push({ from: member.id, to, message });
      if (output.snapshotNeeded) member.raft.provideSnapshot(member.snapshot());
      if (output.write !== null) member.writes.push(output.write);
      more = output.snapshotNeeded;
    }
  }

  /** @returns the receiver, or null when no message was delivered */
  #deliverOne(): string | null {
    const { inFlight } = this.cluster;
    if (inFlight.length === 0) return null;
    // Three of four messages are delivered in order, the others in any order.
    const at = this.#upTo(4) === 0 ? this.#upTo(inFlight.length) : 0;
    const flight = inFlight[at]!;
    // Two of sixty messages are delayed: they stay in flight. Three of sixty are lost.
    const luck = this.#upTo(60);
    if (luck > 1) inFlight.splice(at, 1);
    if (luck <= 4 || this.#cut.has(flight.from) !== this.#cut.has(flight.to)) return null;
    this.cluster.deliver(flight);
    return flight.to;
  }

  #deliverMany(): void {
    for (let count = this.#upTo(40); count > 0; count -= 1) {
      const to = this.#deliverOne();
      if (to !== null) this.#drain(this.cluster.get(to));
      if (count % 5 === 0) for (const member of this.cluster.members.values()) this.#sync(member);
    }
  }

  #pass(): void {
    this.cluster.nowMs += this.#upTo(20) === 0 ? 900 : 1 + this.#upTo(120);
    for (const member of this.cluster.members.values()) if (this.#upTo(10) > 0) this.cluster.tick(member);
  }

  #sync(member: Member): void {
    if (!member.up) return;
    for (let count = 1 + this.#upTo(3); count > 0; count -= 1) this.cluster.syncOne(member);
  }

  #propose(): void {
    const leaders = [...this.cluster.members.values()].filter((each) => each.up && each.role === 'leader');
    for (const leader of leaders) {
      this.#proposals += 1;
      leader.raft.propose([bytes(`${leader.id}${this.#proposals}`)]);
    }
  }

  #crash(member: Member): void {
    if (!member.up) return;
    // A prefix of the writes in flight reaches the disk.
    for (let count = this.#upTo(member.writes.length + 1); count > 0; count -= 1)
      this.cluster.syncOne(member);
    member.crash();
  }

  #start(member: Member): void {
    if (member.up) return;
    member.start();
    this.cluster.tick(member);
  }

  #partition(): void {
    const members = [...this.cluster.members.keys()];
    this.#cut = new Set(members.filter(() => this.#upTo(2) === 0));
  }

  #compact(member: Member): void {
    if (!member.up) return;
    while (member.writes.length > 0) this.cluster.syncOne(member);
    this.#drain(member);
    if (member.writes.length === 0) member.compact(this.#upTo(6));
  }

  #refuse(member: Member): void {
    const write = member.writes[0];
    if (!member.up || write === undefined) return;
    member.writes = [];
    member.raft.storeRefused(write.token);
  }

  #linkRefused(member: Member): void {
    const peer = this.#anyOf([...this.cluster.members.keys()]);
    if (member.up && peer !== member.id) member.raft.linkChanged(peer, 'refused');
  }

  #changeMembers(): void {
    const leader = this.cluster.leader();
    const config = leader?.raft.status().config;
    if (leader === undefined || config === null || config === undefined) return;
    const isWiped = ({ id, storeId, role }: ConfiguredMember): boolean =>
      role === 'voter' && this.cluster.get(id).storeId !== storeId;
    // A wiped voter is replaced first: removing more voters meanwhile could leave no majority.
    const id = config.members.find(isWiped)?.id ?? this.#anyOf(names);
    const current = config.members.find((member) => member.id === id);
    const rest = config.members.filter((member) => member.id !== id);
    let next: ConfiguredMember | null = null;
    if (current === undefined) next = this.#joiner(id);
    else if (this.cluster.get(id).storeId !== current.storeId) next = this.#joiner(id);
    else if (current.role === 'learner') next = { ...current, role: 'voter' };
    else if (this.#upTo(3) === 0) next = { ...current, role: 'learner' };
    else if (this.#upTo(3) === 0) next = this.#replacement(leader, id);
    const members = next === null ? rest : [...rest, next];
    if (leader.raft.proposeConfig({ members }).accepted) this.#configured = members.map((each) => each.id);
  }

  #joiner(id: string): ConfiguredMember {
    const storeId = this.cluster.members.get(id)?.storeId ?? this.#addWithEmptyDisk(id);
    return { id, storeId, role: 'learner' };
  }

  /**
   * Wipes the disk of a voter, but only if a majority of the voters remains; otherwise the cluster could not
   * recover.
   */
  #replacement(leader: Member, id: string): ConfiguredMember | null {
    const voters = (leader.raft.status().config?.members ?? []).filter((each) => each.role === 'voter');
    const whole = voters.filter(
      (voter) => voter.id !== id && this.cluster.get(voter.id).storeId === voter.storeId,
    );
    if (leader.id === id || whole.length * 2 <= voters.length) return null;
    this.wiped += 1;
    return { id, storeId: this.#addWithEmptyDisk(id), role: 'learner' };
  }

  #addWithEmptyDisk(id: string): string {
    this.#stores += 1;
    const storeId = `store-${id}-${this.#stores}`;
    this.checker.disks.set(storeId, this.cluster.add(id, { config: null, storeId }).disk);
    return storeId;
  }

  #anyOf<T>(things: readonly T[]): T {
    return things[this.#upTo(things.length)]!;
  }

  #upTo(count: number): number {
    return Math.floor(this.cluster.random() * count);
  }
}
