import type { ConnectRequest, Message, Subscription } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Connection } from './connections/connection.ts';

/**
 * Finds the large wills, retained messages and filters that the bounds of the state refuse now, so that the home can refuse
 * them without the log. Otherwise all members would replicate and store them only to refuse them: a client at its bound
 * could fill the log with them, and each full log makes every member write the whole state to its disk.
 *
 * The log alone decides about small ones, and about all others. So a client can be refused although a command that is not
 * applied yet makes room, but never for a command of its own connection.
 */
export class EarlyRefusals {
  readonly #context: MemberContext;

  constructor(context: MemberContext) {
    this.#context = context;
  }

  isLarge(bytes: number): boolean {
    return bytes > this.#context.options.limits.largeCommandBytes;
  }

  refusesWill({ client, will, access }: ConnectRequest): boolean {
    if (will === undefined || !this.isLarge(will.payload.length) || !this.#context.hasMajority) return false;
    return this.#context.state.willExceedsBounds(client, will, access?.user ?? null);
  }

  /** A publish of the connection that clears a topic, or that sets a small message, can make room. */
  refusesRetained({ unappliedSmallRetained }: Connection, message: Message): boolean {
    if (!message.retain || !this.isLarge(message.payload.length) || !this.#context.hasMajority) return false;
    return unappliedSmallRetained === 0 && this.#context.state.retainedExceedsBounds(message);
  }

  /** Returns which of the replicated subscriptions of one SUBSCRIBE packet the bounds refuse. */
  refusedFilters(
    { client, unappliedUnsubscribes }: Connection,
    subscriptions: readonly Subscription[],
  ): ReadonlySet<Subscription> {
    const bytes = subscriptions.reduce((sum, { filter }) => sum + filter.length, 0);
    const mayRefuse = this.isLarge(bytes) && unappliedUnsubscribes === 0 && this.#context.hasMajority;
    const { state } = this.#context;
    return new Set(
      mayRefuse
        ? subscriptions.filter((subscription) => state.filterExceedsBounds(client, subscription))
        : [],
    );
  }
}
