/** Payload bytes that add 1 to the weight of a publish. A QoS 1 publish without payload has weight 1. */
export const weightUnitBytes = 4_096;

interface PublishWindowHost {
  /**
   * Reports that the window of unacknowledged publishes is full (true: pause the socket) or has room again
   * (false: resume it).
   */
  onPublishWindow(full: boolean): void;
}

/**
 * Bounds the unacknowledged QoS 1 publishes of one client. Reports when the window becomes full, and when
 * half of it is free again.
 */
export class PublishWindow {
  readonly #weightMax: number;
  readonly #host: PublishWindowHost;
  /** Weights of the unacknowledged publishes, in the order of their PUBACKs. */
  #weights: number[] = [];
  /** Index of the oldest unacknowledged publish. */
  #head = 0;
  #weight = 0;
  #full = false;

  constructor(weightMax: number, host: PublishWindowHost) {
    this.#weightMax = weightMax;
    this.#host = host;
  }

  /** Payload bytes of the unacknowledged publishes, in whole weight units, so small payloads count nothing. */
  get largeBytes(): number {
    return (this.#weight - (this.#weights.length - this.#head)) * weightUnitBytes;
  }

  add(payloadBytes: number): void {
    const weight = 1 + Math.floor(payloadBytes / weightUnitBytes);
    this.#weights.push(weight);
    this.#weight += weight;
    if (!this.#full && this.#weight >= this.#weightMax) {
      this.#full = true;
      this.#host.onPublishWindow(true);
    }
  }

  /** Removes the oldest publish. */
  removeOldest(): void {
    this.#weight -= this.#weights[this.#head] ?? 0;
    this.#head++;
    if (this.#head === this.#weights.length) {
      this.#weights = [];
      this.#head = 0;
    }
    if (this.#full && this.#weight <= this.#weightMax / 2) {
      this.#full = false;
      this.#host.onPublishWindow(false);
    }
  }
}
