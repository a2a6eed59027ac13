import { addressOf, brokerHosts } from './bed/layout.ts';
import type { TestBedLayout } from './bed/layout.ts';
import { RehearsalError } from './errors.ts';
import { getJson } from './http.ts';
import { waitFor } from '@mqtt-cluster/kit';

const httpPort = 9100;
const healthyMsMax = 180_000;

/** The fields of /cluster/health that a rehearsal uses. */
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

/** The cluster, as the admin HTTP interface of each member reports it. */
export class Cluster {
  readonly hosts: readonly number[];
  readonly #layout: TestBedLayout;

  constructor(layout: TestBedLayout, hosts: readonly number[] = brokerHosts) {
    this.#layout = layout;
    this.hosts = hosts;
  }

  position(host: number): Promise<Position> {
    return getJson(this.#layout, `http://${addressOf(host)}:${httpPort}/status`);
  }

  health(host: number): Promise<Health> {
    return getJson(this.#layout, `http://${addressOf(host)}:${httpPort}/cluster/health`);
  }

  /** Waits until every member reports a healthy cluster. @throws WaitTimeoutError with the last reason */
  async waitUntilHealthy(): Promise<void> {
    for (const host of this.hosts) {
      await waitFor(
        `a healthy cluster at ${addressOf(host)}`,
        async () => {
          const { healthy, reason } = await this.health(host);
          if (healthy) return true;
          throw new RehearsalError(reason);
        },
        { timeoutMs: healthyMsMax },
      );
    }
  }
}
