import { parseJson, telemetryPayloadSchema } from '@mqtt-cluster/contracts';
import type { QoS } from '@mqtt-cluster/contracts';

/** The name of the stream of one signal and QoS level. */
export function streamName(signal: string, qos: QoS): string {
  return `${signal}/qos${qos}`;
}

const samplesPerWave = 60;

/** Returns a sine wave around 20 with a period of 60 messages. Equal numbers have equal values. */
export function waveValue(_signal: string, number: number): number {
  return Math.round((20 + 5 * Math.sin((2 * Math.PI * number) / samplesPerWave)) * 1_000) / 1_000;
}

/** The last message of a stream. The stream continues with the next number of the same run. */
export interface StreamPosition {
  readonly run: string;
  readonly lastNumber: number;
}

/** Collects the last positions of a group's streams from their retained messages. */
export class LastNumbers {
  readonly #group: string;
  readonly #streams: ReadonlySet<string>;
  readonly #found = new Map<string, StreamPosition>();

  constructor(group: string, streams: readonly string[]) {
    this.#group = group;
    this.#streams = new Set(streams);
  }

  get complete(): boolean {
    return this.#found.size === this.#streams.size;
  }

  add(topic: string, payload: Uint8Array): void {
    const telemetry = parseJson(telemetryPayloadSchema, payload);
    const stream = topic.slice(`telemetry/${this.#group}/`.length);
    if (!telemetry || telemetry.group !== this.#group || !this.#streams.has(stream)) return;
    const { run, number } = telemetry;
    const known = this.#found.get(stream);
    // Messages of the former active publisher may also arrive. A message with a lower number is ignored.
    if (!known || number > known.lastNumber) this.#found.set(stream, { run, lastNumber: number });
  }

  of(stream: string): StreamPosition | undefined {
    return this.#found.get(stream);
  }
}
