import type {
  ClientEffect,
  ClientInput,
  ClientPort,
  ConnectionId,
  Member,
  MemberStatus,
  Message,
  RecoveredState,
} from '@mqtt-cluster/contracts';
// The lint rule forbids the broker to depend on libs/member. This test runs both together.
// eslint-disable-next-line @nx/enforce-module-boundaries
import { createMember, defaultLimits, lanMemberTimings } from '@mqtt-cluster/member';

const tickMs = 5;

/**
 * A member of libs/member that is the only member of its cluster. Its store is in memory, and a test can
 * suspend the writes.
 */
export class MemberClientPort implements ClientPort {
  readonly #member: Member;
  #handler: (effects: readonly ClientEffect[]) => void = () => undefined;
  #turn: NodeJS.Immediate | null = null;
  #timer: NodeJS.Timeout | null = null;
  #nowMs = 0;
  #suspendedTokens: number[] | null = null;

  constructor() {
    let seed = 7;
    this.#member = createMember({
      id: 'member-1',
      members: ['member-1'],
      urls: ['mqtt://member-1'],
      recovered: emptyStore,
      whenIsolated: 'hold',
      timings: lanMemberTimings,
      limits: defaultLimits,
      random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647,
    });
  }

  /** Runs in virtual time until the member serves clients, and in real time afterwards. */
  start(): void {
    while (this.#member.status().state !== 'serving') {
      this.#nowMs += tickMs;
      if (this.#nowMs > 60_000) throw new Error('the member does not serve clients after 60 s');
      this.#run();
    }
    const offset = this.#nowMs - performance.now();
    this.#timer = setInterval(() => {
      this.#nowMs = performance.now() + offset;
      this.#run();
    }, tickMs);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    if (this.#turn) clearImmediate(this.#turn);
  }

  suspend(): void {
    this.#suspendedTokens = [];
  }

  resume(): void {
    for (const token of this.#suspendedTokens ?? []) this.#member.written(token);
    this.#suspendedTokens = null;
    this.#schedule();
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = null;
      this.#run();
    });
  }

  #run(): void {
    this.#member.tick(this.#nowMs);
    for (let busy = true; busy;) {
      const output = this.#member.take();
      if (output.write) {
        if (this.#suspendedTokens) this.#suspendedTokens.push(output.write.token);
        else this.#member.written(output.write.token);
      }
      if (output.effects.length > 0) this.#handler(output.effects);
      busy = output.write !== null && this.#suspendedTokens === null;
    }
  }

  onEffects(handler: (effects: readonly ClientEffect[]) => void): void {
    this.#handler = handler;
  }

  input(connection: ConnectionId, input: ClientInput): void {
    this.#member.input(connection, input);
    this.#schedule();
  }

  publishLocal(message: Message): void {
    this.#member.publishLocal(message);
    this.#schedule();
  }

  status(): MemberStatus {
    return this.#member.status();
  }
}

const emptyStore: RecoveredState = {
  storeId: '0'.repeat(32),
  incarnation: 1,
  fresh: true,
  hardState: { term: 0, votedFor: null },
  snapshot: null,
  entries: [],
  outbox: [],
  repairs: [],
};
