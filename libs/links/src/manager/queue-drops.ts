import type { MemberId, MemberStatus, SessionInfo } from '@mqtt-cluster/contracts';

interface Drops {
  /** The number of the session when it was read last. */
  readonly seen: number;
  readonly counted: number;
}

type Home = Pick<SessionInfo, 'home' | 'dropped'> | undefined;

/**
 * Counts the messages that the queues of links have dropped. Each member sees all of them while it applies the log, so
 * exactly one counts: the home of the session of the link, or the leader while the session has no home. When the home
 * changes, the count may be wrong by the messages of one interval.
 */
export class QueueDrops {
  readonly #self: MemberId;
  readonly #links = new Map<string, Drops>();

  constructor(self: MemberId) {
    this.#self = self;
  }

  /** @param session of the link; undefined: the link has none yet */
  observe(name: string, session: Home, status: Pick<MemberStatus, 'state' | 'role'>): void {
    const dropped = session?.dropped ?? 0;
    const known = this.#links.get(name);
    // Another member has counted what this one finds at its start.
    if (known === undefined) return void this.#links.set(name, { seen: dropped, counted: 0 });
    // A snapshot and a new session begin at 0.
    const increase = dropped < known.seen ? dropped : dropped - known.seen;
    const counts = this.#counts(session?.home ?? null, status);
    this.#links.set(name, { seen: dropped, counted: known.counted + (counts ? increase : 0) });
  }

  /** Returns the number of messages of a link that this member has counted. */
  of(name: string): number {
    return this.#links.get(name)?.counted ?? 0;
  }

  /** Forgets the links without these names. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#links.keys()) if (!names.has(name)) this.#links.delete(name);
  }

  #counts(home: MemberId | null, { state, role }: Pick<MemberStatus, 'state' | 'role'>): boolean {
    // A member that has restarted applies entries again that it has counted before.
    if (state !== 'serving' && state !== 'draining') return false;
    return home === null ? role === 'leader' : home === this.#self;
  }
}
