import type { MemberStatus, SessionInfo } from '@mqtt-cluster/contracts';

/**
 * The times at which this member last saw the queues of the links empty. They bound the age of the messages that a former
 * runner may have sent.
 */
export class EmptyQueues {
  readonly #links = new Map<string, number>();

  /** @param session of the link; undefined: the link has none yet */
  observe(
    name: string,
    session: Pick<SessionInfo, 'queuedMessages'> | undefined,
    { state }: Pick<MemberStatus, 'state'>,
    nowMs: number,
  ): void {
    // Only a member that serves clients has applied the last entries of the log.
    if (state !== 'serving' && state !== 'draining') return;
    if ((session?.queuedMessages ?? 0) === 0) this.#links.set(name, nowMs);
  }

  /** Returns the time, ms, or -Infinity if this member has always seen messages in the queue. */
  lastSeenMs(name: string): number {
    return this.#links.get(name) ?? -Infinity;
  }

  /** Forgets the links without these names. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#links.keys()) if (!names.has(name)) this.#links.delete(name);
  }
}
