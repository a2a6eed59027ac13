import { MessagePageError, StoreFullError } from '@mqtt-cluster/contracts';
import type {
  Bridge,
  ClientEffect,
  ClientInput,
  ClientPort,
  ConnectionId,
  Lifecycle,
  LinkState,
  LogIndex,
  Member,
  MemberEvent,
  MemberId,
  MemberOutput,
  MemberStatus,
  Message,
  PeerMessage,
  Store,
  StoreWrite,
} from '@mqtt-cluster/contracts';

/** Tick interval of a busy member. A longer interval delays retransmissions and acknowledgements. */
const busyTickMs = 40;
/**
 * Longest time without a tick. An idle member ticks when a round of heartbeats or an election is due. The heartbeats of
 * the leader postpone the election of a follower, so it has no tick at all while they arrive. The time must stay well
 * below the second after which a member counts as paused.
 */
const idleTickMsMax = 400;
/** Time without work after which a member is idle. */
const idleAfterMs = 2_000;
/** Tick interval after a link has changed: an election may be due, and clients wait for its result. */
const urgentTickMs = 10;
const urgentForMs = 1_000;
/** Age of the member's time from which the next input of the same iteration gets a new one. */
const staleMs = 10;

export interface MemberRunnerComponents {
  readonly id: MemberId;
  readonly member: Member;
  readonly store: Pick<Store, 'write'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** `turnMs`: duration of the turn that emitted the events. */
  readonly onEvents: (events: readonly MemberEvent[], turnMs: number) => void;
  /** Called when the disk has failed: this process must exit. The peers have the replicated state. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * Connects a pure {@link Member} to the clock, the disk and the network. All inputs of one iteration of the
 * event loop share one turn, so they share a batch, a sync and a frame per peer.
 */
export class MemberRunner implements ClientPort, Lifecycle {
  readonly #components: MemberRunnerComponents;
  #bridge: Pick<Bridge, 'send'> = { send() {} };
  #handler: (effects: readonly ClientEffect[]) => void = () => {};
  #timer: ReturnType<typeof setTimeout> | null = null;
  #urgentUntilMs = 0;
  #busyUntilMs = 0;
  #timerMs = 0;
  /** True if the next tick is that of an idle member. */
  #isTimerIdle = false;
  #leader: MemberId | null = null;
  #turnScheduled = false;
  #inTurn = false;
  #running = false;
  #lastTurnMs = 0;
  /** The time that the member has, ms. */
  #tickMs = -Infinity;
  /** The status since the last input or turn. Several components read it once a second. */
  #status: MemberStatus | null = null;
  /**
   * The newest entry that this member has sent as a leader. After a truncation it is too high, and no acknowledgement
   * waits.
   */
  #sentEntry: LogIndex = 0;
  /** Number of turns since the start, by cause. */
  readonly turns = { input: 0, timer: 0 };
  /**
   * Inputs that arrive during a turn, from an effects handler. These inputs wait for the end of the turn, because
   * the member is not re-entrant.
   */
  #deferred: (() => void)[] = [];

  constructor(components: MemberRunnerComponents) {
    this.#components = components;
  }

  attachBridge(bridge: Pick<Bridge, 'send'>): void {
    this.#bridge = bridge;
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#startTimer();
  }

  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  onEffects(handler: (effects: readonly ClientEffect[]) => void): void {
    this.#handler = handler;
  }

  status(): MemberStatus {
    this.#status ??= this.#components.member.status();
    return this.#status;
  }

  // ---- inputs ----

  receive(from: MemberId, message: PeerMessage): void {
    this.#input((member) => member.receive(from, message), this.#canWait(message));
  }

