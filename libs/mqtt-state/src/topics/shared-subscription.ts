import type { ClientId, QoS } from '@mqtt-cluster/contracts';
import type { Session, Subscriber } from '../session/session.ts';

/** The round-robin counter restarts at this value. */
const roundRobinEnd = 2 ** 31;

/** The sessions that share one filter `$share/ShareName/filter` (MQTT 5, 4.8.2). */
export class SharedSubscription {
  /** The whole filter, `$share/ShareName/filter`. */
  readonly key: string;
  /** The filter after the ShareName, which topics are matched against. */
  readonly filter: string;
  /** The sessions of this shared subscription, in the order in which they subscribed. */
  readonly sessions = new Map<ClientId, Session>();
  /** Counts messages for the round-robin choice of a session. */
  roundRobin = 0;

  constructor(key: string, filter: string) {
    this.key = key;
    this.filter = filter;
  }

  /**
   * Chooses the session for the next message, round-robin: among the connected sessions that receive the
   * message at QoS 1 or 2, else among the other connected sessions, else among the absent sessions.
   */
  chooseSession(qos: QoS, connectedOnly = false): Subscriber | null {
    let candidates: Subscriber[] = [];
    let best = connectedOnly ? 1 : 2;
    for (const session of this.sessions.values()) {
      const subscription = session.subscriptions.get(this.key);
      if (!subscription) continue;
      const rank = this.#rank(session, Math.min(qos, subscription.qos));
      if (rank > best) continue;
      if (rank < best) candidates = [];
      best = rank;
      candidates.push({ session, subscription });
    }
    return candidates[this.roundRobin % candidates.length] ?? null;
  }

  /** Returns the connected session at this position of the round-robin order. */
  connectedSession(round: number): Session | undefined {
    const connected = [...this.sessions.values()].filter((session) => session.connected);
    return connected[round % connected.length];
  }

  /** Returns the sessions with their subscriptions. */
  *subscribers(): Iterable<Subscriber> {
    for (const session of this.sessions.values()) {
      const subscription = session.subscriptions.get(this.key);
      if (subscription) yield { session, subscription };
    }
  }

  advance(): void {
    this.roundRobin = (this.roundRobin + 1) % roundRobinEnd;
  }

  #rank(session: Session, qos: number): number {
    if (session.connected) return qos > 0 ? 0 : 1;
    return qos > 0 ? 2 : 3;
  }
}
