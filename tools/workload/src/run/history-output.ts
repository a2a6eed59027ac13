import type { HistoryEvent, HistoryWriter } from '@mqtt-cluster/history-checker';

/** The history's file as clients see it: when it has no room, they publish nothing until it has. */
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

  /** Never throws: {@link close} reports the first failure. */
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
