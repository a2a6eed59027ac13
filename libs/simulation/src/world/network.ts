import type { LinkState, MemberId, Outgoing, PeerMessage } from '@mqtt-cluster/contracts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** State of a host, as the network observes it. */
export type HostState = 'running' | 'paused' | 'dead' | 'powerless';

export interface NetworkHost {
  readonly id: MemberId;
  readonly state: HostState;
  /** Number of starts of the process. */
  readonly process: number;
  receive(from: MemberId, message: PeerMessage): void;
  linkChanged(peer: MemberId, state: LinkState): void;
}

/** Properties of one direction between two hosts. Delays are in milliseconds. */
export interface NetworkPath {
  delayMs: number;
  jitterMs: number;
  /** Additional delay of the channels `log` and `live` over the channel `raft`. */
  bulkDelayMs: number;
  blocked: boolean;
}

/** Minimum time after which a connection whose peer does not answer pings is closed. */
const silenceNoticedMsMin = 900;
const silenceNoticedMsMax = 1_600;
const retryMsMin = 50;
const retryMsMax = 250;
const resetNoticedMsMax = 5;
/**
 * Bound of the messages in flight in one lane. A stalled connection drops further messages, as the bridge
 * does when its queue is full.
 */
const inFlightMax = 5_000;

interface InFlightMessage {
  readonly dueAtMs: number;
  readonly message: PeerMessage;
}

/** Transports the messages from one host to another. The channel `raft` has a lane of its own. */
interface PeerConnection {
  readonly from: NetworkHost;
  readonly to: NetworkHost;
  readonly path: NetworkPath;
  readonly fromProcess: number;
  toProcess: number;
  state: LinkState;
  stalledSinceMs: number | null;
  /**
   * Messages in flight, in order: the lane of `raft`, then the lane of all other channels. As with TCP,
   * blocked messages arrive after the direction is open again, if the connection still exists.
   */
  readonly lanes: readonly [InFlightMessage[], InFlightMessage[]];
  /** Whether the connection is closed or replaced by a newer one, so that its messages in flight are lost. */
  broken: boolean;
}

/**
 * The network between the members: one connection per direction, with delays, blocked directions and
 * reconnects.
 */
