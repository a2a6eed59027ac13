import type { Channel, Metrics, MetricDefinition, MemberId } from '@mqtt-cluster/contracts';

/** What is counted for one peer; the hot path only adds to plain fields. */
export class PeerStatistics {
  bytesSent = 0;
  bytesReceived = 0;
  framesSent = 0;
  framesReceived = 0;
  framesRefused = 0;
  connects = 0;
  roundTripMs: number | null = null;
  /** Messages not sent because the peer was slow or not there. */
  readonly dropped: Record<Channel, number> = { raft: 0, log: 0, live: 0 };
}

const perPeer = ['peer'] as const;

export const bridgeMetrics = {
  bytesSent: {
    name: 'mqtt_cluster_bridge_sent_bytes_total',
    type: 'counter',
    help: 'Bytes of frames handed to the connections to a peer.',
    labels: perPeer,
  },
  bytesReceived: {
    name: 'mqtt_cluster_bridge_received_bytes_total',
    type: 'counter',
    help: 'Bytes of frames that came from a peer.',
    labels: perPeer,
  },
  framesSent: {
    name: 'mqtt_cluster_bridge_sent_frames_total',
    type: 'counter',
    help: 'Frames handed to the connections to a peer.',
    labels: perPeer,
  },
  framesReceived: {
    name: 'mqtt_cluster_bridge_received_frames_total',
    type: 'counter',
    help: 'Good frames that came from a peer.',
    labels: perPeer,
  },
  framesRefused: {
    name: 'mqtt_cluster_bridge_refused_frames_total',
    type: 'counter',
    help: 'Frames of a peer that were wrong in any way.',
    labels: perPeer,
  },
  connects: {
    name: 'mqtt_cluster_bridge_connects_total',
    type: 'counter',
    help: 'Connections made to a peer.',
    labels: perPeer,
  },
  dropped: {
    name: 'mqtt_cluster_bridge_dropped_messages_total',
    type: 'counter',
    help: 'Messages not sent because the peer was slow or not connected, by channel.',
    labels: ['peer', 'channel'],
  },
  backlogBytes: {
    name: 'mqtt_cluster_bridge_backlog_bytes',
    type: 'gauge',
    help: 'Bytes waiting to be sent to a peer.',
    labels: perPeer,
  },
  roundTripSeconds: {
    name: 'mqtt_cluster_bridge_round_trip_seconds',
    type: 'gauge',
    help: 'Last round trip to a peer.',
    labels: perPeer,
  },
  up: {
    name: 'mqtt_cluster_bridge_up',
    type: 'gauge',
    help: '1 while both connections to a peer are up.',
    labels: perPeer,
  },
} as const satisfies Record<string, MetricDefinition>;

const plainCounters = [
  'bytesSent',
  'bytesReceived',
  'framesSent',
  'framesReceived',
  'framesRefused',
  'connects',
] as const;
const channels = ['raft', 'log', 'live'] as const;

/** Carries the statistics of one peer over into metrics, as differences since the last time. */
export class PeerMetrics {
  readonly #metrics: Metrics;
  readonly #peer: MemberId;
  readonly #reported = new Map<string, number>();

  constructor(metrics: Metrics, peer: MemberId) {
    this.#metrics = metrics;
    this.#peer = peer;
  }

  report(statistics: PeerStatistics, backlogBytes: number, up: boolean): void {
    const labels = [this.#peer];
    for (const name of plainCounters) this.#add(bridgeMetrics[name], labels, statistics[name]);
    for (const channel of channels) {
      this.#add(bridgeMetrics.dropped, [this.#peer, channel], statistics.dropped[channel]);
    }
    this.#metrics.set(bridgeMetrics.backlogBytes, labels, backlogBytes);
    this.#metrics.set(bridgeMetrics.up, labels, up ? 1 : 0);
    if (statistics.roundTripMs !== null) {
      this.#metrics.set(bridgeMetrics.roundTripSeconds, labels, statistics.roundTripMs / 1_000);
    }
  }

  #add(metric: MetricDefinition, labels: readonly string[], total: number): void {
    const key = `${metric.name} ${labels.join(' ')}`;
    const before = this.#reported.get(key);
    this.#reported.set(key, total);
    // The first report also makes the series exist, at 0, so that a rate can be taken of it.
    if (before === undefined || total > before) this.#metrics.add(metric, labels, total - (before ?? 0));
  }
}
