import { addressOf, brokerHosts } from './bed/layout.ts';
import type { TestBedLayout } from './bed/layout.ts';
import { RehearsalError } from './errors.ts';
import { getJson } from './http.ts';
import { waitFor } from '@mqtt-cluster/kit';
import { z } from 'zod';

const httpPort = 9100;
const healthyMsMax = 180_000;

/** The fields of /cluster/health that a rehearsal uses. */
const healthSchema = z.object({
  healthy: z.boolean(),
  reason: z.string(),
  leader: z.string().nullable(),
  members: z.array(z.object({ id: z.string() })),
});
type Health = z.output<typeof healthSchema>;

/** The fields of a member's /status that a rehearsal uses. */
export const positionSchema = z.object({
  appliedIndex: z.int(),
  commitIndex: z.int(),
  sessions: z.int(),
  retained: z.int(),
});
export type Position = z.output<typeof positionSchema>;

/** Reads the state of the cluster from the admin HTTP interface of each member. */
export class Cluster {
  readonly hosts: readonly number[];
  readonly #layout: TestBedLayout;

  constructor(layout: TestBedLayout, hosts: readonly number[] = brokerHosts) {
    this.#layout = layout;
    this.hosts = hosts;
  }

  position(host: number): Promise<Position> {
    return getJson(this.#layout, `http://${addressOf(host)}:${httpPort}/status`, positionSchema);
  }

  health(host: number): Promise<Health> {
    return getJson(this.#layout, `http://${addressOf(host)}:${httpPort}/cluster/health`, healthSchema);
  }

  /** Returns the ids of the members that a member reports, sorted. */
  async members(host: number): Promise<string[]> {
    return (await this.health(host)).members.map(({ id }) => id).sort();
  }

  /**
   * Waits until the members of all hosts, or of the given ones, report a healthy cluster.
   * @throws WaitTimeoutError with the last reason
   */
  async waitUntilHealthy(hosts: readonly number[] = this.hosts): Promise<void> {
    for (const host of hosts) {
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
