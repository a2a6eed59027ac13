import type { QoS } from '@mqtt-cluster/contracts';
import type { CountName } from './telemetry-stream.ts';
import { Standby } from './standby-publisher.ts';
import type { StandbyOptions } from './standby-publisher.ts';
import { Tenure } from './active-publisher.ts';
import type { TenureOptions } from './active-publisher.ts';
import type { GroupStatus } from './types.ts';

export interface GroupPublisherOptions {
  readonly tenure: Omit<TenureOptions, 'count' | 'ended'>;
  readonly standby: Omit<StandbyOptions, 'vacant'>;
  /** A publisher alone in its group begins again after this long when its tenure ended. */
  readonly aloneRetryDelayMs: number;
}

type Counts = Record<CountName, [number, number, number]>;

/** One publisher's part in one group: alone and always active, or standby and active in turns. */
export class GroupPublisher {
  readonly #options: GroupPublisherOptions;
  readonly #counts: Counts = {
    sent: [0, 0, 0],
    acked: [0, 0, 0],
    skipped: [0, 0, 0],
    refused: [0, 0, 0],
    unknown: [0, 0, 0],
  };
  #tenure: Tenure | null = null;
  #standby: Standby | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Changes of role, one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #running = false;
  #tenures = 0;
  #failoversBefore = 0;

  constructor(options: GroupPublisherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    if (this.#options.tenure.redundant) this.#standBy();
    else this.#takeOver();
  }

  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer) clearTimeout(this.#timer);
    // Not by way of the chain of changes: a tenure that can't connect would hold it for ever.
    await Promise.all([this.#tenure?.stop(), this.#standby?.stop()]);
    await this.#changes;
  }

  status(): GroupStatus {
    const client = this.#tenure?.status ?? this.#standby?.status;
    const active = this.#tenure?.active ?? false;
    return {
      group: this.#options.tenure.group,
      role: this.#role(),
      connected: client?.connected ?? false,
      server: client?.server ?? null,
      active: active ? this.#options.tenure.instance : (this.#standby?.active ?? null),
      lastNumbers: this.#tenure?.lastNumbers ?? {},
      tenures: this.#tenures,
      failovers: this.#failoversBefore + (this.#tenure?.status.failovers ?? 0),
      ...structuredClone(this.#counts),
    };
  }

  #role(): GroupStatus['role'] {
    if (!this.#running) return 'stopped';
    if (!this.#tenure) return this.#standby ? 'standby' : 'connecting';
    return this.#tenure.active ? 'active' : 'connecting';
  }

  #standBy(): void {
    this.#change(async () => {
      this.#standby = new Standby({ ...this.#options.standby, vacant: () => this.#takeOver() });
      await this.#standby.start();
    });
  }

  #takeOver(): void {
    this.#change(async () => {
      await this.#standby?.stop();
      this.#standby = null;
      if (!this.#running) return;
      const tenure = new Tenure({
        ...this.#options.tenure,
        count: (name, qos) => this.#count(name, qos),
        ended: () => this.#tenureEnded(tenure),
      });
      this.#tenure = tenure;
      this.#tenures += 1;
      await tenure.start();
    });
  }

  #tenureEnded(tenure: Tenure): void {
    if (this.#tenure !== tenure) return;
    this.#failoversBefore += tenure.status.failovers;
    this.#tenure = null;
    if (!this.#running) return;
    if (this.#options.tenure.redundant) return this.#standBy();
    this.#timer = setTimeout(() => this.#takeOver(), this.#options.aloneRetryDelayMs);
  }

  #change(change: () => Promise<void>): void {
    this.#changes = this.#changes.then(async () => {
      if (this.#running) await change();
    });
  }

  #count(name: CountName, qos: QoS): void {
    this.#counts[name][qos] += 1;
  }
}
