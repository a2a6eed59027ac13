import type {
  ClientEffect,
  ConnectionId,
  Member,
  MemberEvent,
  MemberId,
  Recovered,
} from '@mqtt-cluster/contracts';
import { currentSemantics } from '@mqtt-cluster/member';
import type { MemberObserver, SemanticsVersion } from '@mqtt-cluster/member';
import { Numbering } from '../checks/batch-sequence.ts';
import { RaftWatch } from '../checks/raft-safety.ts';
import { SimulatedClient } from '../clients/client.ts';
import type { ClientOptions, ClientWorld } from '../clients/client.ts';
import { Caretaker } from './operator.ts';
import { Disk } from '../disk/disk.ts';
import { newerSemanticsVersion } from './semantics-versions.ts';
import type { Version } from './semantics-versions.ts';
import { History } from '../history/history.ts';
import { Host } from './host.ts';
import { MarkWatch } from '../history/mark-detector.ts';
import { isMarkName } from '../history/marks.ts';
import { Network } from './network.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import type { Wire } from '../clients/client-connection.ts';

/** How the world looks into a member, and which version of the program it runs. */
export interface Inside {
  readonly semantics: SemanticsVersion;
  readonly observer: MemberObserver;
}

export type CreateSimulatedMember = (
  id: MemberId,
  members: readonly MemberId[],
  recovered: Recovered,
  random: () => number,
  inside?: Inside,
) => Member;

export interface WorldOptions {
  readonly seed: number;
  readonly members: number;
  readonly createMember: CreateSimulatedMember;
}

