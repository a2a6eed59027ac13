import type { QoS } from '@mqtt-cluster/contracts';
import type { CounterName } from './telemetry-stream.ts';
import { StandbyPublisher } from './standby-publisher.ts';
import type { StandbyPublisherOptions } from './standby-publisher.ts';
import { ActivePublisher } from './active-publisher.ts';
import type { ActivePublisherOptions } from './active-publisher.ts';
import type { GroupStatus } from './types.ts';

export interface GroupPublisherOptions {
  readonly activePublisher: Omit<ActivePublisherOptions, 'count' | 'onEnded'>;
  readonly standbyPublisher: Omit<StandbyPublisherOptions, 'onVacant'>;
  /**
   * If the active role of the only publisher of a group ends, the publisher becomes active again after this
   * many milliseconds.
   */
  readonly restartDelayMs: number;
}

type Counts = Record<CounterName, [number, number, number]>;

/** The publisher's role in one group: always active in its own group, or alternately standby and active in a shared one. */
export class GroupPublisher {
  readonly #options: GroupPublisherOptions;
  readonly #counts: Counts = {
    sent: [0, 0, 0],
    acked: [0, 0, 0],
    skipped: [0, 0, 0],
    refused: [0, 0, 0],
    unknown: [0, 0, 0],
  };
  #active: ActivePublisher | null = null;
  #standby: StandbyPublisher | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Promise chain that runs the changes of the role one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #running = false;
  #tenures = 0;
  #failoversBefore = 0;

  constructor(options: GroupPublisherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    if (this.#options.activePublisher.redundant) this.#standBy();
    else this.#takeOver();
  }

  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer) clearTimeout(this.#timer);
    // Not queued in the chain of changes: an active publisher that cannot connect would block the chain forever.
    await Promise.all([this.#active?.stop(), this.#standby?.stop()]);
    await this.#changes;
  }

  status(): GroupStatus {
    const client = this.#active?.status ?? this.#standby?.status;
    const active = this.#active?.active ?? false;
    return {
      group: this.#options.activePublisher.group,
      role: this.#role(),
      connected: client?.connected ?? false,
      server: client?.server ?? null,
      active: active ? this.#options.activePublisher.instance : (this.#standby?.active ?? null),
      lastNumbers: this.#active?.lastNumbers ?? {},
      tenures: this.#tenures,
      failovers: this.#failoversBefore + (this.#active?.status.failovers ?? 0),
      ...structuredClone(this.#counts),
    };
  }

  #role(): GroupStatus['role'] {
    if (!this.#running) return 'stopped';
    if (!this.#active) return this.#standby ? 'standby' : 'connecting';
    return this.#active.active ? 'active' : 'connecting';
  }

  #standBy(): void {
    this.#change(async () => {
      this.#standby = new StandbyPublisher({
        ...this.#options.standbyPublisher,
        onVacant: () => this.#takeOver(),
      });
      await this.#standby.start();
    });
  }

  #takeOver(): void {
    this.#change(async () => {
      await this.#standby?.stop();
      this.#standby = null;
      if (!this.#running) return;
      const publisher = new ActivePublisher({
        ...this.#options.activePublisher,
        count: (name, qos) => this.#count(name, qos),
        onEnded: () => this.#onEnded(publisher),
      });
      this.#active = publisher;
      this.#tenures += 1;
      await publisher.start();
    });
  }

  #onEnded(publisher: ActivePublisher): void {
    if (this.#active !== publisher) return;
    this.#failoversBefore += publisher.status.failovers;
    this.#active = null;
    if (!this.#running) return;
    if (this.#options.activePublisher.redundant) return this.#standBy();
    this.#timer = setTimeout(() => this.#takeOver(), this.#options.restartDelayMs);
  }

  #change(change: () => Promise<void>): void {
    this.#changes = this.#changes.then(async () => {
      if (this.#running) await change();
    });
  }

  #count(name: CounterName, qos: QoS): void {
    this.#counts[name][qos] += 1;
  }
}
