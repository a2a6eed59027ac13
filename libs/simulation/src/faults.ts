import type { MemberId } from '@mqtt-cluster/contracts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

type Fault = (faults: Faults) => void;

/** Gaps between two faults: short, so that they meet. */
const gapMsMin = 100;
const gapMsMax = 1_800;

/** What goes wrong in one run, when, and for how long: all from its seed. */
export class Faults {
  readonly #world: World;
  readonly #random: Random;
  #busy = true;
  #wiped = false;
  #removed: MemberId | null = null;
  readonly #gapMsMax: number;
  readonly #mix: readonly Fault[];

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#gapMsMax = random.pick([500, 1_000, gapMsMax]);
    // A run has a character: a few kinds of fault, often, rather than all, seldom.
    const kinds = random.shuffled(allFaults);
    this.#mix = kinds.slice(0, 2 + random.below(4));
  }

  start(): void {
    this.#next();
  }

  /** Everything works again: the network at once, machines that are down start. */
  end(): void {
    const world = this.#world;
    this.#busy = false;
    if (this.#removed !== null) this.#bringBack(this.#removed);
    world.heal();
    this.#setPaths(1);
    for (const host of world.hosts) {
      host.disk.full = false;
      host.disk.syncMs = [0.5, 4];
      if (host.state === 'paused') world.wake(host.id);
      // A member that drains does so until it is started again.
      if (host.member?.status().state === 'draining') world.kill(host.id);
      if (!host.isUp) world.start(host.id);
    }
  }

  #next(): void {
    this.#world.timeline.after(this.#random.between(gapMsMin, this.#gapMsMax), () => {
      if (!this.#busy) return;
      this.#random.pick(this.#mix)(this);
      this.#next();
    });
  }

  killSome(): void {
    const count = this.#random.chance(0.6) ? 1 : 1 + this.#random.below(this.#world.hosts.length);
    for (const id of this.#some(count)) {
      this.#count('kills');
      if (this.#random.chance(0.5)) this.#world.kill(id);
      else this.#world.powerOff(id);
      this.#later(50, 4_000, () => this.#world.start(id));
    }
  }

  killLeader(): void {
    const leader = this.#leader();
    if (leader === null) return;
    this.#count('leaders killed');
    if (this.#random.chance(0.5)) this.#world.kill(leader);
    else this.#world.powerOff(leader);
    this.#later(50, 3_000, () => this.#world.start(leader));
  }

  cutPower(): void {
    this.#count('power cuts');
    for (const { id } of this.#world.hosts) {
      this.#world.powerOff(id);
      this.#later(100, 2_500, () => this.#world.start(id));
    }
  }

  restartQuickly(): void {
    const [id] = this.#some(1);
    if (id === undefined) return;
    this.#count('restarts');
    this.#world.kill(id);
    this.#later(5, 80, () => this.#world.start(id));
  }

  pauseOne(): void {
    const id = this.#random.chance(0.5) ? this.#leader() : (this.#some(1)[0] ?? null);
    if (id === null || this.#world.host(id).state !== 'running') return;
    this.#count('pauses');
    this.#world.pause(id);
    this.#later(300, 7_000, () => this.#world.wake(id));
  }

  split(): void {
    this.#count('partitions');
    const ids = this.#some(this.#world.hosts.length);
    const half = Math.floor(ids.length / 2);
    const shape = this.#random.below(3);
    if (shape === 0) this.#world.partition(ids.slice(0, half + 1), ids.slice(half + 1));
    else if (shape === 1) this.#world.partition(ids.slice(0, half), ids.slice(half, -1), ids.slice(-1));
    else this.#world.partition(ids.slice(1), ids.slice(0, 1));
    this.#later(500, 6_000, () => this.#world.heal());
  }

  cutOneWay(): void {
    const [from, to] = this.#some(2);
    if (from === undefined || to === undefined) return;
    this.#count('one-way cuts');
    this.#world.cut(from, to, 'one');
    this.#later(500, 5_000, () => this.#world.join(from, to));
  }

  cutLink(): void {
    const [one, other] = this.#some(2);
    if (one === undefined || other === undefined) return;
    this.#count('links cut');
    this.#world.cut(one, other);
    this.#later(500, 5_000, () => this.#world.join(one, other));
  }

  flap(): void {
    const [one, other] = this.#some(2);
    if (one === undefined || other === undefined) return;
    this.#count('flapping links');
    for (let time = 0; time < 6; time += 1) {
      this.#world.timeline.after(time * 700, () => this.#busy && this.#world.cut(one, other));
      this.#world.timeline.after(time * 700 + 300, () => this.#world.join(one, other));
    }
  }

  slowLinks(): void {
    this.#count('slow links');
    for (const id of this.#some(2)) {
      for (const other of this.#world.hosts) {
        if (other.id === id) continue;
        const path = this.#world.network.path(id, other.id);
        path.jitterMs = this.#random.between(20, 400);
      }
    }
    this.#later(1_000, 5_000, () => this.#setPaths(1));
  }

  slowDisk(): void {
    for (const id of this.#some(1 + this.#random.below(3))) {
      this.#count('slow disks');
      const { disk } = this.#world.host(id);
      disk.syncMs = [20, this.#random.between(50, 600)];
      this.#later(1_000, 5_000, () => (disk.syncMs = [0.5, 4]));
    }
  }

  fillDisk(): void {
    const [id] = this.#some(1);
    if (id === undefined) return;
    this.#count('full disks');
    this.#world.fillDisk(id, true);
    this.#later(500, 4_000, () => this.#world.fillDisk(id, false));
  }

  /** Only one in a run, and only while all others are well: a second would take what a majority promised. */
  wipeOne(): void {
    const world = this.#world;
    const id = this.#some(1)[0];
    const others = world.hosts.filter((host) => host.id !== id);
    const well = others.every(
      (host) => host.state === 'running' && host.member?.status().state === 'serving',
    );
    if (id === undefined || this.#wiped || !well || others.length < 2) return;
    this.#wiped = true;
    this.#count('disks wiped');
    world.wipe(id);
    this.#later(100, 1_500, () => world.start(id));
  }

  /** Leaders that are cut off as soon as they lead, with or without friends: overwritten tails (paper, figure 8). */
  storm(): void {
    this.#count('storms');
    for (let time = 0; time < 8; time += 1) {
      this.#world.timeline.after(time * 600 + this.#random.between(0, 500), () => {
        const leader = this.#leader();
        if (!this.#busy || leader === null) return;
        const others = this.#some(this.#world.hosts.length).filter((id) => id !== leader);
        const friends = this.#random.below(3);
        this.#world.partition([leader, ...others.slice(0, friends)], others.slice(friends));
        if (this.#random.chance(0.3)) this.#restart(leader, 100, 900);
      });
    }
    this.#later(5_200, 6_000, () => this.#world.heal());
  }

  /** Clients are sent away first, as before an upgrade. */
  drainOne(): void {
    const [id] = this.#some(1);
    if (id === undefined || this.#world.host(id).state !== 'running') return;
    this.#count('drains');
    this.#world.host(id).post((member) => member.drain(20));
    this.#later(600, 2_500, () => this.#restart(id, 50, 1_500));
  }

  /** One is sent away as an operator does it, and is asked in again later with what it has. */
  changeMembers(): void {
    const id = this.#some(1)[0];
    if (id === undefined || this.#world.hosts.length < 4 || this.#removed !== null) return;
    if (this.#world.host(id).state !== 'running') return;
    this.#count('members removed');
    this.#removed = id;
    this.#world.host(id).post((member) => member.drain(100));
    this.#later(300, 1_500, () => this.#sendAway(id));
  }

  #sendAway(id: MemberId): void {
    const world = this.#world;
    const leader = this.#leader();
    const config = leader === null ? null : (world.host(leader).member?.status().config ?? null);
    if (leader !== null && config !== null) {
      const members = config.members.filter((member) => member.id !== id);
      if (members.length < config.members.length) {
        world.host(leader).post((member) => member.changeMembers({ members }));
      } else {
        world.kill(id);
        this.#later(200, 3_000, () => this.#bringBack(id));
        return;
      }
    }
    this.#later(300, 300, () => this.#sendAway(id));
  }

  /** It begins anew, as what it had numbered so far was forgotten with it. */
  #bringBack(id: MemberId): void {
    if (this.#removed !== id) return;
    this.#world.kill(id);
    this.#world.start(id);
    // Its removal may be on its way only now.
    this.#world.timeline.after(1_000, () => this.#askIn(id));
  }

  /** Until it votes: another leader may overwrite the entry that names it. */
  #askIn(id: MemberId): void {
    const world = this.#world;
    const leader = this.#leader();
    const config = leader === null ? null : (world.host(leader).member?.status().config ?? null);
    const { storeId } = world.host(id).disk;
    const itself = config?.members.find((member) => member.id === id);
    if (itself?.role === 'voter') {
      this.#removed = null;
      return;
    }
    if (leader !== null && config !== null && itself === undefined) {
      const members = [...config.members, { id, storeId, role: 'learner' as const }];
      world.host(leader).post((member) => member.changeMembers({ members }));
    }
    world.timeline.after(500, () => this.#askIn(id));
  }

  #restart(id: MemberId, minMs: number, maxMs: number): void {
    this.#world.kill(id);
    this.#later(minMs, maxMs, () => this.#world.start(id));
  }

  transfer(): void {
    const leader = this.#leader();
    if (leader === null) return;
    this.#count('leadership transfers');
    this.#world.host(leader).post((member) => member.transferLeadership());
  }

  #setPaths(jitterMs: number): void {
    for (const from of this.#world.hosts) {
      for (const to of this.#world.hosts) {
        if (from !== to) this.#world.network.path(from.id, to.id).jitterMs = jitterMs;
      }
    }
  }

  #leader(): MemberId | null {
    const leading = this.#world.hosts.filter(
      (host) => host.state === 'running' && host.member?.status().role === 'leader',
    );
    return leading[0]?.id ?? null;
  }

  #some(count: number): MemberId[] {
    return this.#random.shuffled(this.#world.hosts.map(({ id }) => id)).slice(0, count);
  }

  #later(minMs: number, maxMs: number, action: () => void): void {
    this.#world.timeline.after(this.#random.between(minMs, maxMs), () => {
      if (this.#busy) action();
    });
  }

  #count(what: string): void {
    this.#world.history.count(what);
  }
}

const allFaults: readonly Fault[] = [
  (faults) => faults.killSome(),
  (faults) => faults.killLeader(),
  (faults) => faults.cutPower(),
  (faults) => faults.restartQuickly(),
  (faults) => faults.pauseOne(),
  (faults) => faults.split(),
  (faults) => faults.cutOneWay(),
  (faults) => faults.cutLink(),
  (faults) => faults.flap(),
  (faults) => faults.slowLinks(),
  (faults) => faults.slowDisk(),
  (faults) => faults.fillDisk(),
  (faults) => faults.wipeOne(),
  (faults) => faults.transfer(),
  (faults) => faults.storm(),
  (faults) => faults.drainOne(),
  (faults) => faults.changeMembers(),
];