  link(peer: MemberId, state: LinkState): void {
    this.#urgentUntilMs = this.#components.now() + urgentForMs;
    this.#input((member) => member.link(peer, state));
    if (this.#running) this.#startTimer();
  }

  input(connection: ConnectionId, input: ClientInput): void {
    // SUBACK may wait for peers, and its deadline needs the ticks of a busy member.
    if (input.kind === 'subscribe') this.#busyUntilMs = this.#components.now() + idleAfterMs;
    this.#input((member) => member.input(connection, input));
  }

  publishLocal(message: Message): void {
    this.#input((member) => member.publishLocal(message));
  }

  /** Calls the member with a request of an operator or of the appliance itself, as an input of the turn. */
  callMember(call: (member: Member) => void): void {
    this.#input(call);
  }

  /** Calls the member without a turn: the output may wait for the next one. */
  adjustMember(call: (member: Member) => void): void {
    this.#input(call, true);
  }

  /**
   * Reads state of the member that the status does not contain. `read` must not change the member. A message that cannot be read
   * ends the process, as in a turn.
   */
  readMember<T>(read: (member: Member) => T): T {
    try {
      return read(this.#components.member);
    } catch (error) {
      if (error instanceof MessagePageError) this.#components.onFatal(error);
      throw error;
    }
  }

  /** Time of the last turn on the runner's clock, ms. A member that gets no turns hangs. */
  get lastTurnMs(): number {
    return this.#lastTurnMs;
  }

  // ---- the turn ----

  /**
   * Returns whether the output that a message causes may wait for the next turn or tick. An acknowledgement of the newest
   * entry commits nothing if that entry is committed, and its sender lacks nothing. In a cluster of seven the leader
   * commits with the third acknowledgement, and three more arrive. The answers to the heartbeats of an idle leader cause
   * no output either.
   */
  #canWait(message: PeerMessage): boolean {
    if (message.type !== 'raft' || message.message.type !== 'appendResponse' || !message.message.success) {
      return false;
    }
    const { matchIndex } = message.message;
    const { now, member } = this.#components;
    return (
      (matchIndex >= this.#sentEntry && matchIndex <= member.commitIndex()) || now() >= this.#busyUntilMs
    );
  }

  #input(call: (member: Member) => void, canWait = false): void {
    this.#status = null;
    if (this.#inTurn) {
      this.#deferred.push(() => this.#input(call, canWait));
      return;
    }
    // The member gets the current time before the first input of an iteration, and before a later one if the process was
    // paused in between. With an old time, a message that was sent during the pause would seem to come from the future.
    const nowMs = this.#components.now();
    if (!this.#turnScheduled || nowMs - this.#tickMs >= staleMs) this.#tick(nowMs);
    call(this.#components.member);
    if (!canWait) this.#scheduleTurn();
  }

  #tick(nowMs: number): void {
    this.#tickMs = nowMs;
    this.#components.member.tick(nowMs);
  }

  /** Starts the timer of the next tick. A new interval takes effect at once. */
  #startTimer(): void {
    const { member, now } = this.#components;
    const nowMs = now();
    const isUrgent = nowMs < this.#urgentUntilMs;
    this.#isTimerIdle = !isUrgent && nowMs >= this.#busyUntilMs && this.#leader !== null;
    let intervalMs = isUrgent ? urgentTickMs : busyTickMs;
    if (this.#isTimerIdle) {
      // A timer of Node can end up to a millisecond early, and the member would then need another tick.
      const waitMs = Math.ceil(member.nextTickMs() - nowMs) + 1;
      intervalMs = Math.min(idleTickMsMax, Math.max(urgentTickMs, waitMs));
    }
    if (this.#timer !== null && intervalMs === this.#timerMs) {
      this.#timer.refresh();
      return;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerMs = intervalMs;
    this.#timer = setTimeout(() => {
      this.turns.timer++;
      this.#turn();
      if (this.#running) this.#startTimer();
    }, intervalMs);
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled || !this.#running) return;
    this.#turnScheduled = true;
    setImmediate(() => {
      this.turns.input++;
      this.#turn();
      // The turn has changed when an idle member needs its next tick, or the member is no longer idle.
      if (this.#running && this.#isTimerIdle) this.#startTimer();
    });
  }

  #turn(): void {
    if (!this.#running) return;
    this.#turnScheduled = false;
    this.#status = null;
    const { member, now, onEvents } = this.#components;
    this.#inTurn = true;
    const nowMs = now();
    this.#lastTurnMs = nowMs;
    this.#tick(nowMs);
    const output = member.take();
    const turnMs = output.events.length > 0 ? now() - nowMs : 0;
    if (isWork(output)) this.#busyUntilMs = nowMs + idleAfterMs;
    if (output.write !== null) void this.#write(output.write.token, output.write.change);
    if (output.send.length > 0) {
      this.#sentEntry = Math.max(this.#sentEntry, newestEntry(output.send));
      this.#bridge.send(output.send);
    }
    if (output.effects.length > 0) this.#handler(output.effects);
    if (output.events.length > 0) {
      for (const event of output.events) if (event.kind === 'leader') this.#leader = event.leader;
      onEvents(output.events, turnMs);
    }
    this.#inTurn = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const input of deferred) input();
    this.#status = null;
    if (output.more) this.#scheduleTurn();
  }

  async #write(token: number, change: StoreWrite): Promise<void> {
    try {
      await this.#components.store.write(change);
      this.#input((member) => member.written(token));
    } catch (error) {
      if (error instanceof StoreFullError) this.#input((member) => member.writeRefused(token));
      else this.#components.onFatal(error);
    }
  }
}

/** Returns the index of the newest entry in the appends of a turn, or 0. */
function newestEntry(send: MemberOutput['send']): LogIndex {
  let newest = 0;
  for (const { message } of send) {
    if (message.type !== 'raft' || message.message.type !== 'appendRequest') continue;
    newest = Math.max(newest, message.message.entries.at(-1)?.index ?? 0);
  }
  return newest;
}

/** True for any output except heartbeats, hello messages and periodic announcements. */
function isWork({ write, effects, send }: MemberOutput): boolean {
  if (write !== null || effects.length > 0) return true;
  return send.some(({ channel, message }) => channel !== 'raft' && message.type !== 'interest');
}
