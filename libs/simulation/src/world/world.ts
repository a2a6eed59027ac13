/**
 * The simulated world: a whole cluster with its machines, network, disks and clients in one process and one
 * thread.
 *
 * Nothing here uses real time, real randomness, sockets or files. A {@link Timeline} holds the scheduled
 * actions in order of virtual time, and {@link World.run} executes them. All random numbers come from one
 * seed ({@link createRandom}); each part has a generator of its own. So the same seed gives the same run,
 * event by event.
 *
 * The members are the production code of `libs/member` (and with it `libs/consensus` and `libs/mqtt-state`).
 * A {@link Host} drives each member as the appliance does: it calls `tick`, passes the inputs of a turn,
 * calls `take`, and carries out the outputs. Writes go to a {@link Disk}, peer messages to the
 * {@link Network}, and packets to the clients' connections.
 *
 * The {@link History} records the view of the clients. The checks compare it with the promises of
 * docs/DESIGN.md: some observe the members during the run ({@link RunMonitor}), the other checks inspect the
 * state at the end.
 *
 * The method follows FoundationDB's simulation and TigerBeetle's VOPR.
 */
import type {
  ClientEffect,
  ConnectionId,
  MemberEvent,
  MemberId,
  MessagePageError,
  ServingState,
} from '@mqtt-cluster/contracts';
import { RunMonitor } from '../checks/run-monitor.ts';
import type { ClientConnection, ServedConnection } from '../clients/client-connection.ts';
import { SimulatedClient } from '../clients/client.ts';
import type { ClientOptions } from '../clients/client-options.ts';
import type { ClientWorld } from '../clients/client.ts';
import { Disk } from '../disk/disk.ts';
import { PageDisk } from '../disk/page-disk.ts';
import { History, publicationIdIn } from '../history/history.ts';
import type { ConnectionRecord } from '../history/history.ts';
import { Host } from './host.ts';
import type { SimulatedMemberFactory } from './member-factory.ts';
import { Network } from './network.ts';
import { Operator } from './operator.ts';
import { ProgramVersions } from './program-versions.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import type { ProgramVersion } from './semantics-versions.ts';
import { Timeline } from './timeline.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly members: number;
  readonly createMember: SimulatedMemberFactory;
  /** Whether the message pages are in files of a simulated disk. Default: the pages are in memory. */
  readonly pageFiles?: boolean;
}

