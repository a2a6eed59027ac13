import { telemetryTopic } from '@mqtt-cluster/contracts';
import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { streamName } from './telemetry.ts';
import type { Continuation } from './telemetry.ts';

export type CountName = 'sent' | 'acked' | 'skipped' | 'refused' | 'unknown';

export interface StreamOptions {
  readonly group: string;
  readonly signal: string;
  readonly qos: QoS;
  readonly continuation: Continuation;
  readonly unackedMax: number;
  readonly refusedRetryDelayMs: number;
  readonly value: (signal: string, number: number) => number;
  readonly connected: () => boolean;
  readonly publish: (topic: string, payload: string, options: { qos: QoS; retain: boolean }) => Promise<void>;
  readonly count: (name: CountName, qos: QoS) => void;
  readonly acked: (qos: QoS, latencyMs: number) => void;
}

/**
 * The numbered messages of one signal and QoS level.
 *
 * Each QoS 1 and 2 message is retained on its own topic, so the retained one is always the last that the
 * cluster applied, and numbers go on from there without a gap after a restart or takeover. That needs the
 * messages applied in the order of their numbers: when one is refused nothing new leaves before it got
 * through. QoS 0 is not retained (it would go through the log), so nothing keeps its last number, and each
 * tenure has a run of its own.
 */
export class TelemetryStream {
  readonly #options: StreamOptions;
  readonly #topic: string;
  readonly name: string;
  #lastNumber: number;
  #highestAcked: number;
  #inFlight = 0;
  #refused: number[] = [];
  #retryTimer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#topic = telemetryTopic(options.group, options.signal, options.qos);
    this.name = streamName(options.signal, options.qos);
    this.#lastNumber = this.#highestAcked = options.continuation.lastNumber;
  }

  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Sends the next message, or skips it. */
  emit(): void {
    const { qos, count, connected, unackedMax } = this.#options;
    const full = this.#inFlight >= unackedMax || this.#refused.length > 0;
    if (this.#stopped) return;
    if (qos === 0 ? !connected() : full) return count('skipped', qos);
    this.#lastNumber += 1;
    count('sent', qos);
    void this.#send(this.#lastNumber);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
  }

  async #send(number: number): Promise<void> {
    const { qos, publish, count, acked } = this.#options;
    const startedMs = performance.now();
    this.#inFlight += 1;
    try {
      // A message sent again must not hide a higher number that was applied before it.
      const retain = qos > 0 && number > this.#highestAcked;
      await publish(this.#topic, JSON.stringify(this.#payload(number)), { qos, retain });
      this.#inFlight -= 1;
      this.#highestAcked = Math.max(this.#highestAcked, number);
      if (qos > 0) {
        count('acked', qos);
        acked(qos, performance.now() - startedMs);
      }
    } catch (error) {
      this.#inFlight -= 1;
      this.#failed(number, (error as { code?: unknown }).code);
    }
    this.#retryLater();
  }

  #payload(number: number): TelemetryPayload {
    const { group, signal, continuation, value } = this.#options;
    return { group, signal, number, sentAt: Date.now(), value: value(signal, number), run: continuation.run };
  }

  #failed(number: number, code: unknown): void {
    const { qos, count } = this.#options;
    if (code === 'CLIENT_STOPPED') return count('unknown', qos);
    count('refused', qos);
    if (qos > 0) this.#refused.push(number);
  }

  /** When nothing is on the way any more it is known which numbers got through. */
  #retryLater(): void {
    if (this.#inFlight > 0 || this.#refused.length === 0 || this.#stopped || this.#retryTimer) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      const again = this.#refused.sort((a, b) => a - b);
      this.#refused = [];
      for (const number of again) void this.#send(number);
    }, this.#options.refusedRetryDelayMs);
  }
}
