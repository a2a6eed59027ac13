import { feedTopic, nowMs, seriesName } from './protocol.ts';
import type { Events, Tally } from './protocol.ts';

/** Largest number of recorded times. The bound protects the memory when the bench no longer reads the times. */
const timesMax = 1_000_000;

export interface Received {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Records the times and the numbers of messages, by series, until the bench reads them. */
export class Recorder {
  #times = new Map<string, number[]>();
  #numbers = new Map<string, number[]>();
  #sent = new Map<string, number>();
  #count = 0;

  /** Records that a message was acknowledged or received now. */
  record(series: string): void {
    if (this.#count >= timesMax) return;
    this.#count++;
    add(this.#times, series, nowMs());
  }

  /**
   * Records the number of a received message. The numbers of a round stay until `clear`. They have no other bound than the
   * longest time of a round: a dropped number would count as a lost message.
   */
  number(series: string, number: number): void {
    add(this.#numbers, series, number);
  }

  /** Records that a client has published one more message. */
  sent(client: string): void {
    this.#sent.set(client, (this.#sent.get(client) ?? 0) + 1);
  }

  take(): Events {
    const events = Object.fromEntries(this.#times);
    this.#times = new Map();
    this.#count = 0;
    return events;
  }

  tally(): Tally {
    return { sent: Object.fromEntries(this.#sent), received: Object.fromEntries(this.#numbers) };
  }

  clear(): void {
    this.#times = new Map();
    this.#numbers = new Map();
    this.#sent = new Map();
    this.#count = 0;
  }
}

function add(lists: Map<string, number[]>, series: string, value: number): void {
  const list = lists.get(series);
  if (list) list.push(value);
  else lists.set(series, [value]);
}

/** Records a message of the feeding publisher, which the subscriber of a client has received. */
export function recordFeed(
  recorder: Recorder,
  { name, label, topic, payload }: Received & { readonly name: string; readonly label: string },
): void {
  for (const qos of [0, 1] as const) {
    if (topic !== feedTopic(label, qos)) continue;
    const series = seriesName(name, `subscriber QoS ${qos}`);
    recorder.record(series);
    recorder.number(series, numberOf(payload));
  }
}

export function numberOf(payload: Uint8Array): number {
  return Number(Buffer.from(payload).toString());
}
