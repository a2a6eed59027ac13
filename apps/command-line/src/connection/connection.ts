import { apiPrefix, changeHeader, commandLineUserAgent } from '@mqtt-cluster/api/acts';
import type { paths } from '@mqtt-cluster/api/client';
import createClient from 'openapi-fetch';
import type { Client } from 'openapi-fetch';
import { CommandError } from '../program/errors.ts';
import { eventsOf } from './event-stream.ts';
import type { OnNamedEvent } from './event-stream.ts';
import { rejectionOf, unanswered } from './failures.ts';
import type { Fetch } from './node-fetch.ts';

/** Time for one answer. It is longer than the time within which a leader carries out a change. */
const answerMsMax = 15_000;

/** The answer of `openapi-fetch`. */
type Answer<T> = { readonly response: Response } & (
  { readonly data: T; readonly error?: never } | { readonly data?: never; readonly error: unknown }
);

/** Requests to the HTTP API of one server. */
export class Connection {
  readonly server: string;
  readonly #client: Client<paths>;
  readonly #fetch: Fetch;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(server: string, authorization: string | null, fetch: Fetch, hasCertificate: boolean) {
    this.server = server;
    this.#headers = {
      'user-agent': commandLineUserAgent,
      // A read needs no such header, and no server objects to it.
      [changeHeader.name]: changeHeader.value,
      ...(authorization !== null && { authorization }),
    };
    this.#fetch = async (request) => {
      try {
        return await fetch(request);
      } catch (cause) {
        throw unanswered(server, cause, hasCertificate);
      }
    };
    this.#client = createClient<paths>({
      baseUrl: `${server}${apiPrefix}`,
      headers: this.#headers,
      fetch: (request) => {
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(answerMsMax)]);
        return this.#fetch(new Request(request, { signal }));
      },
    });
  }

  /** Sends a request and returns the body of its answer. @throws CommandError the request failed */
  async ask<T>(send: (client: Client<paths>) => Promise<Answer<T>>): Promise<T> {
    const answer = await this.#sent(send);
    if (answer.response.ok && answer.data !== undefined) return answer.data;
    throw rejectionOf(this.server, answer.response.status, answer.error);
  }

  /**
   * As {@link ask}, for an operation whose answer has the same body with 503.
   *
   * @param isBody whether the body of a 503 is such an answer, and no problem
   */
  async askAlso503<T>(
    send: (client: Client<paths>) => Promise<Answer<T>>,
    isBody: (body: unknown) => body is T,
  ): Promise<T> {
    const answer = await this.#sent(send);
    if (answer.response.ok && answer.data !== undefined) return answer.data;
    if (answer.response.status === 503 && isBody(answer.error)) return answer.error;
    throw rejectionOf(this.server, answer.response.status, answer.error);
  }

  /** Returns the JSON body of a page outside the API. @throws CommandError */
  async page(path: '/status'): Promise<unknown> {
    const signal = AbortSignal.timeout(answerMsMax);
    const response = await this.#fetch(
      new Request(`${this.server}${path}`, { headers: this.#headers, signal }),
    );
    const body = bodyOf(await response.text());
    if (!response.ok) throw rejectionOf(this.server, response.status, body);
    return body;
  }

  /** Yields the events of a stream. @throws CommandError */
  async *events<Item>(
    path: '/subscribe' | '/trace',
    query: Readonly<Record<string, string | number | boolean>>,
    onNamed: OnNamedEvent = () => undefined,
  ): AsyncGenerator<Item> {
    const parameters = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    const url = `${this.server}${apiPrefix}${path}?${new URLSearchParams(parameters)}`;
    const response = await this.#fetch(new Request(url, { headers: this.#headers }));
    if (!response.ok || response.body === null) {
      throw rejectionOf(this.server, response.status, bodyOf(await response.text()));
    }
    yield* eventsOf<Item>(response.body, onNamed);
  }

  /** Returns a body of bytes, and reports how many bytes have arrived. @throws CommandError */
  async bytes(
    path: '/backup' | '/backup?stale=true',
    onProgress: (received: number) => void,
  ): Promise<Buffer> {
    const url = `${this.server}${apiPrefix}${path}`;
    const response = await this.#fetch(new Request(url, { headers: this.#headers }));
    if (!response.ok || response.body === null) {
      throw rejectionOf(this.server, response.status, bodyOf(await response.text()));
    }
    const chunks: Uint8Array[] = [];
    let received = 0;
    try {
      for await (const chunk of response.body) {
        chunks.push(chunk);
        received += chunk.length;
        onProgress(received);
      }
    } catch (cause) {
      throw new CommandError(`${this.server} closed the connection after ${received} bytes`, { cause });
    }
    return Buffer.concat(chunks);
  }

  async #sent<T>(send: (client: Client<paths>) => Promise<Answer<T>>): Promise<Answer<T>> {
    try {
      return await send(this.#client);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new CommandError(`${this.server} answered with a body that is not JSON`, { cause: error });
    }
  }
}

function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
