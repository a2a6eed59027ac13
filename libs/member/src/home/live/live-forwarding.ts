import type {
  DirectMessage,
  HelloMessage,
  InterestMessage,
  MemberId,
  Message,
} from '@mqtt-cluster/contracts';
import { conformanceSemantics } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Peers } from '../../cluster/peers.ts';
import { InterestAnswers } from './interest-answers.ts';
import { LiveMessageAges } from './live-message-ages.ts';
import { PeerInterest } from './peer-interest.ts';
import type { Router } from '../router.ts';

/** Upper bound of the QoS 0 messages for one peer in one turn. Further messages are dropped and counted. */
const liveMessagesPerTurnMax = 10_000;
/**
 * A peer replies to the whole interest of this member within this many intervals of the checks, and this member does not
 * reply again. The factor exceeds 1, because the peer replies at its next check.
 */
const replyIntervalFactor = 1.5;
/**
 * When a connection has failed, both links come up within this time, ms, and each member sends its whole interest. These
 * count as replies to each other.
 */
const linksUpMsMax = 1_000;

interface Waiting {
  readonly messages: Message[];
  readonly direct: DirectMessage[];
}

/**
 * Forwards QoS 0 messages between members. Each member announces the filters of its clients and gets only
 * matching messages.
 */
export class LiveForwarding {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #router: Router;
  readonly #interest = new PeerInterest();
  /** Peers whose link is up and that have announced all their filters since it came up. */
  readonly #known = new Set<MemberId>();
  readonly #waiting = new Map<MemberId, Waiting>();
  readonly ages = new LiveMessageAges();
  readonly answers: InterestAnswers;
  #dropped = 0;
  /** When this member last checked that its peers have its interest, and the version at that time. */
  #checked: { atMs: number; version: number };
  /** Until when the next whole interest of each peer counts as its reply to that of this member. */
  readonly #replyUntilMs = new Map<MemberId, number>();
  /** Peers that get the whole interest at the next check, although they have answered it, and since when. */
  readonly #outdatedMs = new Map<MemberId, number>();

