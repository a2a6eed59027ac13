import type { HelloMessage, MemberId, MemberStatus, ServingState } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Digests } from '../log/digests.ts';
import type { Founding } from './bootstrap.ts';
import type { Peers } from './peers.ts';
import type { Replica } from '../log/replica.ts';

/** What is told of this member besides its log. */
export interface Bearing {
  readonly state: ServingState;
  readonly clients: number;
  /** 0 idle to 1 overloaded. */
  readonly load: number;
  readonly outboxItems: number;
}

/** A load that differs by less is no news. */
const loadStep = 0.1;

/** Who serves has little to tell; newcomers and whoever is in trouble are let in, or out of it, by their greetings. */
const calmHelloFactor = 2.5;

/** Tells the peers who this member is: news at once, the rest now and then. */
export class Greeting {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #replica: Replica;
  readonly #founding: Founding;
  readonly #digests: Digests;
  #lastMs = -Infinity;
  #toldState: ServingState = 'joining';
  #toldNobody = true;
  #toldLoad = 0;
  /** Whether it held acked messages of its own: only who holds none may be removed. */
  #toldOutbox = false;
  #toldDigest: MemberStatus['digest'] = null;

  constructor(
    context: MemberContext,
    parts: { peers: Peers; replica: Replica; founding: Founding; digests: Digests },
  ) {
    this.#context = context;
    this.#peers = parts.peers;
    this.#replica = parts.replica;
    this.#founding = parts.founding;
    this.#digests = parts.digests;
  }

  greet(peer: MemberId, bearing: Bearing): void {
    this.#peers.send(peer, 'raft', this.#hello(bearing));
  }

  /** @returns whether this peer was not known before: it must hear at once that it is now. */
  heard(from: MemberId, hello: HelloMessage): boolean {
    const isNew = !this.#peers.hellos.has(from);
    this.#peers.helloed(from, hello);
    this.#digests.compare(this.#replica.config);
    return isNew;
  }

  /** Once a turn. */
  tell(bearing: Bearing): void {
    const { nowMs, options } = this.#context;
    const nobody = this.#replica.isNobody;
    const digest = this.#digests.latest;
    const news =
      this.#toldState !== bearing.state ||
      this.#toldDigest !== digest ||
      this.#toldNobody !== nobody ||
      this.#toldOutbox !== bearing.outboxItems > 0 ||
      Math.abs(this.#toldLoad - bearing.load) >= loadStep;
    const calm = bearing.state === 'serving' && !nobody;
    if (!news && nowMs - this.#lastMs < options.timings.helloMs * (calm ? calmHelloFactor : 1)) return;
    this.#lastMs = nowMs;
    this.#toldState = bearing.state;
    this.#toldDigest = digest;
    this.#toldNobody = nobody;
    this.#toldLoad = bearing.load;
    this.#toldOutbox = bearing.outboxItems > 0;
    for (const peer of this.#peers.ids) this.greet(peer, bearing);
  }

  #hello(bearing: Bearing): HelloMessage {
    const { recovered, urls } = this.#context.options;
    const fresh = this.#replica.isNobody;
    return {
      type: 'hello',
      storeId: recovered.storeId,
      incarnation: recovered.incarnation,
      sentAtMs: this.#context.nowMs,
      fresh,
      config: this.#replica.config,
      state: bearing.state,
      clients: bearing.clients,
      load: bearing.load,
      urls,
      semantics: this.#context.dialect.semantics,
      appliedIndex: this.#replica.appliedIndex,
      digest: this.#digests.latest,
      outboxItems: bearing.outboxItems,
      known: fresh ? this.#founding.known() : [],
    };
  }
}
