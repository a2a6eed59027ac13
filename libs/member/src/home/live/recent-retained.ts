import type { LogIndex, Message } from '@mqtt-cluster/contracts';

/** Live messages older than this are dropped in any case, so older entries are not needed, ms. */
const keepMs = 1_000;
/** Upper bound of the topics. At the bound the oldest is deleted. */
const topicsMax = 10_000;

interface Applied {
  readonly publisher: string | undefined;
  readonly index: LogIndex;
  readonly atMs: number;
}

/**
 * The retained QoS 0 messages that were applied in the last second. A live message that its client published
 * before one of them, on the same topic, is too late: a subscriber would receive the two in the wrong order
 * [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]. QoS 0 messages may be lost, so the late one is dropped.
 */
export class RecentRetained {
  /** By topic, in the order of their times. */
  readonly #applied = new Map<string, Applied>();

  add({ topic, publisher }: Message, index: LogIndex, nowMs: number): void {
    this.#applied.delete(topic);
    this.#applied.set(topic, { publisher, index, atMs: nowMs });
    if (this.#applied.size > topicsMax) this.#expire(Infinity, 1);
  }

  /** @param appliedIndex the index that the sender had applied when it sent the live message */
  isLate({ topic, publisher }: Message, appliedIndex: LogIndex): boolean {
    if (this.#applied.size === 0) return false;
    const newer = this.#applied.get(topic);
    return newer !== undefined && newer.publisher === publisher && newer.index > appliedIndex;
  }

  expire(nowMs: number): void {
    if (this.#applied.size > 0) this.#expire(nowMs - keepMs, Infinity);
  }

  #expire(beforeMs: number, countMax: number): void {
    let count = 0;
    for (const [topic, { atMs }] of this.#applied) {
      if (atMs >= beforeMs || count++ >= countMax) return;
      this.#applied.delete(topic);
    }
  }
}
