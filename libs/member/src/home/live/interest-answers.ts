import { conformanceSemantics } from '@mqtt-cluster/contracts';
import type { InterestAnswerMessage, MemberId } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Peers } from '../../cluster/peers.ts';

/** A SUBACK waits at most this long for the answers of the peers, ms. */
const answerMsMax = 100;
/**
 * A peer that has missed the deadline gets the whole interest if it has not answered for this time, ms. A busy peer
 * answers meanwhile, and a large interest would make it busier.
 */
const lostMsMin = 1_000;

/** A peer that gets the whole interest, unless it has answered the version that it may have missed. */
interface Repeat {
  readonly version: number;
  /** When the whole interest is sent. Infinity: it has been sent. */
  readonly dueMs: number;
}

interface Waiting {
  readonly version: number;
  readonly untilMs: number;
  readonly release: () => void;
}

/**
 * Delays SUBACK until the peers have this member's new interest, so that a QoS 0 message that is published at
 * any member after the SUBACK arrives (P2). A member does not wait for a peer that is unreachable, that has
 * no clients yet, or whose program does not answer. It also does not wait for a peer that has missed the
 * deadline, until that peer answers again.
 */
export class InterestAnswers {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #sendFull: (peer: MemberId) => void;
  readonly #answered = new Map<MemberId, number>();
  /** The peers that have missed a deadline and have not answered since. SUBACK does not wait for them. */
  readonly #silent = new Set<MemberId>();
  /** The repeats that a missed deadline has caused. Only an answer to the missed version, or a newer one, cancels a repeat. */
  readonly #repeats = new Map<MemberId, Repeat>();
  /** In the order of their deadlines. Versions never decrease. */
  #waiting: Waiting[] = [];

  /** @param sendFull sends the whole interest to a peer that may have missed a change */
  constructor(context: MemberContext, peers: Peers, sendFull: (peer: MemberId) => void) {
    this.#context = context;
    this.#peers = peers;
    this.#sendFull = sendFull;
  }

  /** Calls `release` when all reachable peers have the interest of this version, or after the deadline. */
  whenAnswered(version: number, release: () => void): void {
    if (version <= this.#reached()) return release();
    const untilMs = this.#context.nowMs + answerMsMax;
    this.#waiting.push({ version: Math.max(version, this.#waiting.at(-1)?.version ?? 0), untilMs, release });
  }

  /** Returns whether the peer has confirmed that it has this version, or a newer one. */
  hasAnswered(peer: MemberId, version: number): boolean {
    return (this.#answered.get(peer) ?? -1) >= version;
  }

  receive(from: MemberId, { incarnation, version }: InterestAnswerMessage): void {
    if (incarnation !== this.#context.options.recovered.incarnation) return;
    this.#silent.delete(from);
    if (version >= (this.#repeats.get(from)?.version ?? Infinity)) this.#repeats.delete(from);
    if (version <= (this.#answered.get(from) ?? -1)) return;
    this.#answered.set(from, version);
    this.#release();
  }

  /** A peer may restart while the link is down, so its former answers no longer count. */
  linkDown(peer: MemberId): void {
    this.#silent.delete(peer);
    this.#repeats.delete(peer);
    this.restarted(peer);
  }

  /** The process of the peer is new, so it has none of the interest that the former one has answered. */
  restarted(peer: MemberId): void {
    this.#answered.delete(peer);
    this.#release();
  }

  /** Ends the waits whose deadline has passed. Called once a turn. */
  flush(): void {
    const { nowMs } = this.#context;
    for (const [peer, { version, dueMs }] of this.#repeats) {
      if (dueMs > nowMs) continue;
      this.#repeats.set(peer, { version, dueMs: Infinity });
      this.#sendFull(peer);
    }
    const missed = this.#newestDue(nowMs);
    if (missed !== null) {
      for (const peer of this.#peers.ids)
        if (this.#awaits(peer) && this.#answerOf(peer) < missed) this.#onMissed(peer, missed);
    }
    this.#release();
  }

  #onMissed(peer: MemberId, version: number): void {
    this.#silent.add(peer);
    const dueMs = this.#repeats.get(peer)?.dueMs ?? Infinity;
    this.#repeats.set(peer, { version, dueMs: Math.min(dueMs, this.#context.nowMs + lostMsMin) });
  }

  /** Returns the newest version whose deadline has passed, or null. */
  #newestDue(nowMs: number): number | null {
    let newest: number | null = null;
    for (const { version, untilMs } of this.#waiting) {
      if (untilMs > nowMs) break;
      newest = version;
    }
    return newest;
  }

  #release(): void {
    if (this.#waiting.length === 0) return;
    const reached = this.#reached();
    const { nowMs } = this.#context;
    const isDone = ({ version, untilMs }: Waiting): boolean => version <= reached || untilMs <= nowMs;
    let count = 0;
    while (count < this.#waiting.length && isDone(this.#waiting[count]!)) count++;
    for (const { release } of this.#waiting.splice(0, count)) release();
  }

  /** Returns the newest version that all awaited peers have answered. */
  #reached(): number {
    let reached = Infinity;
    for (const peer of this.#peers.ids)
      if (this.#awaits(peer)) reached = Math.min(reached, this.#answerOf(peer));
    return reached;
  }

  #answerOf(peer: MemberId): number {
    return this.#answered.get(peer) ?? 0;
  }

  #awaits(peer: MemberId): boolean {
    if (this.#peers.links.get(peer) !== 'up' || this.#silent.has(peer)) return false;
    const hello = this.#peers.hellos.get(peer);
    return hello !== undefined && hello.semantics >= conformanceSemantics && hello.state !== 'joining';
  }
}
