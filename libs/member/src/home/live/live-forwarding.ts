import type { DirectMessage, InterestMessage, MemberId, Message } from '@mqtt-cluster/contracts';
import { SubscriptionTrie } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import type { Peers } from '../../cluster/peers.ts';
import { LiveMessageAges } from './live-message-ages.ts';
import type { Router } from '../router.ts';

/** Upper bound of the QoS 0 messages for one peer in one turn. Further messages are dropped and counted. */
const liveMessagesPerTurnMax = 10_000;

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
  readonly #interest = new SubscriptionTrie<MemberId>();
  readonly #peerFilters = new Map<MemberId, Set<string>>();
  /** Peers whose link is up and that have announced all their filters since it came up. */
  readonly #known = new Set<MemberId>();
  readonly #waiting = new Map<MemberId, Waiting>();
  readonly ages = new LiveMessageAges();
  #version = 0;
  #dropped = 0;
  #lastFullMs: number;

  constructor(context: MemberContext, peers: Peers, router: Router) {
    this.#context = context;
    this.#peers = peers;
    this.#router = router;
    this.#lastFullMs = context.nowMs;
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
    return this.#interest.matches(topic).length > 0;
  }

  direct(peer: MemberId, message: DirectMessage): void {
    const { direct } = this.#waitingFor(peer);
    if (direct.length < liveMessagesPerTurnMax) direct.push(message);
    else this.#dropped++;
  }

  onInterest(from: MemberId, interest: InterestMessage): void {
    let filters = this.#peerFilters.get(from);
    if (filters === undefined) this.#peerFilters.set(from, (filters = new Set()));
    if (interest.full) {
      this.#known.add(from);
      const now = new Set(interest.add);
      for (const filter of filters) if (!now.has(filter)) this.#remove(from, filters, filter);
    }
    for (const filter of interest.remove) this.#remove(from, filters, filter);
    for (const filter of interest.add) {
      if (filters.has(filter)) continue;
      filters.add(filter);
      this.#interest.add(filter, from, from);
    }
  }

  linkUp(peer: MemberId): void {
    this.#sendFull(peer);
  }

  /**
   * Drops the waiting messages but keeps the peer's interest: if only one direction failed, the peer does not
   * announce it again.
   */
  linkDown(peer: MemberId): void {
    this.#waiting.delete(peer);
    this.#known.delete(peer);
  }

  /** Counts live messages that arrived too late. */
  countDropped(count: number): void {
    this.#dropped += count;
  }

  /** Sends changed interest, then the waiting messages. Called once a turn. */
  flush(): void {
    const { nowMs, options } = this.#context;
    const changes = this.#router.takeChanges();
    if (changes !== null) {
      const version = ++this.#version;
      for (const peer of this.#peers.ids) {
        this.#peers.send(peer, 'log', { type: 'interest', full: false, version, ...changes });
      }
    }
    if (nowMs - this.#lastFullMs >= options.timings.interestMs) {
      this.#lastFullMs = nowMs;
      for (const peer of this.#peers.ids) this.#sendFull(peer);
    }
    const { storeId, incarnation } = options.recovered;
    for (const [peer, { messages, direct }] of this.#waiting) {
      const run = { storeId, incarnation, sentAtMs: nowMs };
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

  #waitingFor(peer: MemberId): Waiting {
    let waiting = this.#waiting.get(peer);
    if (waiting === undefined) this.#waiting.set(peer, (waiting = { messages: [], direct: [] }));
    return waiting;
  }

  #sendFull(peer: MemberId): void {
    const add = [...this.#router.filters];
    this.#peers.send(peer, 'log', { type: 'interest', full: true, version: this.#version, add, remove: [] });
  }

  #remove(from: MemberId, filters: Set<string>, filter: string): void {
    if (filters.delete(filter)) this.#interest.remove(filter, from);
  }
}
