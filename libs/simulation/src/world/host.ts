import type {
  ClientEffect,
  LinkState,
  Member,
  MemberEvent,
  MemberId,
  MemberOutput,
  PeerMessage,
} from '@mqtt-cluster/contracts';
import { clusterTimeAt, ClusterError, MessagePageError } from '@mqtt-cluster/contracts';
import type { RecoveredState, StoreWrite } from '@mqtt-cluster/contracts';
import { ClockRecorder } from '@mqtt-cluster/member';
import type { Disk } from '../disk/disk.ts';
import type { PageDisk } from '../disk/page-disk.ts';
import type { HostState, Network, NetworkHost } from './network.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** Longest time between two calls of {@link Member.tick}, as the contract of {@link Member} requires. */
const tickMsMax = 20;
/** Delay of the next turn when a turn reports `more`. */
const moreTurnMs = 0.05;
/** Inputs that arrive within this time are handled in one turn, as in one iteration of an event loop. */
const turnMs = 1.5;
/** Wall clock of a machine without an error when the virtual time is 0. */
const wallEpochMs = 1_800_000_000_000;

interface HostHandlers {
  effects(host: Host, effects: readonly ClientEffect[]): void;
  events(host: Host, events: readonly MemberEvent[]): void;
  turnEnded(host: Host, member: Member): void;
  storeWrite(host: Host, change: StoreWrite): void;
  storeOpened(host: Host, recovered: RecoveredState): void;
  /** Called when the disk has refused a write because it is full. */
  diskFull(host: Host): void;
  /** Called when a sync has failed: the process must end. */
  diskFailed(host: Host): void;
  /** Called when a queued message cannot be read again from its page: the process must end. */
  pageFailed(host: Host, error: MessagePageError): void;
}

export interface HostOptions {
  readonly id: MemberId;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly network: Network;
  readonly disk: Disk;
  /** The disk below the message pages; null: the pages are in memory. */
  readonly pages: PageDisk | null;
  /** Error of the wall clock when the run begins, ms. */
  readonly wallErrorMs: number;
  readonly createMember: (id: MemberId, recovered: RecoveredState, random: () => number) => Member;
  readonly handlers: HostHandlers;
}

/** One machine: a disk, a monotonic clock, and a member's process that can run, pause, crash and restart. */
export class Host implements NetworkHost {
  readonly id: MemberId;
  readonly disk: Disk;
  readonly pages: PageDisk | null;
  state: HostState = 'dead';
  /** Number of starts of the process. */
  process = 0;
  /** The member of the current process. After a crash the checks can still read its last status. */
  member: Member | null = null;
  readonly #options: HostOptions;
  readonly #clockOffsetMs: number;
  readonly #clockRate: number;
  #inbox: ((member: Member) => void)[] = [];
  #nextTurnAtMs = Infinity;
  #wallErrorMs: number;
  #clockRecorder = new ClockRecorder(null);
  #clockCheckedMs = -Infinity;

  constructor(options: HostOptions) {
    this.#options = options;
    this.id = options.id;
    this.disk = options.disk;
    this.pages = options.pages;
    this.#wallErrorMs = options.wallErrorMs;
    this.#clockOffsetMs = Math.floor(options.random.between(0, 1e9));
    this.#clockRate = options.random.between(0.9995, 1.0005);
  }

  get isUp(): boolean {
    return this.state === 'running' || this.state === 'paused';
  }

  /** The monotonic clock of this machine. Offset and rate differ from those of other machines. */
  get clockMs(): number {
    return this.#clockOffsetMs + Math.floor(this.#options.timeline.nowMs * this.#clockRate);
  }

  /** The wall clock of this machine. It continues while the machine is without power. */
  get wallMs(): number {
    return wallEpochMs + this.#options.timeline.nowMs + this.#wallErrorMs;
  }

  /** Sets the wall clock forward, or back with a negative value. */
  stepWallClock(byMs: number): void {
    this.#wallErrorMs += byMs;
  }

