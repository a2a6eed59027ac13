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

/** The parts of the status whose change this member reports at once. Each one is compared by identity. */
interface Facts {
  readonly state: ServingState;
  readonly isUnconfigured: boolean;
  readonly digest: MemberStatus['digest'];
  /** The outbox contains messages. The leader removes only members with an empty outbox. */
  readonly hasOutbox: boolean;
  /** The member drains and has no clients. The leader removes only such members. */
  readonly hasDrained: boolean;
  /** The leader waits until a peer reports that it has applied a change of the members. */
  readonly configIndex: number;
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
  /** The facts of the last hello message to all peers; null before the first one. */
  #sent: Facts | null = null;
  #sentLoad = 0;

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
    const facts = this.#facts(status);
    const changed = differ(facts, this.#sent) || Math.abs(this.#sentLoad - status.load) >= loadStep;
    const settled = facts.state === 'serving' && !facts.isUnconfigured;
    if (!changed && nowMs - this.#lastMs < options.timings.helloMs * (settled ? servingHelloFactor : 1))
      return;
    this.#lastMs = nowMs;
    this.#sent = facts;
    this.#sentLoad = status.load;
    const hello = this.#hello(status);
    for (const peer of this.#peers.ids) this.#peers.send(peer, 'raft', hello);
  }

  #facts({ state, clients, outboxItems }: PeerStatus): Facts {
    return {
      state,
      isUnconfigured: this.#replica.isUnconfigured,
      digest: this.#digests.latest,
      hasOutbox: outboxItems > 0,
      hasDrained: state === 'draining' && clients === 0,
      configIndex: this.#replica.appliedConfig?.index ?? 0,
    };
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

function differ(facts: Facts, sent: Facts | null): boolean {
  if (sent === null) return true;
  for (const name of Object.keys(facts) as (keyof Facts)[]) if (facts[name] !== sent[name]) return true;
  return false;
}
