import type { Logger } from '@mqtt-cluster/contracts';
import type { HttpExchange } from '@mqtt-cluster/runtime';

type Answer = (exchange: HttpExchange) => Promise<void>;

/**
 * Hands requests below `/api/` to the HTTP API. The API is loaded for the first request, so that a member without
 * requests needs no memory for it.
 */
export class ApiGateway {
  readonly #load: () => Promise<Answer>;
  readonly #logger: Logger;
  #answer: Promise<Answer> | null = null;

  constructor(load: () => Promise<Answer>, logger: Logger) {
    this.#load = load;
    this.#logger = logger;
  }

  /** Returns false for a path that belongs to another component. */
  takeOver(exchange: HttpExchange): boolean {
    if (!exchange.path.startsWith('/api/')) return false;
    this.#serve(exchange).catch((error: unknown) => {
      this.#logger.error({ reason: String(error) }, 'the HTTP API could not answer');
      exchange.response.destroy();
    });
    return true;
  }

  async #serve(exchange: HttpExchange): Promise<void> {
    this.#answer ??= this.#load();
    const answer = await this.#answer;
    await answer(exchange);
  }
}