export class Network {
  /** A filter that a scenario may set. The network calls it with every message; false drops the message. */
  filter: ((from: MemberId, outgoing: Outgoing) => boolean) | null = null;
  /** An observer that the network calls with every sent message. */
  tap: ((from: MemberId, outgoing: Outgoing) => void) | null = null;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #hosts = new Map<MemberId, NetworkHost>();
  readonly #paths = new Map<string, NetworkPath>();
  readonly #connections = new Map<string, PeerConnection>();
  /**
   * The same connections by sender and receiver. The lookup for each message then builds no key, which is a
   * new string.
   */
  readonly #bySender = new Map<MemberId, Map<MemberId, PeerConnection>>();

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  add(host: NetworkHost): void {
    for (const other of this.#hosts.keys()) {
      for (const key of [pathKey(host.id, other), pathKey(other, host.id)]) {
        this.#paths.set(key, {
          delayMs: this.#random.between(0.3, 3),
          jitterMs: this.#random.between(0, 3),
          bulkDelayMs: 0,
          blocked: false,
        });
      }
    }
    this.#hosts.set(host.id, host);
    this.#bySender.set(host.id, new Map());
  }

  path(from: MemberId, to: MemberId): NetworkPath {
    const path = this.#paths.get(pathKey(from, to));
    if (path === undefined) throw new Error(`no path from ${from} to ${to}`);
    return path;
  }

  /** Blocks or opens one direction. Call {@link Network.changed} after a set of changes. */
  block(from: MemberId, to: MemberId, blocked: boolean): void {
    this.path(from, to).blocked = blocked;
  }

  /** Replaces all connections from a host after a start of its process. */
  started(host: NetworkHost): void {
    for (const other of this.#hosts.values()) {
      if (other !== host) this.#renew(host, other);
    }
    this.changed();
  }

  send(from: MemberId, outgoing: Outgoing): void {
    this.tap?.(from, outgoing);
    if (this.filter !== null && !this.filter(from, outgoing)) return;
    const connection = this.#bySender.get(from)?.get(outgoing.to);
    if (connection === undefined || connection.state !== 'up') return;
    const lane = outgoing.channel === 'raft' ? 0 : 1;
    this.#transmit(connection, lane, outgoing.message);
  }

  /** Updates all connections after a change of hosts or paths. */
  changed(): void {
    for (const connection of this.#connections.values()) this.#evaluate(connection);
  }

  #transmit(connection: PeerConnection, number: 0 | 1, message: PeerMessage): void {
    const lane = connection.lanes[number];
    if (lane.length >= inFlightMax) return;
    const { path } = connection;
    const delayMs = path.delayMs + (number === 1 ? path.bulkDelayMs : 0);
    const arrivalMs = this.#timeline.nowMs + delayMs + this.#random.between(0, path.jitterMs);
    const dueAtMs = Math.max(lane.at(-1)?.dueAtMs ?? 0, arrivalMs);
    lane.push({ dueAtMs, message });
    this.#timeline.at(dueAtMs, () => this.#arrive(connection, lane));
  }

  #arrive(connection: PeerConnection, lane: InFlightMessage[]): void {
    if (connection.broken || connection.to.process !== connection.toProcess) return;
    if (this.#isStalled(connection)) return;
    for (let next = lane[0]; next !== undefined && next.dueAtMs <= this.#timeline.nowMs; next = lane[0]) {
      lane.shift();
      connection.to.receive(connection.from.id, next.message);
    }
  }

  #isStalled(connection: PeerConnection): boolean {
    return connection.path.blocked || connection.to.state === 'powerless';
  }

  #evaluate(connection: PeerConnection): void {
    const { from, to } = connection;
    if (connection.broken || from.process !== connection.fromProcess || from.state === 'dead') return;
    if (from.state === 'powerless' || connection.state !== 'up') return;
    const reachable = this.#isOpen(from, to);
    if (reachable && (to.process !== connection.toProcess || to.state === 'dead')) {
      this.#timeline.after(this.#random.between(0.1, resetNoticedMsMax), () => this.#break(connection));
      return;
    }
    if (reachable && to.state === 'running') {
      connection.stalledSinceMs = null;
      const { delayMs } = connection.path;
      for (const lane of connection.lanes)
        this.#timeline.after(delayMs, () => this.#arrive(connection, lane));
      return;
    }
    if (connection.stalledSinceMs !== null) return;
    const sinceMs = this.#timeline.nowMs;
    connection.stalledSinceMs = sinceMs;
    this.#timeline.after(this.#random.between(silenceNoticedMsMin, silenceNoticedMsMax), () => {
      if (connection.stalledSinceMs === sinceMs) this.#break(connection);
    });
  }

  #break(connection: PeerConnection): void {
    if (connection.broken || connection.state !== 'up') return;
    connection.broken = true;
    const { from, to } = connection;
    if (from.process !== connection.fromProcess) return;
    if (from.state === 'dead' || from.state === 'powerless') return;
    this.#renew(from, to);
  }

  /** Replaces a connection by a new one and starts to connect it. */
  #renew(from: NetworkHost, to: NetworkHost): void {
    const key = pathKey(from.id, to.id);
    const former = this.#connections.get(key);
    const connection: PeerConnection = {
      from,
      to,
      path: this.path(from.id, to.id),
      fromProcess: from.process,
      toProcess: to.process,
      state: 'down',
      stalledSinceMs: null,
      lanes: [[], []],
      broken: false,
    };
    this.#connections.set(key, connection);
    this.#bySender.get(from.id)?.set(to.id, connection);
    const reportLoss = former !== undefined && former.fromProcess === from.process;
    this.#attempt(connection, reportLoss);
  }

  #attempt(connection: PeerConnection, report: boolean): void {
    const { from, to } = connection;
    if (connection.broken || from.process !== connection.fromProcess) return;
    if (from.state === 'dead' || from.state === 'powerless') return;
    let state: LinkState = 'down';
    if (from.state === 'running' && this.#isOpen(from, to)) {
      if (to.state === 'dead') state = 'refused';
      else if (to.state === 'running') state = 'up';
    }
    const isNew = state !== connection.state;
    connection.state = state;
    connection.toProcess = to.process;
    if (isNew || report) from.linkChanged(to.id, state);
    if (state === 'up') return;
    const delayMs = this.#random.between(retryMsMin, retryMsMax);
    this.#timeline.after(delayMs, () => this.#attempt(connection, false));
  }

  #isOpen(one: NetworkHost, other: NetworkHost): boolean {
    return (
      other.state !== 'powerless' &&
      !this.path(one.id, other.id).blocked &&
      !this.path(other.id, one.id).blocked
    );
  }
}

function pathKey(from: MemberId, to: MemberId): string {
  return `${from}>${to}`;
}
