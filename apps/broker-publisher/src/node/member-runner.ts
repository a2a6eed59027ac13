import { StoreFullError } from '@mqtt-cluster/contracts';
import type {
  Bridge,
  ClientEffect,
  ClientInput,
  ClientPort,
  ConnectionId,
  Lifecycle,
  LinkState,
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

/** How often a member at work gets the time. Raising it makes resends and the clients' acks late. */
const tickMs = 40;
/** The same of a leader that only sends heartbeats. Raising it makes them uneven; lowering it costs an idle host. */
const quietTickMs = 150;
/** The same of who only hears them: an election may start this much later. */
const followingTickMs = 250;
const quietAfterMs = 2_000;
/** The same while a link has just changed: an election may be due, and clients wait for it. */
const urgentTickMs = 10;
const urgentForMs = 1_000;

export interface RunnerComponents {
  readonly id: MemberId;
  readonly member: Member;
  readonly store: Pick<Store, 'write'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** `turnMs`: how long the member took for the turn that brought them. */
  readonly onEvents: (events: readonly MemberEvent[], turnMs: number) => void;
  /** The disk is lost: this process must end, its peers have the rest. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * Drives a pure {@link Member} with the clock, the disk and the network. All inputs of one round of the event loop share
 * one turn, so they share a batch, a sync and a frame per peer.
 */
export class MemberRunner implements ClientPort, Lifecycle {
  readonly #components: RunnerComponents;
  #bridge: Pick<Bridge, 'send'> = { send() {} };
  #handler: (effects: readonly ClientEffect[]) => void = () => {};
  #timer: ReturnType<typeof setTimeout> | null = null;
  #urgentUntilMs = 0;
  #busyUntilMs = 0;
  #paceMs = tickMs;
  #leader: MemberId | null = null;
  #scheduled = false;
  #inTurn = false;
  #running = false;
  #lastTurnMs = 0;
  /** Inputs that came out of an effects handler: the member must not be re-entered. */
  #late: (() => void)[] = [];

  constructor(components: RunnerComponents) {
    this.#components = components;
  }

  useBridge(bridge: Pick<Bridge, 'send'>): void {
    this.#bridge = bridge;
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#beat();
  }

  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  onEffects(handler: (effects: readonly ClientEffect[]) => void): void {
    this.#handler = handler;
  }

  status(): MemberStatus {
    return this.#components.member.status();
  }

  // ---- inputs ----

  receive(from: MemberId, message: PeerMessage): void {
    // Answers to the heartbeats of an idle leader have nothing to set off: they wait for its next beat.
    const canWait = isAnswer(message) && this.#components.now() >= this.#busyUntilMs;
    this.#act((member) => member.receive(from, message), canWait);
  }

  link(peer: MemberId, state: LinkState): void {
    this.#urgentUntilMs = this.#components.now() + urgentForMs;
    this.#act((member) => member.link(peer, state));
    if (this.#running) this.#beat();
  }

  input(connection: ConnectionId, input: ClientInput): void {
    this.#act((member) => member.input(connection, input));
  }

  publishLocal(message: Message): void {
    this.#act((member) => member.publishLocal(message));
  }

  /** What an operator, or the appliance itself, asks of the member. */
  operate(act: (member: Member) => void): void {
    this.#act(act);
  }

  /** Reads what the status does not show; must change nothing. */
  look<T>(at: (member: Member) => T): T {
    return at(this.#components.member);
  }

  /** When the last turn was, on the runner's clock, ms: a member that gets no turns does nothing. */
  get lastTurnMs(): number {
    return this.#lastTurnMs;
  }

  // ---- the turn ----

  #act(act: (member: Member) => void, canWait = false): void {
    if (this.#inTurn) {
      this.#late.push(() => act(this.#components.member));
      return;
    }
    // The first input of a round brings the time with it: after a pause nothing is handled before the clock.
    if (!this.#scheduled) this.#components.member.tick(this.#components.now());
    act(this.#components.member);
    if (!canWait) this.#schedule();
  }

  /** The clock's own turns; a change of pace takes effect at once. */
  #beat(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const nowMs = this.#components.now();
    const paceMs = nowMs < this.#urgentUntilMs ? urgentTickMs : this.#calmTickMs(nowMs);
    this.#paceMs = paceMs;
    this.#timer = setTimeout(() => {
      this.#turn();
      if (this.#running) this.#beat();
    }, paceMs);
  }

  #calmTickMs(nowMs: number): number {
    if (nowMs < this.#busyUntilMs || this.#leader === null) return tickMs;
    return this.#leader === this.#components.id ? quietTickMs : followingTickMs;
  }

  #schedule(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    if (!this.#running) return;
    this.#scheduled = false;
    const { member, now, onEvents } = this.#components;
    this.#inTurn = true;
    const nowMs = now();
    // A heartbeat brought the time: who only follows need not wake for it.
    if (this.#paceMs === followingTickMs) this.#timer?.refresh();
    this.#lastTurnMs = nowMs;
    member.tick(nowMs);
    const output = member.take();
    const turnMs = output.events.length > 0 ? now() - nowMs : 0;
    if (isWork(output)) this.#busyUntilMs = nowMs + quietAfterMs;
    if (output.write !== null) void this.#write(output.write.token, output.write.change);
    if (output.send.length > 0) this.#bridge.send(output.send);
    if (output.effects.length > 0) this.#handler(output.effects);
    if (output.events.length > 0) {
      for (const event of output.events) if (event.kind === 'leader') this.#leader = event.leader;
      onEvents(output.events, turnMs);
    }
    this.#inTurn = false;
    // There is work, or no leader any more: from now on every tick counts.
    if (this.#paceMs === followingTickMs && this.#calmTickMs(nowMs) !== followingTickMs) this.#beat();
    const late = this.#late;
    this.#late = [];
    for (const act of late) act();
    if (output.more || late.length > 0) this.#schedule();
  }

  async #write(token: number, change: StoreWrite): Promise<void> {
    try {
      await this.#components.store.write(change);
      this.#act((member) => member.written(token));
    } catch (error) {
      if (error instanceof StoreFullError) this.#act((member) => member.writeRefused(token));
      else this.#components.onFatal(error);
    }
  }
}

function isAnswer(message: PeerMessage): boolean {
  return message.type === 'raft' && message.message.type === 'appendResponse' && message.message.success;
}

/** Anything but heartbeats, greetings and what members tell each other now and then. */
function isWork({ write, effects, send }: MemberOutput): boolean {
  if (write !== null || effects.length > 0) return true;
  return send.some(({ channel, message }) => channel !== 'raft' && message.type !== 'interest');
}
