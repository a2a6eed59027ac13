import type {
  Channel,
  ClusterConfig,
  HelloMessage,
  LinkState,
  MemberId,
  Outgoing,
  PeerMessage,
  PeerSummary,
  RelayedMessage,
} from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';

/**
 * Interval after which this member chooses another relay, because the current relay may be unable to reach
 * the peer.
 */
const relayRotationMs = 200;
/**
 * A peer without clients counts as one with clients for this many hello intervals after a proposal: its next hello message,
 * at most two and a half intervals later, reports the clients that the proposal has opened.
 */
const proposalHelloIntervals = 4;

/**
 * The links to the other members, their last hello messages, and the relay through a third member when a link
 * is down.
 */
export class Peers {
  readonly links = new Map<MemberId, LinkState>();
  readonly hellos = new Map<MemberId, HelloMessage>();
  readonly #helloAtMs = new Map<MemberId, number>();
  readonly #receivedAtMs = new Map<MemberId, number>();
  readonly #proposedAtMs = new Map<MemberId, number>();
  readonly #context: MemberContext;
  #outgoing: Outgoing[] = [];
  /** Replaced when a hello message arrives, because each status holds it. */
  #summaries: Readonly<Record<MemberId, PeerSummary>> = {};

  constructor(context: MemberContext) {
    this.#context = context;
    for (const id of context.options.members) if (id !== context.options.id) this.links.set(id, 'down');
  }

  get ids(): Iterable<MemberId> {
    return this.links.keys();
  }

  recordReceived(from: MemberId): void {
    this.#receivedAtMs.set(from, this.#context.nowMs);
  }

  recordProposal(from: MemberId): void {
    this.#proposedAtMs.set(from, this.#context.nowMs);
  }

  /**
   * Returns whether something at the peer may wait for the commit of an entry: a client, an operator, or the peer itself
   * while it is not serving. A peer without clients applies an entry up to one heartbeat later.
   */
  awaitsEntries(peer: MemberId): boolean {
    const hello = this.hellos.get(peer);
    if (hello === undefined || hello.clients > 0 || hello.state !== 'serving') return true;
    const { nowMs, options } = this.#context;
    const sinceProposalMs = nowMs - (this.#proposedAtMs.get(peer) ?? -Infinity);
    return sinceProposalMs < options.timings.helloMs * proposalHelloIntervals;
  }

  recordHello(from: MemberId, hello: HelloMessage): void {
    this.hellos.set(from, hello);
    this.#helloAtMs.set(from, this.#context.nowMs);
    this.#summaries = { ...this.#summaries, [from]: summaryOf(hello) };
  }

  /** Returns the cluster configurations that peers reported after `timeMs`. */
  configsSince(timeMs: number): Map<MemberId, ClusterConfig> {
    const configs = new Map<MemberId, ClusterConfig>();
    for (const [id, { config }] of this.hellos) {
      if (config !== null && (this.#helloAtMs.get(id) ?? -Infinity) > timeMs) configs.set(id, config);
    }
    return configs;
  }

  /**
   * Restarts the timeouts for silent peers after a pause of this process. The peers may have sent messages
   * during the pause.
   */
  resetSilence(): void {
    for (const peer of this.#receivedAtMs.keys()) this.recordReceived(peer);
  }

  /** Returns the milliseconds since the last message from this peer, or Infinity before the first one. */
  silentMs(peer: MemberId): number {
    const receivedAtMs = this.#receivedAtMs.get(peer);
    return receivedAtMs === undefined ? Infinity : this.#context.nowMs - receivedAtMs;
  }

  send(to: MemberId, channel: Channel, message: RelayedMessage): void {
    if (this.links.get(to) === 'up') {
      this.#outgoing.push({ to, channel, message });
      return;
    }
    const relayMember = this.#relayFor(to);
    if (relayMember === null || channel === 'live') return;
    const relay: PeerMessage = { type: 'relay', from: this.#context.options.id, to, channel, message };
    this.#outgoing.push({ to: relayMember, channel, message: relay });
  }

  /** Forwards a relayed message to its receiver. Messages are relayed over one hop only. */
  forward(relay: Extract<PeerMessage, { type: 'relay' }>): void {
    if (this.links.get(relay.to) !== 'up') return;
    this.#outgoing.push({ to: relay.to, channel: relay.channel, message: relay });
  }

  take(): Outgoing[] {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    return outgoing;
  }

  /** Returns what the last hello message of each peer reports about the peer. */
  get summaries(): Readonly<Record<MemberId, PeerSummary>> {
    return this.#summaries;
  }

  #relayFor(to: MemberId): MemberId | null {
    // The peer's host rejects connections, so its process is dead and a relay would not reach it.
    if (this.links.get(to) === 'refused') return null;
    const candidates = [...this.links].filter(([id, link]) => id !== to && link === 'up').map(([id]) => id);
    if (candidates.length === 0) return null;
    const turn = Math.floor(this.#context.nowMs / relayRotationMs);
    return candidates[((turn % candidates.length) + candidates.length) % candidates.length] ?? null;
  }
}

function summaryOf(hello: HelloMessage): PeerSummary {
  const { state, clients, load, appliedIndex, urls, outboxItems, api } = hello;
  return {
    state,
    clients,
    load,
    appliedIndex,
    urls,
    ...(outboxItems !== undefined && { outboxItems }),
    ...(api !== undefined && { api }),
  };
}
