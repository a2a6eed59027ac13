import type { ClientId, Message } from '@mqtt-cluster/contracts';
import { isWithinShare, retainedBytes } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';

/**
 * The retained messages that this home accepts while it is isolated. The cluster retains a message with a degraded
 * acknowledgement beyond its bounds, so the home checks them before the acknowledgement. Other members may be isolated
 * as well, so each takes an equal part of the room, and the clients of this home share it fairly (docs/DESIGN.md, "Fair
 * shares").
 */
export class IsolatedRetained {
  readonly #context: MemberContext;
  /** By topic: bytes of the message that this home has accepted last. */
  readonly #topics = new Map<string, number>();
  readonly #bytesOf = new Map<ClientId, number>();
  #bytes = 0;
  #count = 0;

  constructor(context: MemberContext) {
    this.#context = context;
  }

  /** Drops the counts: the home is not isolated any more, or is isolated again. */
  clear(): void {
    this.#topics.clear();
    this.#bytesOf.clear();
    this.#bytes = this.#count = 0;
  }

  /** Returns whether there is room for the message, and counts it. */
  accept(client: ClientId, message: Message): boolean {
    if (message.payload.length === 0) return true;
    const { state, options } = this.#context;
    const { retainedBytesMax, retainedMax } = state.settings;
    const counts = state.counts();
    const members = options.members.length;
    const known = this.#topics.get(message.topic) ?? this.#retainedBytesOf(message.topic);
    const bytes = retainedBytes(message);
    const added = Math.max(0, bytes - (known ?? 0));
    if (added > 0 || known === null) {
      const held = this.#bytesOf.get(client) ?? 0;
      const room = Math.floor((retainedBytesMax - counts.retainedBytes) / members);
      if (!isWithinShare(held, added, this.#bytes, room)) return false;
      if (known === null && (this.#count + 1) * members > retainedMax - counts.retained) return false;
      this.#bytesOf.set(client, held + added);
    }
    this.#bytes += added;
    if (known === null) this.#count++;
    this.#topics.set(message.topic, Math.max(bytes, known ?? 0));
    return true;
  }

  /** Returns the bytes of the retained message of this topic in the state, or null without one. */
  #retainedBytesOf(topic: string): number | null {
    for (const { message } of this.#context.state.retained(topic)) return retainedBytes(message);
    return null;
  }
}
