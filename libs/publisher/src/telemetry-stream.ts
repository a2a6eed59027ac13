import { telemetryTopic } from '@mqtt-cluster/contracts';
import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { streamName } from './telemetry.ts';
import type { StreamPosition } from './telemetry.ts';

/** Counters of messages, see {@link PublisherCounts}. */
export type CounterName = 'sent' | 'acked' | 'skipped' | 'refused' | 'unknown';

export interface StreamOptions {
  readonly group: string;
  readonly signal: string;
  readonly qos: QoS;
  /** Position of the last message. The stream continues with the number after this position. */
  readonly position: StreamPosition;
  readonly unackedMax: number;
  readonly refusedRetryDelayMs: number;
  readonly value: (signal: string, number: number) => number;
  readonly isConnected: () => boolean;
  readonly publish: (topic: string, payload: string, options: { qos: QoS; retain: boolean }) => Promise<void>;
  readonly count: (name: CounterName, qos: QoS) => void;
  /** Called for each acknowledged QoS 1 and 2 message. */
  readonly onAck: (qos: QoS, latencyMs: number) => void;
}

/**
 * The numbered messages of one signal and QoS level.
 *
 * Each QoS 1 and 2 message is retained on its own topic. So the retained message is always the last one that the cluster
 * applied, and the numbers continue from it without a gap after a restart or takeover. This requires that messages are
 * applied in the order of their numbers. So if the server rejects a message, no new message is sent before that one is
 * acknowledged. QoS 0 messages are not retained, so each active role starts a run of its own.
 */
export class TelemetryStream {
  readonly #options: StreamOptions;
  readonly #topic: string;
  readonly name: string;
  #lastNumber: number;
  #highestAcked: number;
  #inFlight = 0;
  #rejected: number[] = [];
  #retryTimer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#topic = telemetryTopic(options.group, options.signal, options.qos);
    this.name = streamName(options.signal, options.qos);
    this.#lastNumber = this.#highestAcked = options.position.lastNumber;
  }

  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Sends the next message, or skips it without using a number. */
  emit(): void {
    const { qos, count, isConnected, unackedMax } = this.#options;
    const full = this.#inFlight >= unackedMax || this.#rejected.length > 0;
    if (this.#stopped) return;
    if (qos === 0 ? !isConnected() : full) return count('skipped', qos);
    this.#lastNumber += 1;
    count('sent', qos);
    void this.#send(this.#lastNumber);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
  }

  async #send(number: number): Promise<void> {
    const { qos, publish, count, onAck } = this.#options;
    const startedMs = performance.now();
    this.#inFlight += 1;
    try {
      // A repeated message must not replace a retained message with a higher number.
      const retain = qos > 0 && number > this.#highestAcked;
      await publish(this.#topic, JSON.stringify(this.#payload(number)), { qos, retain });
      this.#inFlight -= 1;
      this.#highestAcked = Math.max(this.#highestAcked, number);
      if (qos > 0) {
        count('acked', qos);
        onAck(qos, performance.now() - startedMs);
      }
    } catch (error) {
      this.#inFlight -= 1;
      this.#failed(number, (error as { code?: unknown }).code);
    }
    this.#scheduleRetry();
  }

  #payload(number: number): TelemetryPayload {
    const { group, signal, position, value } = this.#options;
    return { group, signal, number, sentAt: Date.now(), value: value(signal, number), run: position.run };
  }

  #failed(number: number, code: unknown): void {
    const { qos, count } = this.#options;
    if (code === 'CLIENT_STOPPED') return count('unknown', qos);
    count('refused', qos);
    if (qos > 0) this.#rejected.push(number);
  }

  /**
   * Sends the rejected messages again when no message is in flight, because only then does the stream know
   * which numbers the server has accepted.
   */
  #scheduleRetry(): void {
    if (this.#inFlight > 0 || this.#rejected.length === 0 || this.#stopped || this.#retryTimer) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      const numbers = this.#rejected.sort((a, b) => a - b);
      this.#rejected = [];
      for (const number of numbers) void this.#send(number);
    }, this.#options.refusedRetryDelayMs);
  }
}
