import type { EverySecond, Lifecycle, Member, Store } from '@mqtt-cluster/contracts';
import { ClockRecorder } from '@mqtt-cluster/member';

export interface ClockKeeperComponents {
  readonly store: Pick<Store, 'saveClock'>;
  readonly readMember: <T>(read: (member: Member) => T) => T;
  /** Returns the wall clock, ms. */
  readonly wallMs: () => number;
  readonly everySecond: EverySecond;
  /** Cluster time when the store was opened, ms, by the clock record of the store; absent without one. */
  readonly recoveredMs: number | undefined;
}

/**
 * Stores the member's cluster time with the wall clock of the host, so that the time of a stop of all members
 * counts (docs/DESIGN.md, "Cluster time").
 */
export class ClockKeeper implements Lifecycle {
  readonly #components: ClockKeeperComponents;
  readonly #recorder: ClockRecorder;
  /** The timer until the first record. */
  #timer: ReturnType<typeof setTimeout> | null = null;
  #stopChecks: () => void = () => {};

  constructor(components: ClockKeeperComponents) {
    this.#components = components;
    const { recoveredMs, wallMs } = components;
    this.#recorder = new ClockRecorder(
      recoveredMs === undefined ? null : { clusterTimeMs: recoveredMs, wallMs: wallMs() },
    );
  }

  async start(): Promise<void> {
    if (this.#recorder.hasRecord) this.#checkEverySecond();
    else this.#awaitFirst();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#stopChecks();
  }

  #awaitFirst(): void {
    this.#timer = setTimeout(() => {
      this.#record();
      if (this.#recorder.hasRecord) this.#checkEverySecond();
      else this.#awaitFirst();
    }, this.#recorder.checkMs);
    this.#timer.unref();
  }

  #checkEverySecond(): void {
    this.#stopChecks = this.#components.everySecond(() => this.#record());
  }

  #record(): void {
    const { store, readMember, wallMs } = this.#components;
    const clusterTimeMs = readMember((member) => member.clusterTimeMs());
    const record = this.#recorder.due(clusterTimeMs, wallMs());
    // A failed write is logged by the store.
    if (record !== null) void store.saveClock(record);
  }
}
