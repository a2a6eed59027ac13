import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { host } from '@mqtt-cluster/testing';

/** Answer of a fake server: a body for JSON, a text for a stream, or bytes. */
interface FakeAnswer {
  readonly status?: number;
  readonly body?: unknown;
  readonly stream?: string;
  readonly bytes?: Uint8Array;
}

interface FakeRequest {
  readonly method: string;
  /** Path below the prefix of the API, with the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** Returns the answer, or null to send none, or `close` to close the connection. */
export type Handler = (request: FakeRequest) => FakeAnswer | 'close' | null;

export const gaps = { unreachable: [], tooOld: [] };

/** An HTTP server that answers as a member does, and records the requests. */
export class FakeApi {
  readonly requests: FakeRequest[] = [];
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(handler: Handler, tls: ServerOptions | undefined) {
    this.#scheme = tls === undefined ? 'http' : 'https';
    this.#server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
    this.#server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { method = '', url = '', headers } = request;
        const received = {
          method,
          path: url.replace('/api/v1', ''),
          headers,
          body: text && JSON.parse(text),
        };
        this.requests.push(received);
        const answer = handler(received);
        if (answer === null) return;
        if (answer === 'close') return void request.socket.destroy();
        const { status = 200, body, stream, bytes } = answer;
        const isProblem = status >= 400 && typeof body === 'object';
        const type = stream === undefined ? 'application/json' : 'text/event-stream';
        response.writeHead(status, { 'content-type': isProblem ? 'application/problem+json' : type });
        response.end(bytes ?? stream ?? JSON.stringify(body));
      });
    });
  }

  static async start(handler: Handler, tls?: ServerOptions): Promise<FakeApi> {
    const api = new FakeApi(handler, tls);
    api.#server.listen(0, host);
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    return `${this.#scheme}://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Returns a handler that answers the requests of the table: method and path without the query. */
export function answering(table: Readonly<Record<string, unknown>>): Handler {
  return ({ method, path }) => {
    const body = table[`${method} ${path.split('?')[0]}`];
    const detail = 'There is no such path.';
    return body === undefined
      ? { status: 404, body: { type: 'about:blank', title: '', status: 404, detail } }
      : { body };
  };
}
