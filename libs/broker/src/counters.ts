import {
  brokerMetrics,
  clientLimits,
  disconnectReasons,
  memberMetrics,
  MetricTotals,
  connectionRefusalReasons,
} from '@mqtt-cluster/metric-catalogue';
import type {
  ClientLimit,
  ConnectionRefusalReason,
  DisconnectReason,
  Metrics,
} from '@mqtt-cluster/metric-catalogue';
import type { ProtocolVersion } from './codec/decode-connect.ts';

type PerQos = [number, number, number];
type PublishRefusalReason = 'quota' | 'not_authorized' | 'topic';

/**
 * Totals since the start of the broker. They are plain fields, not metrics, because the hot path increments
 * them.
 */
export interface BrokerCounters {
  /** Connections that were opened, also those that sent no acceptable CONNECT. */
  connectionsOpened: number;
  connectionsAccepted: number;
  connectionsRefused: number;
  /** Largest number of clients that were connected at the same time. */
  clientsMaximum: number;
  bytesReceived: number;
  bytesSent: number;
  /** Control packets of all types. */
  packetsReceived: number;
  packetsSent: number;
  /** PUBLISH packets, by QoS. */
  readonly publishesReceived: PerQos;
  readonly publishesSent: PerQos;
  /** Payload bytes of PUBLISH packets. */
  publishBytesReceived: number;
  publishBytesSent: number;
  /** Acknowledgements to publishers, by QoS: PUBACK and PUBREC. */
  readonly acks: PerQos;
  /** PUBACKs for messages that no majority has stored (degraded acknowledgements). */
  degradedAcks: number;
  /** Deliveries skipped because they exceed the client's Maximum Packet Size. */
  deliveriesTooLarge: number;
  /** Deliveries skipped because the client may not receive the topic. */
  deliveriesDenied: number;
  /** Filters of SUBSCRIBE that the access rules denied. */
  subscriptionsDenied: number;
  /** Connections closed because the client violated the protocol. */
  protocolErrors: number;
  /** Connections closed because the client did not read its socket. */
  slowConsumers: number;
  /** Times that a client was paused because it exceeded its publish rate. */
  publishPauses: number;
  readonly connects: Record<ProtocolVersion, number>;
  readonly refusals: Record<ConnectionRefusalReason, number>;
  readonly disconnects: Record<DisconnectReason, number>;
  readonly publishRefusals: Record<PublishRefusalReason, number>;
  /** Times that a connection or a client reached a limit. */
  readonly limits: Record<ClientLimit, number>;
  /** QoS 0 publishes that the broker dropped because the process uses too much memory. */
  droppedForMemory: number;
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

export function newCounters(): BrokerCounters {
  return {
    connectionsOpened: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    clientsMaximum: 0,
    bytesReceived: 0,
    bytesSent: 0,
    packetsReceived: 0,
    packetsSent: 0,
    publishesReceived: [0, 0, 0],
    publishesSent: [0, 0, 0],
    publishBytesReceived: 0,
    publishBytesSent: 0,
    acks: [0, 0, 0],
    degradedAcks: 0,
    deliveriesTooLarge: 0,
    deliveriesDenied: 0,
    subscriptionsDenied: 0,
    protocolErrors: 0,
    slowConsumers: 0,
    publishPauses: 0,
    connects: { 3: 0, 4: 0, 5: 0 },
    refusals: zeros(connectionRefusalReasons),
    disconnects: zeros(disconnectReasons),
    publishRefusals: { quota: 0, not_authorized: 0, topic: 0 },
    limits: zeros(clientLimits),
    droppedForMemory: 0,
  };
}

export function sumOfQos(counts: Readonly<PerQos>): number {
  return counts[0] + counts[1] + counts[2];
}

const protocolNames: Record<ProtocolVersion, string> = { 3: '3.1', 4: '3.1.1', 5: '5' };

/** Copies the counters into the metrics. */
export class BrokerMetricsReporter {
  readonly #totals: MetricTotals;
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#totals = new MetricTotals(metrics);
  }

  report(counters: Readonly<BrokerCounters>, clients: number, clientsMax: number): void {
    const totals = this.#totals;
    this.#metrics.set(brokerMetrics.clientsConnected, [], clients);
    this.#metrics.set(brokerMetrics.clientsMax, [], clientsMax);
    totals.report(brokerMetrics.bytesReceived, [], counters.bytesReceived);
    totals.report(brokerMetrics.bytesSent, [], counters.bytesSent);
    counters.publishesReceived.forEach((total, qos) =>
      totals.report(brokerMetrics.publishesReceived, [String(qos)], total),
    );
    counters.publishesSent.forEach((total, qos) =>
      totals.report(brokerMetrics.publishesSent, [String(qos)], total),
    );
    const [, pubacks, pubrecs] = counters.acks;
    totals.report(brokerMetrics.acks, ['1', 'majority'], pubacks - counters.degradedAcks);
    totals.report(brokerMetrics.acks, ['1', 'degraded'], counters.degradedAcks);
    totals.report(brokerMetrics.acks, ['2', 'majority'], pubrecs);
    totals.report(brokerMetrics.publishPauses, [], counters.publishPauses);
    totals.report(brokerMetrics.takeovers, [], counters.disconnects.taken_over);
    totals.report(memberMetrics.dropped, ['too_large'], counters.deliveriesTooLarge);
    totals.report(memberMetrics.dropped, ['memory'], counters.droppedForMemory);
    totals.report(memberMetrics.dropped, ['not_authorized'], counters.deliveriesDenied);
    totals.report(brokerMetrics.subscriptionRefusals, [], counters.subscriptionsDenied);
    this.#reportReasons(counters);
  }

  #reportReasons(counters: Readonly<BrokerCounters>): void {
    const totals = this.#totals;
    for (const version of [3, 4, 5] as const) {
      totals.report(brokerMetrics.connects, [protocolNames[version]], counters.connects[version]);
    }
    for (const reason of connectionRefusalReasons) {
      totals.report(brokerMetrics.connectionsRefused, [reason], counters.refusals[reason]);
    }
    for (const limit of clientLimits) {
      totals.report(brokerMetrics.limitHits, [limit], counters.limits[limit]);
    }
    for (const reason of disconnectReasons) {
      totals.report(brokerMetrics.disconnects, [reason], counters.disconnects[reason]);
    }
    for (const [reason, total] of Object.entries(counters.publishRefusals)) {
      totals.report(brokerMetrics.publishRefusals, [reason], total);
    }
  }
}
