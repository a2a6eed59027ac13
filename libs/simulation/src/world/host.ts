import type {
  ClientEffect,
  LinkState,
  Member,
  MemberEvent,
  MemberId,
  PeerMessage,
} from '@mqtt-cluster/contracts';
import { ClusterError } from '@mqtt-cluster/contracts';
import type { Recovered, StoreWrite } from '@mqtt-cluster/contracts';
import type { Disk } from '../disk/disk.ts';
import type { HostState, Network, NetworkHost } from './network.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** The contract of {@link Member.tick}: at least this often. */
const tickMsMax = 20;
/** A turn that made new work is followed at once. */
const moreTurnMs = 0.05;
/** What arrives within this shares a turn, as it does in one round of an event loop. */
const turnMs = 1.5;

export interface HostHandlers {
  effects(host: Host, effects: readonly ClientEffect[]): void;
  events(host: Host, events: readonly MemberEvent[]): void;
  turnEnded(host: Host, member: Member): void;
  writes(host: Host, change: StoreWrite): void;
  opened(host: Host, recovered: Recovered): void;
  /** Its disk was full. */
  diskRefused(host: Host): void;
  /** Its disk has failed: the process is to end. */
  diskFailed(host: Host): void;
}

export interface HostOptions {
  readonly id: MemberId;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly network: Network;
  readonly disk: Disk;
  readonly createMember: (id: MemberId, recovered: Recovered, random: () => number) => Member;
  readonly handlers: HostHandlers;
}

/** One machine: a disk, a clock of its own, and a process that may run, hang, die and start again. */
export class Host implements NetworkHost {
  readonly id: MemberId;
  readonly disk: Disk;
  state: HostState = 'dead';
  process = 0;
  /** Of the running process; kept for looking at after a crash. */
  member: Member | null = null;
  readonly #options: HostOptions;
  readonly #clockOffsetMs: number;
  readonly #clockRate: number;
  #inbox: ((member: Member) => void)[] = [];
  #nextTurnAtMs = Infinity;

  constructor(options: HostOptions) {
    this.#options = options;
    this.id = options.id;
    this.disk = options.disk;
    this.#clockOffsetMs = Math.floor(options.random.between(0, 1e9));
    this.#clockRate = options.random.between(0.9995, 1.0005);
  }

  get isUp(): boolean {
    return this.state === 'running' || this.state === 'paused';
  }

  /** Its monotonic clock: nobody else's. */
  get clockMs(): number {
    return this.#clockOffsetMs + Math.floor(this.#options.timeline.nowMs * this.#clockRate);
  }

  /** @returns why it can't: its store does not open; null when it runs */
  start(): ClusterError | null {
    if (this.isUp) return null;
    this.process += 1;
    const { process } = this;
    let recovered: Recovered;
    try {
      recovered = this.disk.open({
        synced: (tokens) =>
          this.#postFor(process, (member) => tokens.forEach((token) => member.written(token))),
        refused: (tokens) => {
          this.#options.handlers.diskRefused(this);
          this.#postFor(process, (member) => tokens.forEach((token) => member.writeRefused(token)));
        },
        failed: () => this.#options.handlers.diskFailed(this),
      });
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.state = 'dead';
      this.#options.network.changed();
      return error;
    }
    this.#options.handlers.opened(this, recovered);
    const random = this.#options.random.fork();
    this.member = this.#options.createMember(this.id, recovered, random.next);
    this.state = 'running';
    this.#inbox = [];
    this.#nextTurnAtMs = Infinity;
    this.#scheduleTurn(0);
    this.#options.network.started(this);
    return null;
  }

  /** `process`: the host answers and refuses; `power`: silence. */
  stop(what: 'process' | 'power'): void {
    if (this.isUp) this.disk.crash(what === 'power');
    if (what === 'power') this.disk.powerLost();
    this.state = what === 'power' ? 'powerless' : 'dead';
    this.#inbox = [];
    this.#nextTurnAtMs = Infinity;
    this.#options.network.changed();
  }

  pause(): void {
    if (this.state !== 'running') return;
    this.state = 'paused';
    this.#nextTurnAtMs = Infinity;
    this.#options.network.changed();
  }

  wake(): void {
    if (this.state !== 'paused') return;
    this.state = 'running';
    this.#scheduleTurn(0);
    this.#options.network.changed();
  }

  receive(from: MemberId, message: PeerMessage): void {
    this.post((member) => member.receive(from, message));
  }

  linkChanged(peer: MemberId, state: LinkState): void {
    this.post((member) => member.link(peer, state));
  }

  /** Something for the process to do in its next turn; lost when there is none. */
  post(action: (member: Member) => void): void {
    if (!this.isUp) return;
    this.#inbox.push(action);
    if (this.state === 'running') this.#scheduleTurn(turnMs);
  }

  #postFor(process: number, action: (member: Member) => void): void {
    if (process === this.process) this.post(action);
  }

  #scheduleTurn(delayMs: number): void {
    const { timeline } = this.#options;
    const atMs = timeline.nowMs + delayMs;
    if (atMs >= this.#nextTurnAtMs) return;
    this.#nextTurnAtMs = atMs;
    const { process } = this;
    timeline.at(atMs, () => {
      if (process === this.process && this.state === 'running' && this.#nextTurnAtMs === atMs) this.#turn();
    });
  }

  #turn(): void {
    const { member } = this;
    if (member === null) return;
    const { handlers, network } = this.#options;
    // Time first: whoever wakes from a pause must know it before handling what has piled up (design, 8).
    member.tick(this.clockMs);
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const action of inbox) action(member);
    const output = member.take();
    this.#nextTurnAtMs = Infinity;
    this.#scheduleTurn(output.more ? moreTurnMs : tickMsMax);
    if (output.write !== null) {
      handlers.writes(this, output.write.change);
      this.disk.write(output.write.token, output.write.change);
    }
    for (const outgoing of output.send) network.send(this.id, outgoing);
    if (output.events.length > 0) handlers.events(this, output.events);
    if (output.effects.length > 0) handlers.effects(this, output.effects);
    // An idle tick changes nothing worth a look.
    if (inbox.length > 0 || output.write !== null) handlers.turnEnded(this, member);
  }
}
