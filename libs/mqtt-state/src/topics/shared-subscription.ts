import type { ClientId, QoS, Subscription } from '@mqtt-cluster/contracts';
import type { Session } from '../session/session.ts';

/** The counter starts again here, long before it could lose precision. */
const cursorEnd = 2 ** 31;

export interface Choice {
  readonly session: Session;
  readonly subscription: Subscription;
}

/** The sessions that share one `$share/group/filter` (MQTT 5, 4.8.2). */
export class SharedGroup {
  /** The filter as subscribed to; it names the group. */
  readonly key: string;
  readonly filter: string;
  /** In the order of their subscribing. */
  readonly members = new Map<ClientId, Session>();
  /** Counts messages, so that members take turns. */
  cursor = 0;

  constructor(key: string, filter: string) {
    this.key = key;
    this.filter = filter;
  }

  /**
   * The member whose turn it is: among the connected ones that take QoS 1 or 2, else among other connected
   * ones, else among those that are away but will be given it when they return.
   */
  choose(qos: QoS, connectedOnly = false): Choice | null {
    let candidates: Choice[] = [];
    let best = connectedOnly ? 1 : 2;
    for (const session of this.members.values()) {
      const subscription = session.subscriptions.get(this.key);
      if (!subscription) continue;
      const rank = this.#rank(session, Math.min(qos, subscription.qos));
      if (rank > best) continue;
      if (rank < best) candidates = [];
      best = rank;
      candidates.push({ session, subscription });
    }
    return candidates[this.cursor % candidates.length] ?? null;
  }

  /** The connected member at that place of the round. */
  connectedAt(turn: number): Session | undefined {
    const connected = [...this.members.values()].filter((session) => session.connected);
    return connected[turn % connected.length];
  }

  advance(): void {
    this.cursor = (this.cursor + 1) % cursorEnd;
  }

  #rank(session: Session, qos: number): number {
    if (session.connected) return qos > 0 ? 0 : 1;
    return qos > 0 ? 2 : 3;
  }
}