export const memberNames: readonly MemberId[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** Steps in which a scenario looks whether what it waits for has come. */
const lookEveryMs = 10;

/** Of turns in which nothing was applied, one in so many is looked at. */
const idleTurnsPerLook = 8;

/** Members, their machines and the network between them, clients, and virtual time. */
export class World implements ClientWorld {
  readonly random: Random;
  readonly timeline = new Timeline();
  readonly history = new History(() => this.timeline.nowMs);
  readonly network: Network;
  readonly clients: SimulatedClient[] = [];
  readonly watch: RaftWatch;
  readonly events: { readonly atMs: number; readonly member: MemberId; readonly event: MemberEvent }[] = [];
  /** What each member's next start runs; `older` where nothing is said. */
  readonly versions = new Map<MemberId, Version>();
  readonly caretaker: Caretaker;
  readonly #marks: MarkWatch;
  readonly #newer: SemanticsVersion;
  /** Who has ever run the newer version. */
  readonly #upgraded = new Set<MemberId>();
  readonly #numbering: Numbering;
  /** Members that have applied something since they were last looked at. */
  readonly #moved = new Set<MemberId>();
  #turns = 0;
  readonly #hosts = new Map<MemberId, Host>();
  readonly #wires = new Map<ConnectionId, Wire>();
  readonly #isolated = new Map<MemberId, boolean>();
  #lastConnectionId = 0;

  constructor(options: WorldOptions) {
    this.random = createRandom(options.seed);
    this.network = new Network(this.timeline, this.random.fork());
    this.#marks = new MarkWatch(this.history, this.clients);
    this.#newer = newerSemanticsVersion((name) => {
      if (name === 'semantics-finalised' && !this.history.marks.has(name)) this.#checkVersions();
      this.history.mark(name);
    });
    this.#numbering = new Numbering(this.history);
    const names = memberNames.slice(0, options.members);
    for (const id of names) {
      const host = new Host({
        id,
        timeline: this.timeline,
        random: this.random.fork(),
        network: this.network,
        disk: new Disk(this.timeline, this.random.fork()),
        createMember: (name, recovered, random) =>
          options.createMember(name, names, recovered, random, this.#inside(name)),
        handlers: {
          effects: (from, effects) => this.#effects(from, effects),
          events: (from, events) => this.#events(from, events),
          turnEnded: (from, member) => this.#turnEnded(from, member),
          writes: (from, change) => this.#marks.writes(from, change),
          opened: (_, recovered) => this.#marks.opened(recovered),
          diskRefused: () => this.history.mark('full-disk-refusal'),
          diskFailed: (from) => this.#diskFailed(from),
        },
      });
      this.#hosts.set(id, host);
      this.network.add(host);
    }
    this.watch = new RaftWatch(this.history, this.#hosts);
    this.network.tap = (from, outgoing) => {
      this.watch.sent(from, outgoing);
      this.#marks.sent(outgoing);
    };
    this.caretaker = new Caretaker({
      history: this.history,
      timeline: this.timeline,
      random: this.random.fork(),
      hosts: this.#hosts,
      start: (id) => this.start(id),
    });
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  host(id: MemberId): Host {
    const host = this.#hosts.get(id);
    if (host === undefined) throw new Error(`there is no member ${id}`);
    return host;
  }

  // ---- time ----

  run(durationMs: number): void {
    this.timeline.runUntil(this.nowMs + durationMs);
  }

  /** Lets time pass until it holds. @returns whether it did within that many milliseconds. */
  until(holds: () => boolean, withinMs: number): boolean {
    const endMs = this.nowMs + withinMs;
    while (this.nowMs < endMs) {
      if (holds()) return true;
      this.run(lookEveryMs);
    }
    return holds();
  }

  // ---- clients ----

  client(options: ClientOptions): SimulatedClient {
    const client = new SimulatedClient(this, this.random.fork(), options);
    this.clients.push(client);
    return client;
  }

  newConnectionId(): number {
    this.#lastConnectionId += 1;
    return this.#lastConnectionId;
  }

  register(wire: Wire): void {
    this.#wires.set(wire.id, wire);
  }

  isIsolated(host: Host): boolean {
    return this.#isolated.get(host.id) ?? false;
  }

  /** Connections that both ends take for open, by client id. */
  liveConnections(): Map<string, Wire[]> {
    const live = new Map<string, Wire[]>();
    for (const client of this.clients) {
      const { wire } = client;
      if (wire === null || !client.connected || !wire.isServed || !wire.hasProcess) continue;
      live.set(client.id, [...(live.get(client.id) ?? []), wire]);
    }
    return live;
  }

  // ---- machines ----

  start(...ids: MemberId[]): void {
    for (const id of ids.length === 0 ? this.#hosts.keys() : ids) {
      this.history.note(() => `start ${id}`);
      const host = this.host(id);
      const problem = host.start();
      if (problem !== null) this.caretaker.couldNotStart(host, problem);
    }
  }

  kill(id: MemberId): void {
    this.#stop(id, 'process');
  }

  powerOff(id: MemberId): void {
    this.#stop(id, 'power');
  }

  pause(id: MemberId): void {
    this.history.note(() => `pause ${id}`);
    this.#marks.stopping(this.host(id));
    this.host(id).pause();
    this.#trouble(id);
    this.#tellWires(id, true);
  }

  wake(id: MemberId): void {
    this.history.note(() => `wake ${id}`);
    this.host(id).wake();
  }

  /** Takes the member down and gives it an empty disk. What only the old one held is excused (P1). */
  wipe(id: MemberId): void {
    const host = this.host(id);
    if (host.isUp) this.kill(id);
    this.caretaker.loseDisk(host);
  }

  fillDisk(id: MemberId, full: boolean): void {
    this.history.note(() => `disk of ${id} ${full ? 'is full' : 'has room'}`);
    this.host(id).disk.full = full;
  }

  /** While it fails every sync does (EIO). */
  failDisk(id: MemberId, failing: boolean): void {
    this.history.note(() => `disk of ${id} ${failing ? 'fails' : 'works'}`);
    this.host(id).disk.failing = failing;
  }

  // ---- network ----

  /** Members in different sets hear nothing of each other; who is in no set hears nobody. */
  partition(...sets: readonly (readonly MemberId[])[]): void {
    this.history.note(() => `partition ${sets.map((set) => set.join('')).join(' | ')}`);
    const sideOf = (id: MemberId): number => sets.findIndex((set) => set.includes(id));
    this.#eachWay((from, to) => {
      this.network.block(from, to, sideOf(from) !== sideOf(to) || sideOf(from) === -1);
    });
  }

  cut(from: MemberId, to: MemberId, ways: 'one' | 'both' = 'both'): void {
    this.history.note(() => `cut ${from} ${ways === 'one' ? '>' : '-'} ${to}`);
    this.network.block(from, to, true);
    if (ways === 'both') this.network.block(to, from, true);
    this.network.changed();
  }

  join(from: MemberId, to: MemberId): void {
    this.history.note(() => `join ${from} - ${to}`);
    this.network.block(from, to, false);
    this.network.block(to, from, false);
    this.network.changed();
  }

  /** All ways open. */
  heal(): void {
    this.history.note(() => 'heal');
    this.#eachWay((from, to) => this.network.block(from, to, false));
  }

  #eachWay(action: (from: MemberId, to: MemberId) => void): void {
    for (const from of this.#hosts.keys()) {
      for (const to of this.#hosts.keys()) if (from !== to) action(from, to);
    }
    this.network.changed();
  }

  #stop(id: MemberId, what: 'process' | 'power'): void {
    this.history.note(() => `${what === 'power' ? 'power off' : 'kill'} ${id}`);
    const host = this.host(id);
    this.#marks.stopping(host);
    host.stop(what);
    if (what === 'power' && this.hosts.every(({ state }) => state === 'powerless')) {
      this.history.mark('all-power-lost');
    }
    this.#trouble(id);
    this.#isolated.set(id, false);
    this.#tellWires(id, what === 'power');
  }

  #tellWires(id: MemberId, silent: boolean): void {
    for (const [connection, wire] of this.#wires) {
      if (!wire.isOpen && !wire.isServed) this.#wires.delete(connection);
      else if (wire.host.id === id) wire.hostStopped(silent);
    }
  }

  #trouble(id: MemberId): void {
    this.history.troubles.push({ member: id, atMs: this.nowMs });
  }

  // ---- what the members do ----

  #effects(host: Host, effects: readonly ClientEffect[]): void {
    for (const effect of effects) {
      const wire = this.#wires.get(effect.connection);
      if (effect.kind !== 'deliver') this.history.note(() => `${host.id} says ${JSON.stringify(effect)}`);
      if (wire === undefined || wire.host !== host) {
        const text = `${host.id} spoke to connection ${effect.connection}, which is not its own`;
        this.history.violate({ promise: 'contract', text });
        continue;
      }
      const record = this.history.connections.get(effect.connection);
      if (effect.kind === 'close' && record !== undefined) record.closedByHome = true;
      wire.fromHost(effect, this.isIsolated(host));
    }
  }

  #events(host: Host, events: readonly MemberEvent[]): void {
    this.#moved.add(host.id);
    for (const event of events) {
      this.events.push({ atMs: this.nowMs, member: host.id, event });
      this.history.note(() => `${host.id} event ${JSON.stringify(event)}`);
      this.#marks.event(host, event);
      if (event.kind === 'configChanged') this.caretaker.configChanged(event.config);
      if (event.kind === 'state') {
        this.#isolated.set(host.id, event.state === 'isolated');
        this.#trouble(host.id);
      }
      if (event.kind === 'dropped') {
        this.history.drops.set(event.reason, (this.history.drops.get(event.reason) ?? 0) + event.count);
      }
      if (event.kind === 'digestDiffers') {
        const text = `digests differ at ${event.index}: ${event.members.join(' ')}`;
        this.history.violate({ promise: 'same state', text });
      }
      if (event.kind === 'alarm') this.history.count(`alarm: ${event.text.replace(/\d+/g, 'N')}`);
      else this.history.count(`event ${event.kind}`);
    }
  }

  #turnEnded(host: Host, member: Member): void {
    this.#turns += 1;
    // A look costs as much as many a turn.
    if (!this.#moved.delete(host.id) && this.#turns % idleTurnsPerLook !== 0) return;
    const status = member.status();
    this.watch.look(host, status);
    this.#marks.looked(host, status);
  }

  #diskFailed(host: Host): void {
    this.history.mark('failed-sync');
    this.kill(host.id);
    this.caretaker.ended(host);
  }

  #inside(id: MemberId): Inside {
    const semantics = this.versions.get(id) === 'newer' ? this.#newer : currentSemantics;
    if (semantics === this.#newer) this.#upgraded.add(id);
    return { semantics, observer: this.#observerOf(id) };
  }

  /** What not all know must not come into force (design, section 4), though one may have gone back meanwhile. */
  #checkVersions(): void {
    for (const { id } of this.caretaker.newestConfig()?.members ?? []) {
      if (this.#upgraded.has(id)) continue;
      const text = `the newer version came into force, which ${id} has never run`;
      this.history.violate({ promise: 'two versions', text });
    }
  }

  #observerOf(id: MemberId): MemberObserver {
    return {
      mark: (name) => {
        if (isMarkName(name)) this.history.mark(name);
        else throw new Error(`there is no mark named ${name}`);
      },
      batchApplied: (index, applied) => {
        this.#moved.add(id);
        this.#numbering.applied(index, applied);
        const queues = applied.results.some(
          (each) => each.kind === 'subscribed' && each.retainedQueued.includes(true),
        );
        if (queues) this.history.retainedQueuedSinceMs ??= this.nowMs;
      },
    };
  }
}
