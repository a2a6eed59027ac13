import type { MemberId, MemberStatus } from '@mqtt-cluster/contracts';

/** Measures how long members have no link to this one. It sees only the times at which `observe` is called. */
export class LinkOutages {
  readonly #now: () => number;
  readonly #sinceMs = new Map<MemberId, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns, for each other member without a link, the milliseconds since the first observation without it. */
  observe({ id: self, config, links }: MemberStatus): Readonly<Record<MemberId, number>> {
    const nowMs = this.#now();
    const members = (config?.members ?? []).map(({ id }) => id);
    const down = members.filter((id) => id !== self && links[id] !== 'up');
    for (const id of this.#sinceMs.keys()) if (!down.includes(id)) this.#sinceMs.delete(id);
    for (const id of down) if (!this.#sinceMs.has(id)) this.#sinceMs.set(id, nowMs);
    return Object.fromEntries([...this.#sinceMs].map(([id, sinceMs]) => [id, nowMs - sinceMs]));
  }
}
