import type { ConfiguredMember } from '@mqtt-cluster/contracts';
import { bytes, configOf } from './member.ts';
import type { Member } from './member.ts';
import { Observer } from './safety-checker.ts';
import { World } from './test-cluster.ts';

/** Messages on the way; more are lost, as in any network. */
const flightsMax = 200;

const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];

/** Everything that can go wrong, in an order that one seed decides. */
export class Disasters {
  readonly world: World;
  readonly observer = new Observer();
  wiped = 0;
  #proposals = 0;
  #stores = 1;
  #cut = new Set<string>();
  #configured: string[];

  constructor(seed: number) {
    this.world = new World(seed, { appendsInFlightMax: 3, appendBytesMax: 150 });
    const count = [1, 2, 3, 3, 5, 5, 7][this.#upTo(7)]!;
    this.#configured = names.slice(0, count);
    const config = configOf(this.#configured.join(' '));
    for (const { id, storeId } of config.members)
      this.observer.disks.set(storeId, this.world.add(id, { config, storeId }).disk);
  }

  /** How often each kind of event has happened. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {
      committed: this.observer.committed.length,
      wiped: this.wiped,
    };
    for (const member of this.world.members.values()) {
      counts['restored'] = (counts['restored'] ?? 0) + member.restores;
      for (const { kind } of member.events) counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      this.#step();
      this.observer.watch(this.world);
      if (step % 50 === 0) this.observer.checkLogs(this.world);
    }
    this.observer.checkLogs(this.world);
  }

  /** The network and all hosts are back: a leader emerges and everybody catches up. */
  recover(): void {
    const { world } = this;
    this.#cut.clear();
    for (const member of world.members.values()) if (!member.up) this.#start(member);
    const roundsMax = 3_000;
    for (let round = 0; round < roundsMax; round += 1) {
      world.nowMs += 10;
      for (const member of world.members.values()) world.tick(member);
      this.#settle();
      this.observer.watch(world);
      if (round % 50 === 0) world.leader()?.raft.propose([bytes('after all')]);
      if (round > 100 && this.#agreed()) {
        this.observer.checkLogs(world);
        return;
      }
    }
    const statuses = [...world.members.values()].map((member) => [member.id, member.raft.status()]);
    throw new Error(`no agreement after the heal: ${JSON.stringify(statuses)}`);
  }

  #agreed(): boolean {
    const leader = this.world.leader();
    if (leader === undefined) return false;
    const { config, lastIndex } = leader.raft.status();
    return (config?.members ?? []).every(({ id, storeId }) => {
      const member = this.world.members.get(id);
      return member?.storeId !== storeId || (member.applied === lastIndex && member.chain === leader.chain);
    });
  }

  #settle(): void {
    for (const member of this.world.members.values()) this.#drainAndSync(member);
    for (let count = 0; count < 5_000; count += 1) {
      const flight = this.world.flights.shift();
      if (flight === undefined) return;
      this.world.deliver(flight);
      this.#drainAndSync(this.world.get(flight.to));
    }
  }