  /** Starts the process. @returns the error when the store does not open; null when the process runs */
  start(): ClusterError | null {
    if (this.isUp) return null;
    this.process += 1;
    const { process } = this;
    let recovered: RecoveredState;
    try {
      recovered = this.disk.open({
        synced: (tokens) =>
          this.#postToProcess(process, (member) => tokens.forEach((token) => member.written(token))),
        refused: (tokens) => {
          this.#options.handlers.diskFull(this);
          this.#postToProcess(process, (member) => tokens.forEach((token) => member.writeRefused(token)));
        },
        failed: () => this.#options.handlers.diskFailed(this),
        pageFailed: (error) => this.#options.handlers.pageFailed(this, error),
      });
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.state = 'dead';
      this.#options.network.changed();
      return error;
    }
    this.#options.handlers.storeOpened(this, recovered);
    const { clock } = this.disk;
    this.#clockRecorder = new ClockRecorder(clock);
    this.#clockCheckedMs = -Infinity;
    if (clock !== null) recovered = { ...recovered, clusterTimeMs: clusterTimeAt(clock, this.wallMs) };
    const random = this.#options.random.fork();
    this.member = this.#options.createMember(this.id, recovered, random.next);
    this.state = 'running';
    this.#inbox = [];
    this.#nextTurnAtMs = Infinity;
    this.#scheduleTurn(0);
    this.#options.network.started(this);
    return null;
  }

  /**
   * Stops the process or cuts the power. Without its process the host still refuses connections; without
   * power the host does not respond.
   */
  stop(what: 'process' | 'power'): void {
    if (this.isUp) {
      this.disk.crash(what === 'power');
      this.pages?.crash(what === 'power');
    }
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

  resume(): void {
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

  /** Queues an input for the next turn of the process. The input is lost when the process is down. */
  post(action: (member: Member) => void): void {
    if (!this.isUp) return;
    this.#inbox.push(action);
    if (this.state === 'running') this.#scheduleTurn(turnMs);
  }

  #postToProcess(process: number, action: (member: Member) => void): void {
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
    const inbox = this.#inbox;
    this.#inbox = [];
    const output = this.#outputOf(member, inbox);
    if (output === null) return;
    this.#nextTurnAtMs = Infinity;
    this.#scheduleTurn(output.more ? moreTurnMs : tickMsMax);
    if (output.write !== null) {
      handlers.storeWrite(this, output.write.change);
      this.disk.write(output.write.token, output.write.change);
    }
    this.#recordClock(member);
    for (const outgoing of output.send) network.send(this.id, outgoing);
    if (output.events.length > 0) handlers.events(this, output.events);
    if (output.effects.length > 0) handlers.effects(this, output.effects);
    // A tick without input or write changes nothing that is checked.
    if (inbox.length > 0 || output.write !== null) handlers.turnEnded(this, member);
  }

  /** Returns the output of a turn, or null when a message page has ended the process: nothing of that turn leaves it. */
  #outputOf(member: Member, inbox: readonly ((member: Member) => void)[]): MemberOutput | null {
    try {
      // A member that was paused must notice the elapsed time before it handles the messages that arrived
      // meanwhile (docs/DESIGN.md, "Elections and timing").
      member.tick(this.clockMs);
      for (const action of inbox) action(member);
      return member.take();
    } catch (error) {
      if (!(error instanceof MessagePageError)) throw error;
      this.#options.handlers.pageFailed(this, error);
      return null;
    }
  }

  #recordClock(member: Member): void {
    const { nowMs } = this.#options.timeline;
    if (nowMs - this.#clockCheckedMs < this.#clockRecorder.checkMs) return;
    this.#clockCheckedMs = nowMs;
    this.disk.clock = this.#clockRecorder.due(member.clusterTimeMs(), this.wallMs) ?? this.disk.clock;
  }
}