  constructor(context: MemberContext, peers: Peers, router: Router) {
    this.#context = context;
    this.#peers = peers;
    this.#router = router;
    this.#checked = { atMs: context.nowMs, version: 0 };
    this.answers = new InterestAnswers(context, peers, (peer) => this.#repeatFull(peer));
  }

  /** True when the next turn has messages or changed interest to send. */
  get hasUnsent(): boolean {
    return this.#waiting.size > 0 || this.#router.hasChanges;
  }

  forward(message: Message): void {
    let last: Set<MemberId> | undefined;
    this.#interest.match(message.topic, (peer) => {
      if (last?.has(peer)) return;
      (last ??= new Set()).add(peer);
      const { messages } = this.#waitingFor(peer);
      if (messages.length < liveMessagesPerTurnMax) messages.push(message);
      else this.#dropped++;
    });
  }

  /**
   * Returns false only if no client of any peer can have a matching subscription: all links are up, all peers have
   * announced their filters, and no filter matches.
   */
  mayMatch(topic: string): boolean {
    for (const [peer, link] of this.#peers.links) if (link !== 'up' || !this.#known.has(peer)) return true;
    return this.#interest.matches(topic);
  }

  direct(peer: MemberId, message: DirectMessage): void {
    const { direct } = this.#waitingFor(peer);
    if (direct.length < liveMessagesPerTurnMax) direct.push(message);
    else this.#dropped++;
  }

  onInterest(from: MemberId, interest: InterestMessage): void {
    if (interest.full) this.#onFullInterest(from);
    if (!this.#interest.receive(from, interest)) return;
    const { incarnation = 0, version } = interest;
    const hello = this.#peers.hellos.get(from);
    // An older program refuses every frame that contains a message of an unknown type. It may be the relay while
    // the link is down, and the peer then does not wait for an answer.
    const understands = hello === undefined || hello.semantics >= conformanceSemantics;
    if (understands && this.#peers.links.get(from) === 'up')
      this.#peers.send(from, 'log', { type: 'interestAnswer', incarnation, version });
  }

  /** Called before the hello message is recorded. */
  onHello(from: MemberId, { storeId, incarnation }: HelloMessage): void {
    const former = this.#peers.hellos.get(from);
    if (former === undefined || (former.storeId === storeId && former.incarnation === incarnation)) return;
    this.answers.restarted(from);
  }

  linkUp(peer: MemberId): void {
    const { nowMs } = this.#context;
    if (nowMs - (this.#outdatedMs.get(peer) ?? -Infinity) <= linksUpMsMax) this.#outdatedMs.delete(peer);
    this.#sendFull(peer, linksUpMsMax);
  }

  /**
   * Drops the waiting messages but keeps the peer's interest: if only one direction failed, the peer does not
   * announce it again.
   */
  linkDown(peer: MemberId): void {
    this.#waiting.delete(peer);
    this.#known.delete(peer);
    this.answers.linkDown(peer);
  }

  /** Counts live messages that arrived too late. */
  countDropped(count: number): void {
    this.#dropped += count;
  }

  /** Sends changed interest, then the waiting messages. Called once a turn. */
  flush(): void {
    const { nowMs, options, state } = this.#context;
    const { storeId, incarnation } = options.recovered;
    const changes = this.#router.takeChanges();
    if (changes !== null) {
      const interest = { type: 'interest', storeId, incarnation, full: false, ...changes } as const;
      for (const peer of this.#peers.ids) this.#peers.send(peer, 'log', interest);
    }
    this.answers.flush();
    if (nowMs - this.#checked.atMs >= options.timings.interestMs) this.#checkPeers();
    for (const [peer, { messages, direct }] of this.#waiting) {
      const run = { storeId, incarnation, sentAtMs: nowMs, appliedIndex: state.index };
      this.#peers.send(peer, 'live', { type: 'live', ...run, messages, direct });
    }
    this.#waiting.clear();
    if (this.#dropped > 0) {
      this.#context.events.push({
        kind: 'dropped',
        reason: 'slowBridge',
        count: this.#dropped,
        counts: true,
      });
      this.#dropped = 0;
    }
  }

  /**
   * Sends the whole interest to the peers that have not answered the version of the last check: a change may have
   * been lost. The other peers have it, and large filters would take long to send, receive and compare. A peer whose
   * interest this member lacks also gets it: the peer then replies with its own.
   */
  #checkPeers(): void {
    const { version } = this.#checked;
    this.#checked = { atMs: this.#context.nowMs, version: this.#router.version };
    for (const peer of this.#peers.ids) {
      const isLacking = this.#peers.links.get(peer) === 'up' && !this.#known.has(peer);
      if (isLacking || this.#outdatedMs.has(peer) || !this.answers.hasAnswered(peer, version))
        this.#repeatFull(peer);
    }
  }

  /**
   * A peer sends its whole interest when its link to this member has failed. It then awaits the whole interest of
   * this member as well, although the link in the other direction may have stayed up. The peer may reply with its
   * own whole interest once more. That one gets no reply, so the exchange ends.
   */
  #onFullInterest(from: MemberId): void {
    this.#known.add(from);
    const { nowMs } = this.#context;
    const isReply = nowMs <= (this.#replyUntilMs.get(from) ?? -Infinity);
    this.#replyUntilMs.delete(from);
    if (!isReply) this.#outdatedMs.set(from, nowMs);
  }

  #waitingFor(peer: MemberId): Waiting {
    let waiting = this.#waiting.get(peer);
    if (waiting === undefined) this.#waiting.set(peer, (waiting = { messages: [], direct: [] }));
    return waiting;
  }

  #repeatFull(peer: MemberId): void {
    this.#outdatedMs.delete(peer);
    this.#sendFull(peer, replyIntervalFactor * this.#context.options.timings.interestMs);
  }

  #sendFull(peer: MemberId, replyMsMax: number): void {
    const { storeId, incarnation } = this.#context.options.recovered;
    const { version } = this.#router;
    const filters = this.#router.filters();
    const run = { storeId, incarnation, version };
    this.#replyUntilMs.set(peer, this.#context.nowMs + replyMsMax);
    this.#peers.send(peer, 'log', { type: 'interest', ...run, full: true, add: [...filters], remove: [] });
  }
}
