import type { MemberId } from '@mqtt-cluster/contracts';
import { memberMetrics, stopBlockers } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { stopBlocker } from '../health/cluster-health.ts';
import type { ClusterHealth, StopBlocker } from '../health/cluster-health.ts';

/** Time that a scrape waits for the leader, ms. It is well below the timeout of a scrape. */
const answerMsMax = 500;

export interface StopGaugeOptions {
  readonly member: MemberId;
  readonly metrics: Metrics;
  /** Returns the health of the cluster. It asks the leader, which may not answer for seconds. */
  readonly health: () => Promise<Pick<ClusterHealth, 'members' | 'majority'>>;
  readonly answerMsMax?: number;
}

/** Exports at each scrape whether this member may be stopped: the answer of `/cluster/health?stop=` as metrics. */
export class StopGauge {
  readonly #options: StopGaugeOptions;
  /** The question that the leader has not answered yet. Scrapes share it, so that a silent leader causes no backlog. */
  #question: Promise<StopBlocker | null> | null = null;

  constructor(options: StopGaugeOptions) {
    this.#options = options;
  }

  /** A member without an answer of the leader has no majority as far as it can see. */
  async report(): Promise<void> {
    const { metrics } = this.#options;
    const blocker = await this.#answerInTime();
    metrics.set(memberMetrics.stoppable, [], blocker === null ? 1 : 0);
    for (const reason of stopBlockers)
      metrics.set(memberMetrics.stopBlocked, [reason], reason === blocker ? 1 : 0);
  }

  async #answerInTime(): Promise<StopBlocker | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<StopBlocker>((resolve) => {
      timer = setTimeout(() => resolve('no_majority'), this.#options.answerMsMax ?? answerMsMax);
    });
    try {
      return await Promise.race([this.#ask(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #ask(): Promise<StopBlocker | null> {
    const { health, member } = this.#options;
    this.#question ??= health()
      .then((found) => stopBlocker(found, member))
      .finally(() => {
        this.#question = null;
      });
    return this.#question;
  }
}
