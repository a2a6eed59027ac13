import { addressOf, brokerHosts } from './bed/layout.ts';
import type { BedLayout } from './bed/layout.ts';
import { RehearsalError } from './errors.ts';
import { getJson } from './http.ts';
import { until } from './poll.ts';

const httpPort = 9100;
const wellMsMax = 180_000;

/** The parts of a member's pages that are looked at here. */
interface Health {
  readonly healthy: boolean;
  readonly reason: string;
  readonly leader: string | null;
}

export interface Position {
  readonly appliedIndex: number;
  readonly commitIndex: number;
  readonly sessions: number;
  readonly retained: number;
}

/** The cluster as it looks from inside the hosts' network. */
export class Cluster {
  readonly hosts: readonly number[];
  readonly #layout: BedLayout;

  constructor(layout: BedLayout, hosts: readonly number[] = brokerHosts) {
    this.#layout = layout;
    this.hosts = hosts;
  }

  position(host: number): Promise<Position> {
    return getJson(this.#layout, `http://${addressOf(host)}:${httpPort}/status`);
  }

  health(host: number): Promise<Health> {
    return getJson(this.#layout, `http://${addressOf(host)}:${httpPort}/cluster/health`);
  }

  /** Until every member says that all are well. @throws RehearsalError with what the last one says */
  async well(): Promise<void> {
    for (const host of this.hosts) {
      await until(`${addressOf(host)} finding all members well`, wellMsMax, async () => {
        const { healthy, reason } = await this.health(host);
        if (healthy) return true;
        throw new RehearsalError(reason);
      });
    }
  }
}
