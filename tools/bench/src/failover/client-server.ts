import type { MeasuredClient, MeasuredClientFactory } from './measured-client.ts';
import type { Answer, Command } from './protocol.ts';
import { Recorder } from './recorder.ts';

/** Runs measured clients, as the commands of the bench demand. */
export class ClientServer {
  readonly #factories: readonly MeasuredClientFactory[];
  readonly #recorder = new Recorder();
  #clients: MeasuredClient[] = [];

  constructor(factories: readonly MeasuredClientFactory[]) {
    this.#factories = factories;
  }

  /** @throws Error the clients are not connected in time */
  async carryOut(command: Command): Promise<Answer> {
    switch (command.type) {
      case 'open':
        this.#clients = this.#factories.flatMap((make) => make(command, this.#recorder) ?? []);
        await Promise.all(this.#clients.map((client) => client.open()));
        for (const client of this.#clients) client.begin();
        return { type: 'opened' };
      case 'look':
        return { type: 'events', events: this.#recorder.take() };
      case 'rest':
        for (const client of this.#clients) client.rest();
        return { type: 'rested' };
      case 'tally':
        return { type: 'tally', ...this.#recorder.tally() };
      case 'close':
        await Promise.all(this.#clients.splice(0).map((client) => client.close()));
        this.#recorder.clear();
        return { type: 'closed' };
    }
  }
}
