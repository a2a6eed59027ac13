import type { Lifecycle, Member, Store } from '@mqtt-cluster/contracts';
import { ClockRecorder } from '@mqtt-cluster/member';

export interface ClockKeeperComponents {
  readonly store: Pick<Store, 'saveClock'>;
  readonly readMember: <T>(read: (member: Member) => T) => T;
  /** Returns the wall clock, ms. */
  readonly wallMs: () => number;
}

/**
 * Stores the member's cluster time with the wall clock of the host, so that the time of a stop of all members
 * counts (docs/DESIGN.md, "Cluster time").
 */
export class ClockKeeper implements Lifecycle {
  readonly #components: ClockKeeperComponents;
  readonly #recorder = new ClockRecorder();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(components: ClockKeeperComponents) {
    this.#components = components;
  }

  async start(): Promise<void> {
    this.#checkLater();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #checkLater(): void {
    this.#timer = setTimeout(() => {
      this.#record();
      this.#checkLater();
    }, this.#recorder.checkMs);
    this.#timer.unref();
  }

  #record(): void {
    const { store, readMember, wallMs } = this.#components;
    const clusterTimeMs = readMember((member) => member.clusterTimeMs());
    const record = this.#recorder.due(clusterTimeMs, wallMs());
    // A failed write is logged by the store.
    if (record !== null) void store.saveClock(record);
  }
}
