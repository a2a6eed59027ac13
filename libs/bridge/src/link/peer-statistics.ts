import type { Channel, MemberId } from '@mqtt-cluster/contracts';
import { bridgeMetrics, MetricTotals } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** Counters of one peer. They are plain fields, not metrics, because the hot path increments them. */
export class PeerStatistics {
  bytesSent = 0;
  bytesReceived = 0;
  framesSent = 0;
  framesReceived = 0;
  framesRefused = 0;
  connects = 0;
  roundTripMs: number | null = null;
  /** Messages dropped because the peer was slow or not connected. */
  readonly dropped: Record<Channel, number> = { raft: 0, log: 0, live: 0 };
}

const channels = ['raft', 'log', 'live'] as const;

/** Copies the counters of one peer into the metrics. */
export class PeerMetrics {
  readonly #metrics: Metrics;
  readonly #totals: MetricTotals;
  readonly #peer: MemberId;

  constructor(metrics: Metrics, peer: MemberId) {
    this.#metrics = metrics;
    this.#totals = new MetricTotals(metrics);
    this.#peer = peer;
  }

  report(statistics: PeerStatistics, backlogBytes: number, up: boolean): void {
    const peer = this.#peer;
    const totals = this.#totals;
    totals.report(bridgeMetrics.bytes, [peer, 'sent'], statistics.bytesSent);
    totals.report(bridgeMetrics.bytes, [peer, 'received'], statistics.bytesReceived);
    totals.report(bridgeMetrics.frames, [peer, 'sent'], statistics.framesSent);
    totals.report(bridgeMetrics.frames, [peer, 'received'], statistics.framesReceived);
    totals.report(bridgeMetrics.framesRefused, [peer], statistics.framesRefused);
    totals.report(bridgeMetrics.connects, [peer], statistics.connects);
    for (const channel of channels) {
      totals.report(bridgeMetrics.dropped, [peer, channel], statistics.dropped[channel]);
    }
    this.#metrics.set(bridgeMetrics.backlogBytes, [peer], backlogBytes);
    this.#metrics.set(bridgeMetrics.up, [peer], up ? 1 : 0);
    if (statistics.roundTripMs !== null) {
      this.#metrics.set(bridgeMetrics.roundTripSeconds, [peer], statistics.roundTripMs / 1_000);
    }
  }
}

/** Reports the backlog bounds, which are equal for all peers. */
export function reportBacklogBounds(metrics: Metrics, bytesMax: Readonly<Record<Channel, number>>): void {
  for (const channel of channels) metrics.set(bridgeMetrics.backlogBytesMax, [channel], bytesMax[channel]);
}
