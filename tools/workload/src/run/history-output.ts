import type { HistoryEvent, HistoryWriter } from '@mqtt-cluster/history-checker';

/**
 * Writes events to the history's file. While {@link hasRoom} is false, clients must not publish QoS 1 or 2
 * messages.
 */
export class HistoryOutput {
  readonly #writer: HistoryWriter;
  #hasRoom = true;
  #failure: unknown = null;

  constructor(writer: HistoryWriter) {
    this.#writer = writer;
  }

  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Writes an event. It never throws; {@link close} throws the first failure. */
  write(event: HistoryEvent): void {
    if (this.failed) return;
    try {
      if (this.#writer.write(event) || !this.#hasRoom) return;
    } catch (error) {
      this.#failure = error;
      return;
    }
    this.#hasRoom = false;
    this.#writer.ready().then(
      () => (this.#hasRoom = true),
      (error: unknown) => (this.#failure = error),
    );
  }

  /** @throws HistoryError when an event could not be written */
  async close(): Promise<void> {
    await this.#writer.close();
    if (this.failed) throw this.#failure;
  }
}
