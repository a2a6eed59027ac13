import type { HistoryEvent, QoS } from '@mqtt-cluster/history-checker';

const latenciesMax = 200_000;
/** Reason codes from this value on report a rejection [MQTT5 2.4]. */
const rejectedMin = 0x80;

export interface ByQoS {
  qos0: number;
  qos1: number;
  qos2: number;
}

export const zeroByQoS = (): ByQoS => ({ qos0: 0, qos1: 0, qos2: 0 });

/** Counts the traffic of a run and measures its latency, from the events that the clients record. */
export class TrafficStats {
  /** Number of PUBLISH packets with DUP=0. */
  readonly sent = zeroByQoS();
  /** Number of PUBACK and PUBREC packets that accept a message. */
  readonly acked = zeroByQoS();
  /** Number of deliveries to all subscribers together, by the QoS of the delivery. */
  readonly delivered = zeroByQoS();
  /** Number of connections that the server closed or that were lost. */
  brokenConnections = 0;
  /** Times from a PUBLISH packet to the delivery of its message, ms; at most 200,000 values. */
  readonly latenciesMs: number[] = [];
  readonly #messages = new Map<number, { readonly qos: QoS; readonly sentAtMs: number }>();

  add(event: HistoryEvent): void {
    switch (event.type) {
      case 'publish':
        if (event.dup) return;
        this.sent[`qos${event.qos}`] += 1;
        this.#messages.set(event.message, { qos: event.qos, sentAtMs: event.at });
        return;
      case 'acked': {
        const message = this.#messages.get(event.message);
        if (message !== undefined && event.code < rejectedMin) this.acked[`qos${message.qos}`] += 1;
        return;
      }
      case 'delivery': {
        this.delivered[`qos${event.qos}`] += 1;
        const message = this.#messages.get(event.message);
        if (message === undefined || event.retain || this.latenciesMs.length >= latenciesMax) return;
        this.latenciesMs.push(event.at - message.sentAtMs);
        return;
      }
      case 'closed':
        if (event.how === 'server' || event.how === 'lost') this.brokenConnections += 1;
        return;
      default:
    }
  }
}
