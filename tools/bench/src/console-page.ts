import { Agent, get } from 'node:http';
import type { Endpoint } from './generator/load.ts';

/**
 * The requests of the page *Clients* of the web console, and the time from an answer to the next request. The figures are
 * those of `apps/console/src`: every page asks for the overview.
 */
const polls = [
  { path: '/api/v1/overview', everyMs: 2_000 },
  { path: '/api/v1/clients?limit=50', everyMs: 4_000 },
] as const;

/** Asks a member as an open page of the console does. */
export class ConsolePage {
  readonly #endpoint: Endpoint;
  readonly #agent = new Agent({ keepAlive: true });
  #answers = 0;
  #failure: Error | null = null;
  #isClosed = false;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    for (const { path, everyMs } of polls) this.#ask(path, everyMs);
  }

  /** Returns the number of answers. @throws Error a request has failed */
  answers(): number {
    if (this.#failure !== null) throw this.#failure;
    return this.#answers;
  }

  close(): void {
    this.#isClosed = true;
    this.#agent.destroy();
  }

  #ask(path: string, everyMs: number): void {
    if (this.#isClosed) return;
    const { host, port } = this.#endpoint;
    const request = get({ host, port, path, agent: this.#agent }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode !== 200) this.#failure ??= new Error(`${path}: ${response.statusCode}`);
        this.#answers++;
        setTimeout(() => this.#ask(path, everyMs), everyMs).unref();
      });
    });
    request.on('error', (error) => {
      if (!this.#isClosed) this.#failure ??= error;
    });
  }
}
