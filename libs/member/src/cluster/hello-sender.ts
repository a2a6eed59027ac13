import type { HelloMessage, MemberId, MemberStatus, ServingState } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Digests } from '../log/digests.ts';
import type { Bootstrap } from './bootstrap.ts';
import type { Peers } from './peers.ts';
import type { Replica } from '../log/replica.ts';

/** The part of a member's status that its hello messages report. */
export interface PeerStatus {
  readonly state: ServingState;
  readonly clients: number;
  /** Load of the member: 0 (idle) to 1 (overloaded). */
  readonly load: number;
  readonly outboxItems: number;
}

/** Smallest change of the member's load that causes a hello message. */
const loadStep = 0.1;

/**
 * Factor by which the hello interval of a serving member is longer. Joining and isolated members send hello
 * messages more often, because their status changes soon.
 */
const servingHelloFactor = 2.5;

/** Sends hello messages to the peers: at once when this member's status changes, otherwise at intervals. */
export class HelloSender {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #replica: Replica;
  readonly #bootstrap: Bootstrap;
  readonly #digests: Digests;
  #lastMs = -Infinity;
  #sentState: ServingState = 'joining';
  #sentUnconfigured = true;
  #sentLoad = 0;
  /**
   * True when the outbox contained messages when this member sent its last hello message. The leader removes
   * only members with an empty outbox.
   */
  #sentOutbox = false;
  #sentDigest: MemberStatus['digest'] = null;
  /** True when this member was draining and had no clients. The leader removes only such members. */
  #sentDrained = false;
  #sentConfigIndex = 0;

  constructor(
    context: MemberContext,
    parts: { peers: Peers; replica: Replica; bootstrap: Bootstrap; digests: Digests },
  ) {
    this.#context = context;
    this.#peers = parts.peers;
    this.#replica = parts.replica;
    this.#bootstrap = parts.bootstrap;
    this.#digests = parts.digests;
  }

  send(peer: MemberId, status: PeerStatus): void {
    this.#peers.send(peer, 'raft', this.#hello(status));
  }

  /** @returns true for the first hello message of a peer: this member must answer at once */
  receive(from: MemberId, hello: HelloMessage): boolean {
    const isNew = !this.#peers.hellos.has(from);
    this.#peers.recordHello(from, hello);
    this.#digests.compare(this.#replica.config);
    return isNew;
  }

  /** Sends the status to all peers when it has changed or the interval is over. Called once a turn. */
  sendIfDue(status: PeerStatus): void {
    const { nowMs, options } = this.#context;
    const unconfigured = this.#replica.isUnconfigured;
    const digest = this.#digests.latest;
    const hasDrained = status.state === 'draining' && status.clients === 0;
    // The leader waits until a peer reports that it has applied a change of the members.
    const configIndex = this.#replica.appliedConfig?.index ?? 0;
    const changed =
      this.#sentState !== status.state ||
      this.#sentDigest !== digest ||
      this.#sentUnconfigured !== unconfigured ||
      this.#sentOutbox !== status.outboxItems > 0 ||
      this.#sentDrained !== hasDrained ||
      this.#sentConfigIndex !== configIndex ||
      Math.abs(this.#sentLoad - status.load) >= loadStep;
    const settled = status.state === 'serving' && !unconfigured;
    if (!changed && nowMs - this.#lastMs < options.timings.helloMs * (settled ? servingHelloFactor : 1))
      return;
    this.#lastMs = nowMs;
    this.#sentState = status.state;
    this.#sentDigest = digest;
    this.#sentUnconfigured = unconfigured;
    this.#sentLoad = status.load;
    this.#sentOutbox = status.outboxItems > 0;
    this.#sentDrained = hasDrained;
    this.#sentConfigIndex = configIndex;
    const hello = this.#hello(status);
    for (const peer of this.#peers.ids) this.#peers.send(peer, 'raft', hello);
  }

  #hello(status: PeerStatus): HelloMessage {
    const { recovered, urls, api } = this.#context.options;
    const fresh = this.#replica.isUnconfigured;
    const { wallTimeMs } = this.#context.clock;
    return {
      type: 'hello',
      storeId: recovered.storeId,
      incarnation: recovered.incarnation,
      sentAtMs: this.#context.nowMs,
      fresh,
      config: this.#replica.config,
      state: status.state,
      clients: status.clients,
      load: status.load,
      urls,
      semantics: this.#context.semantics.version,
      appliedIndex: this.#replica.appliedIndex,
      digest: this.#digests.latest,
      outboxItems: status.outboxItems,
      known: fresh ? this.#bootstrap.known() : [],
      ...(wallTimeMs === null ? {} : { wallTimeMs }),
      ...(api === undefined ? {} : { api }),
    };
  }
}
