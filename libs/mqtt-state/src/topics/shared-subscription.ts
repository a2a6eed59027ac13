import type { ClientId, QoS } from '@mqtt-cluster/contracts';
import type { ConnectionObserver, Session, Subscriber } from '../session/session.ts';

/** The round-robin counter restarts at this value. */
const roundRobinEnd = 2 ** 31;

/** The sessions of the lowest rank, in the order in which they subscribed. */
interface Choice {
  /** Infinity if there is no session. */
  readonly rank: number;
  readonly candidates: readonly Subscriber[];
}

/** The sessions that share one filter `$share/ShareName/filter` (MQTT 5, 4.8.2). */
export class SharedSubscription implements ConnectionObserver {
  /** The whole filter, `$share/ShareName/filter`. */
  readonly key: string;
  /** The filter after the ShareName, which topics are matched against. */
  readonly filter: string;
  readonly #sessions = new Map<ClientId, Session>();
  /** Counts messages for the round-robin choice of a session. */
  roundRobin = 0;
  /** The choice for QoS 0 and for QoS 1 and 2. A message must not cost a walk over all sessions. Derived; not encoded. */
  readonly #choices: [Choice | null, Choice | null] = [null, null];
  /** The connected sessions. Derived; not encoded. */
  #connected: readonly Session[] | null = null;

  constructor(key: string, filter: string) {
    this.key = key;
    this.filter = filter;
  }

  /** The sessions of this shared subscription, in the order in which they subscribed. */
  get sessions(): ReadonlyMap<ClientId, Session> {
    return this.#sessions;
  }

  /** Adds a session. Must be called again when the subscription of the session is replaced. */
  add(session: Session): void {
    this.#sessions.set(session.client, session);
    (session.connectionObservers ??= new Set()).add(this);
    this.onConnectionChanged();
  }

  remove(session: Session): void {
    this.#sessions.delete(session.client);
    session.connectionObservers?.delete(this);
    this.onConnectionChanged();
  }

  onConnectionChanged(): void {
    this.#choices.fill(null);
    this.#connected = null;
  }

  /**
   * Chooses the session for the next message, round-robin: among the connected sessions that receive the
   * message at QoS 1 or 2, else among the other connected sessions, else among the absent sessions.
   */
  chooseSession(qos: QoS, connectedOnly = false): Subscriber | null {
    const { rank, candidates } = this.#choiceFor(qos);
    if (rank > (connectedOnly ? 1 : 2)) return null;
    return candidates[this.roundRobin % candidates.length] ?? null;
  }

  /** Returns the connected session at this position of the round-robin order. */
  connectedSession(round: number): Session | undefined {
    this.#connected ??= [...this.#sessions.values()].filter((session) => session.connected);
    return this.#connected[round % this.#connected.length];
  }

  #choiceFor(qos: QoS): Choice {
    return (this.#choices[qos > 0 ? 1 : 0] ??= this.#choose(qos));
  }

  #choose(qos: QoS): Choice {
    let candidates: Subscriber[] = [];
    let best = Infinity;
    for (const session of this.#sessions.values()) {
      const subscription = session.subscriptions.get(this.key);
      if (!subscription) continue;
      const rank = this.#rank(session, Math.min(qos, subscription.qos));
      if (rank > best) continue;
      if (rank < best) candidates = [];
      best = rank;
      candidates.push({ session, subscription });
    }
    return { rank: best, candidates };
  }

  /** Returns the sessions with their subscriptions. */
  *subscribers(): Iterable<Subscriber> {
    for (const session of this.#sessions.values()) {
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