  #drainAndSync(member: Member): void {
    this.#drain(member);
    while (member.writes.length > 0) {
      this.world.syncOne(member);
      this.#drain(member);
    }
  }

  #step(): void {
    const { world } = this;
    const dice = this.#upTo(1_000);
    const member = [...world.members.values()][this.#upTo(world.members.size)]!;
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
    else if (dice < 994) world.leader()?.raft.transferLeadership(this.#anyOf(this.#configured));
    else if (dice < 997) this.#refuse(member);
    else this.#linkRefused(member);
    for (const each of world.members.values()) this.#drain(each);
  }

  #drain(member: Member): void {
    for (let more = member.up; more;) {
      const output = member.raft.take();
      if (output.committed.length > 0) this.observer.checkDurable(member);
      member.apply(output);
      for (const { to, message } of output.messages)
        if (this.world.flights.length < flightsMax) this.world.flights.push({ from: member.id, to, message });
      if (output.snapshotWanted) member.raft.provideSnapshot(member.snapshot());
      if (output.write !== null) member.writes.push(output.write);
      more = output.snapshotWanted;
    }
  }

  /** @returns who got it */
  #deliverOne(): string | null {
    const { flights } = this.world;
    if (flights.length === 0) return null;
    // Mostly in order, sometimes not.
    const at = this.#upTo(4) === 0 ? this.#upTo(flights.length) : 0;
    const flight = flights[at]!;
    // One in thirty is delivered twice, one in twenty never.
    const luck = this.#upTo(60);
    if (luck > 1) flights.splice(at, 1);
    if (luck <= 4 || this.#cut.has(flight.from) !== this.#cut.has(flight.to)) return null;
    this.world.deliver(flight);
    return flight.to;
  }

  #deliverMany(): void {
    for (let count = this.#upTo(40); count > 0; count -= 1) {
      const to = this.#deliverOne();
      if (to !== null) this.#drain(this.world.get(to));
      if (count % 5 === 0) for (const member of this.world.members.values()) this.#sync(member);
    }
  }

  #pass(): void {
    this.world.nowMs += this.#upTo(20) === 0 ? 900 : 1 + this.#upTo(120);
    for (const member of this.world.members.values()) if (this.#upTo(10) > 0) this.world.tick(member);
  }

  #sync(member: Member): void {
    if (!member.up) return;
    for (let count = 1 + this.#upTo(3); count > 0; count -= 1) this.world.syncOne(member);
  }

  #propose(): void {
    const leaders = [...this.world.members.values()].filter((each) => each.up && each.role === 'leader');
    for (const leader of leaders) {
      this.#proposals += 1;
      leader.raft.propose([bytes(`${leader.id}${this.#proposals}`)]);
    }
  }

  #crash(member: Member): void {
    if (!member.up) return;
    // What was in flight to the disk may have got there, from the front.
    for (let count = this.#upTo(member.writes.length + 1); count > 0; count -= 1) this.world.syncOne(member);
    member.crash();
  }

  #start(member: Member): void {
    if (member.up) return;
    member.start();
    this.world.tick(member);
  }

  #partition(): void {
    const members = [...this.world.members.keys()];
    this.#cut = new Set(members.filter(() => this.#upTo(2) === 0));
  }

  #compact(member: Member): void {
    if (!member.up) return;
    while (member.writes.length > 0) this.world.syncOne(member);
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
    const peer = this.#anyOf([...this.world.members.keys()]);
    if (member.up && peer !== member.id) member.raft.link(peer, 'refused');
  }

  #changeMembers(): void {
    const leader = this.world.leader();
    const config = leader?.raft.status().config;
    if (leader === undefined || config === null || config === undefined) return;
    const isWiped = ({ id, storeId, role }: ConfiguredMember): boolean =>
      role === 'voter' && this.world.get(id).storeId !== storeId;
    // First things first: whoever takes more voters away while one is lost asks for a standstill.
    const id = config.members.find(isWiped)?.id ?? this.#anyOf(names);
    const current = config.members.find((member) => member.id === id);
    const rest = config.members.filter((member) => member.id !== id);
    let next: ConfiguredMember | null = null;
    if (current === undefined) next = this.#joiner(id);
    else if (this.world.get(id).storeId !== current.storeId) next = this.#joiner(id);
    else if (current.role === 'learner') next = { ...current, role: 'voter' };
    else if (this.#upTo(3) === 0) next = { ...current, role: 'learner' };
    else if (this.#upTo(3) === 0) next = this.#replacement(leader, id);
    const members = next === null ? rest : [...rest, next];
    if (leader.raft.proposeConfig({ members }).accepted) this.#configured = members.map((each) => each.id);
  }

  #joiner(id: string): ConfiguredMember {
    const storeId = this.world.members.get(id)?.storeId ?? this.#addWithEmptyDisk(id);
    return { id, storeId, role: 'learner' };
  }

  /** A wiped disk; only when a majority of the voters is left without it, or the cluster would stand still for ever. */
  #replacement(leader: Member, id: string): ConfiguredMember | null {
    const voters = (leader.raft.status().config?.members ?? []).filter((each) => each.role === 'voter');
    const whole = voters.filter(
      (voter) => voter.id !== id && this.world.get(voter.id).storeId === voter.storeId,
    );
    if (leader.id === id || whole.length * 2 <= voters.length) return null;
    this.wiped += 1;
    return { id, storeId: this.#addWithEmptyDisk(id), role: 'learner' };
  }

  #addWithEmptyDisk(id: string): string {
    this.#stores += 1;
    const storeId = `store-${id}-${this.#stores}`;
    this.observer.disks.set(storeId, this.world.add(id, { config: null, storeId }).disk);
    return storeId;
  }

  #anyOf<T>(things: readonly T[]): T {
    return things[this.#upTo(things.length)]!;
  }

  #upTo(count: number): number {
    return Math.floor(this.world.random() * count);
  }
}