const allMemberIds: readonly MemberId[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** Interval at which {@link World.until} evaluates its condition, virtual milliseconds. */
const pollIntervalMs = 10;

/** The wall clocks of two hosts differ by up to twice this, as on hosts that are not synchronised well. */
const wallErrorMsMax = 3_600_000;

/**
 * One simulated cluster: members with their machines, the network between them, clients, and virtual time.
 */
export class World implements ClientWorld {
  readonly seed: number;
  readonly random: Random;
  readonly timeline = new Timeline();
  readonly history = new History(() => this.timeline.nowMs);
  readonly network: Network;
  readonly clients: SimulatedClient[] = [];
  readonly monitor: RunMonitor;
  readonly events: { readonly atMs: number; readonly member: MemberId; readonly event: MemberEvent }[] = [];
  /** The program version of each member's next start; a missing member starts as `older`. */
  readonly versions = new Map<MemberId, ProgramVersion>();
  readonly operator: Operator;
  readonly #programs = new ProgramVersions(this.history, this.versions, () => this.operator.newestConfig());
  readonly #hosts = new Map<MemberId, Host>();
  readonly #connections = new Map<ConnectionId, ServedConnection>();
  readonly #isolated = new Map<MemberId, boolean>();
  #lastConnectionId = 0;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.random = createRandom(options.seed);
    this.network = new Network(this.timeline, this.random.fork());
    this.monitor = new RunMonitor(this.history, this.#hosts, this.clients, (index, config) =>
      this.operator.configApplied(index, config),
    );
    const ids = allMemberIds.slice(0, options.members);
    // A generator of its own: the clocks do not change the random numbers of the other parts.
    const clocks = createRandom(options.seed ^ 0xc10c);
    const pageRandom = createRandom(options.seed ^ 0x9a6e5);
    for (const id of ids) {
      const pages =
        options.pageFiles === true
          ? new PageDisk(this.timeline, pageRandom.fork(), (name) => this.history.count(name))
          : null;
      const host = new Host({
        id,
        timeline: this.timeline,
        random: this.random.fork(),
        network: this.network,
        disk: new Disk(this.timeline, this.random.fork()),
        pages,
        wallErrorMs: clocks.between(-wallErrorMsMax, wallErrorMsMax),
        createMember: (name, recovered, random) => {
          const semantics = this.monitor.observed(name, this.#programs.semanticsOfStart(name));
          const hooks = { semantics, observer: this.monitor.observerOf(name), pages };
          return options.createMember(name, ids, recovered, random, hooks);
        },
        handlers: {
          effects: (from, effects) => this.#effects(from, effects),
          events: (from, events) => this.#events(from, events),
          turnEnded: (from, member) => this.monitor.turnEnded(from, member),
          storeWrite: (from, change) => this.monitor.marks.storeWrite(from, change),
          storeOpened: (_, recovered) => this.monitor.marks.storeOpened(recovered),
          diskFull: () => this.history.mark('full-disk-refusal'),
          diskFailed: (from) => this.#diskFailed(from),
          pageFailed: (from, error) => this.#pageFailed(from, error),
        },
      });
      this.#hosts.set(id, host);
      this.network.add(host);
    }
    this.network.tap = (from, outgoing) => this.monitor.messageSent(from, outgoing);
    this.operator = new Operator({
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
    if (host === undefined) throw new Error(`unknown member: ${id}`);
    return host;
  }

  // ---- time ----

  run(durationMs: number): void {
    this.timeline.runUntil(this.nowMs + durationMs);
  }

  /**
   * Advances virtual time until the condition holds.
   *
   * @returns false when the condition does not hold within `withinMs`
   */
  until(holds: () => boolean, withinMs: number): boolean {
    const endMs = this.nowMs + withinMs;
    while (this.nowMs < endMs) {
      if (holds()) return true;
      this.run(pollIntervalMs);
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

  register(connection: ServedConnection): void {
    this.#connections.set(connection.id, connection);
  }

  isIsolated(host: Host): boolean {
    return this.#isolated.get(host.id) ?? false;
  }

  /** Returns the connections that are open at the client's end and at the member's end, by client id. */
  liveConnections(): Map<string, ClientConnection[]> {
    const live = new Map<string, ClientConnection[]>();
    for (const client of this.clients) {
      const { connection } = client;
      if (connection === null || !client.connected || !connection.isServed || !connection.hasProcess)
        continue;
      live.set(client.id, [...(live.get(client.id) ?? []), connection]);
    }
    return live;
  }

  // ---- machines ----

  start(...ids: MemberId[]): void {
    for (const id of ids.length === 0 ? this.#hosts.keys() : ids) {
      this.history.log(() => `start ${id}`);
      const host = this.host(id);
      const problem = host.start();
      if (problem !== null) this.operator.startFailed(host, problem);
    }
  }

  kill(id: MemberId): void {
    this.#stop(id, 'process');
  }

  powerOff(id: MemberId): void {
    this.#stop(id, 'power');
  }

  pause(id: MemberId): void {
    this.history.log(() => `pause ${id}`);
    this.monitor.marks.stopping(this.host(id));
    this.host(id).pause();
    this.#recordDisturbance(id);
    this.#notifyConnections(id, true);
  }

  resume(id: MemberId): void {
    this.history.log(() => `resume ${id}`);
    this.host(id).resume();
  }

  /**
   * Kills the member and replaces its disk by an empty one. The loss of messages that only the old disk
   * contained is excused (P1).
   */
  wipe(id: MemberId): void {
    const host = this.host(id);
    if (host.isUp) this.kill(id);
    this.operator.replaceDisk(host);
  }

  fillDisk(id: MemberId, full: boolean): void {
    this.history.log(() => `disk of ${id} ${full ? 'is full' : 'has room'}`);
    this.host(id).disk.full = full;
  }

  /** Makes every sync of the disk fail with EIO, or ends this fault. */
  failDisk(id: MemberId, failing: boolean): void {
    this.history.log(() => `disk of ${id} ${failing ? 'fails' : 'works'}`);
    this.host(id).disk.failing = failing;
  }

  /** Sets the wall clock of a host forward, or back with a negative value. */
  stepWallClock(id: MemberId, byMs: number): void {
    this.history.log(() => `wall clock of ${id} steps by ${byMs.toFixed(0)} ms`);
    this.host(id).stepWallClock(byMs);
  }

  // ---- network ----

  /**
   * Blocks all messages between members of different sets. A member that is in no set is cut off from all
   * members.
   */
  partition(...sets: readonly (readonly MemberId[])[]): void {
    this.history.log(() => `partition ${sets.map((set) => set.join('')).join(' | ')}`);
    const sideOf = (id: MemberId): number => sets.findIndex((set) => set.includes(id));
    this.#eachWay((from, to) => {
      this.network.block(from, to, sideOf(from) !== sideOf(to) || sideOf(from) === -1);
    });
  }

  cutLink(from: MemberId, to: MemberId, ways: 'one' | 'both' = 'both'): void {
    this.history.log(() => `cut ${from} ${ways === 'one' ? '>' : '-'} ${to}`);
    this.network.block(from, to, true);
    if (ways === 'both') this.network.block(to, from, true);
    this.network.changed();
  }

  restoreLink(from: MemberId, to: MemberId): void {
    this.history.log(() => `restore ${from} - ${to}`);
    this.network.block(from, to, false);
    this.network.block(to, from, false);
    this.network.changed();
  }

  /** Removes all partitions and cuts. */
  heal(): void {
    this.history.log(() => 'heal');
    this.#eachWay((from, to) => this.network.block(from, to, false));
  }

  #eachWay(action: (from: MemberId, to: MemberId) => void): void {
    for (const from of this.#hosts.keys()) {
      for (const to of this.#hosts.keys()) if (from !== to) action(from, to);
    }
    this.network.changed();
  }

  #stop(id: MemberId, what: 'process' | 'power'): void {
    this.history.log(() => `${what === 'power' ? 'power off' : 'kill'} ${id}`);
    const host = this.host(id);
    this.monitor.marks.stopping(host);
    host.stop(what);
    if (what === 'power' && this.hosts.every(({ state }) => state === 'powerless')) {
      this.history.mark('all-power-lost');
    }
    this.#recordDisturbance(id);
    this.#isolated.set(id, false);
    this.#recordProcessEnd(id);
    this.#notifyConnections(id, what === 'power');
  }

  #notifyConnections(id: MemberId, silent: boolean): void {
    for (const [connectionId, connection] of this.#connections) {
      if (!connection.isOpen && !connection.isServed) this.#connections.delete(connectionId);
      else if (connection.host.id === id) connection.hostStopped(silent);
    }
  }

  #recordProcessEnd(id: MemberId): void {
    for (const [connectionId, { host }] of this.#connections) {
      const record = this.history.connections.get(connectionId);
      if (host.id === id && record !== undefined) record.processEndedAtMs ??= this.nowMs;
    }
  }

  #recordDisturbance(id: MemberId, state: ServingState | null = null): void {
    this.history.disturbances.push({ member: id, atMs: this.nowMs, state });
  }

  // ---- outputs of the members ----

  #effects(host: Host, effects: readonly ClientEffect[]): void {
    for (const effect of effects) {
      const connection = this.#connections.get(effect.connection);
      if (effect.kind !== 'deliver') this.history.log(() => `${host.id} effect ${JSON.stringify(effect)}`);
      if (connection === undefined || connection.host !== host) {
        const text = `${host.id} has an effect for connection ${effect.connection}, which is not one of its connections`;
        this.history.reportViolation({ promise: 'contract', text });
        continue;
      }
      const record = this.history.connections.get(effect.connection);
      if (record !== undefined) this.#recordEffect(record, effect);
      connection.fromHost(effect, this.isIsolated(host));
    }
  }

  #recordEffect(record: ConnectionRecord, effect: ClientEffect): void {
    if (effect.kind === 'close') record.closedByHome = true;
    else if (effect.kind === 'connack') record.sessionPresent = effect.sessionPresent;
    else if (effect.kind === 'deliver' && effect.qos > 0) {
      const publication = publicationIdIn(effect.message.payload);
      const { connection, packetId, dup } = effect;
      if (publication !== null) this.history.sends.push({ publication, connection, packetId, dup });
    }
  }

  #events(host: Host, events: readonly MemberEvent[]): void {
    for (const event of events) {
      this.events.push({ atMs: this.nowMs, member: host.id, event });
      this.history.log(() => `${host.id} event ${JSON.stringify(event)}`);
      this.monitor.eventReported(host, event);
      if (event.kind === 'configChanged') this.operator.configChanged(event.config);
      if (event.kind === 'state') {
        this.#isolated.set(host.id, event.state === 'isolated');
        this.#recordDisturbance(host.id, event.state);
      }
    }
  }

  #pageFailed(host: Host, error: MessagePageError): void {
    this.monitor.pageFailed(host, error);
    this.kill(host.id);
    this.operator.processExited(host);
  }

  #diskFailed(host: Host): void {
    this.history.mark('failed-sync');
    this.kill(host.id);
    this.operator.processExited(host);
  }
}
