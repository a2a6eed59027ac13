import { parseJson, telemetryPayloadSchema } from '@mqtt-cluster/contracts';
import type { QoS } from '@mqtt-cluster/contracts';

export function streamName(signal: string, qos: QoS): string {
  return `${signal}/qos${qos}`;
}

const samplesPerWave = 60;

/** A slow wave around 20: the same number always has the same value. */
export function waveValue(_signal: string, number: number): number {
  return Math.round((20 + 5 * Math.sin((2 * Math.PI * number) / samplesPerWave)) * 1_000) / 1_000;
}

/** Where the numbers of a stream go on. */
export interface Continuation {
  readonly run: string;
  readonly lastNumber: number;
}

/** Collects the last messages of a group's streams, as the retained ones tell. */
export class LastNumbers {
  readonly #group: string;
  readonly #wanted: ReadonlySet<string>;
  readonly #found = new Map<string, Continuation>();

  constructor(group: string, streams: readonly string[]) {
    this.#group = group;
    this.#wanted = new Set(streams);
  }

  get complete(): boolean {
    return this.#found.size === this.#wanted.size;
  }

  add(topic: string, payload: Uint8Array): void {
    const telemetry = parseJson(telemetryPayloadSchema, payload);
    const stream = topic.slice(`telemetry/${this.#group}/`.length);
    if (!telemetry || telemetry.group !== this.#group || !this.#wanted.has(stream)) return;
    const { run, number } = telemetry;
    const known = this.#found.get(stream);
    // Besides the retained one there may be late messages of a former active one: only a higher number
    // counts.
    if (!known || number > known.lastNumber) this.#found.set(stream, { run, lastNumber: number });
  }

  of(stream: string): Continuation | undefined {
    return this.#found.get(stream);
  }
}
