import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { isLoopback, ListenError } from '@mqtt-cluster/contracts';
import type { Lifecycle, Logger } from '@mqtt-cluster/contracts';
import { httpPaths } from './http-paths.ts';

/** The result of a health or readiness check. `reason` explains a failure in one sentence. */
export interface CheckResult {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 lets the system choose a free port (see `address()`). */
  readonly port: number;
  readonly logger: Logger;
  /** Renders `/metrics`. */
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  /** Check behind `/healthz`: the process works. A process that fails this check should be restarted. */
  readonly health: () => CheckResult;
  /** Check behind `/readyz`: clients may connect. */
  readonly ready: () => CheckResult;
  /** Returns the value of `/status`: any value that JSON can represent. */
  readonly status: () => unknown;
  /** More paths for GET. Each function returns a JSON value, or a promise of a JSON value. */
  readonly pages?: Readonly<Record<string, () => unknown>>;
  /**
   * Handles all other paths and methods. Returns null when the path is unknown. The handler must authorize
   * the request.
   */
  readonly routes?: (request: HttpRequest) => Promise<HttpResponse> | null;
}

export interface HttpRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /**
   * True if a program on this host sent the request directly: not through a proxy, and not from a page in a
   * browser.
   */
  readonly isLocal: boolean;
  /**
   * Reads the body as JSON. An empty body is an empty object.
   *
   * @throws HttpBodyError the body is not JSON, or is larger than 64 KiB
   */
  json(): Promise<unknown>;
}

export interface HttpResponse {
  readonly code: number;
  /** A value that is sent as JSON, or bytes that are sent unchanged. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The request body is not JSON or too large. The server sends the message to the HTTP client. */
export class HttpBodyError extends Error {}

const bodyBytesMax = 64 * 1024;

export interface HttpServer extends Lifecycle {
  address(): { readonly host: string; readonly port: number };
}

/**
 * Largest number of open connections. The server closes further connections; scrapers and probes need only a
 * few.
 */
const connectionsMax = 64;
const requestTimeoutMs = 10_000;
const headersTimeoutMs = 5_000;

interface RawResponse {
  readonly code: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Creates the HTTP server of a program: metrics, health, readiness, status and the program's own routes. It
 * uses Node's HTTP server, because fastify took 25 MB more memory for these pages. `start` rejects with a
 * {@link ListenError} when the address cannot be bound.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const pages = pagesOf(options);
  const server = createServer((request, response) => {
    void respond(pages, options.routes, request, response, options.logger);
  });
  server.maxConnections = connectionsMax;
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = headersTimeoutMs;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        const failed = (cause: NodeJS.ErrnoException): void => {
          const reason = cause.code === 'EADDRINUSE' ? 'the address is in use' : cause.message;
          const message = `The HTTP server cannot listen on ${options.host}:${options.port}: ${reason}`;
          reject(new ListenError(message, { cause }));
        };
        server.once('error', failed);
        server.listen({ host: options.host, port: options.port }, () => {
          server.off('error', failed);
          server.on('error', (error) => {
            options.logger.warn({ reason: error.message }, 'the HTTP server reported an error');
          });
          resolve();
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    address() {
      const { address, port } = server.address() as AddressInfo;
      return { host: address, port };
    },
  };
}

type Page = () => RawResponse | Promise<RawResponse>;

function pagesOf({
  metrics,
  health,
  ready,
  status,
  pages = {},
}: HttpServerOptions): ReadonlyMap<string, Page> {
  const all = new Map<string, Page>([
    [httpPaths.metrics, async () => ({ code: 200, type: metrics.contentType, body: await metrics.render() })],
    [httpPaths.health, () => checkResponse(health())],
    [httpPaths.ready, () => checkResponse(ready())],
    [httpPaths.status, () => json(200, status())],
  ]);
  for (const [path, page] of Object.entries(pages)) all.set(path, async () => json(200, await page()));
  return all;
}

function checkResponse({ ok, reason }: CheckResult): RawResponse {
  return json(ok ? 200 : 503, reason === undefined ? { ok } : { ok, reason });
}

function json(code: number, value: unknown): RawResponse {
  return { code, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

async function respond(
  pages: ReadonlyMap<string, Page>,
  routes: HttpServerOptions['routes'],
  request: IncomingMessage,
  response: ServerResponse,
  logger: Logger,
): Promise<void> {
  const answer = await responseTo(pages, routes, request, logger);
  response.writeHead(answer.code, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function responseTo(
  pages: ReadonlyMap<string, Page>,
  routes: HttpServerOptions['routes'],
  request: IncomingMessage,
  logger: Logger,
): Promise<RawResponse> {
  const { path, query } = targetOf(request);
  const page = pages.get(path);
  try {
    if (!page) return await routeTo(routes, path, query, request, pages);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return json(405, { error: 'this path allows only GET and HEAD' });
    return await page();
  } catch (error) {
    if (error instanceof HttpBodyError) return json(400, { error: error.message });
    // An error of one page must not end the process.
    logger.error(
      { path, reason: error instanceof Error ? error.message : String(error) },
      'an HTTP request failed',
    );
    return json(500, { error: 'the request failed; the log has the reason' });
  }
}

async function routeTo(
  routes: HttpServerOptions['routes'],
  path: string,
  query: URLSearchParams,
  request: IncomingMessage,
  pages: ReadonlyMap<string, Page>,
): Promise<RawResponse> {
  const { method = 'GET', headers, socket } = request;
  const isLocal = isFromThisHost(socket) && !isForwarded(headers);
  const pending = routes?.({ method, path, query, headers, isLocal, json: () => readJson(request) }) ?? null;
  if (pending === null) return json(404, { error: 'not found', pages: [...pages.keys()] });
  const { code, body, headers: more } = await pending;
  const answer =
    body instanceof Uint8Array ? { code, type: 'application/octet-stream', body } : json(code, body);
  return more === undefined ? answer : { ...answer, headers: more };
}

function targetOf(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const [path = '', ...rest] = (request.url ?? '').split('?');
  return { path, query: new URLSearchParams(rest.join('?')) };
}

/**
 * Returns whether the connection comes from this host: from a loopback address, or from the address that the
 * server itself listens on.
 */
function isFromThisHost({ remoteAddress, localAddress }: Socket): boolean {
  if (remoteAddress === undefined) return false;
  return isLoopback(remoteAddress) || remoteAddress === localAddress;
}

/**
 * Returns whether the request may come from another origin although the connection is local. A proxy on this
 * host forwards requests of other hosts. A page in a browser on this host sends requests of the page's
 * author.
 */
function isForwarded(headers: IncomingHttpHeaders): boolean {
  const { host = '', origin, forwarded, via, 'x-forwarded-for': forwardedFor } = headers;
  if (origin !== undefined || forwarded !== undefined || via !== undefined || forwardedFor !== undefined)
    return true;
  // DNS rebinding: an attacker points a host name at this address. That name is neither an IP address nor
  // `localhost`.
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) === 0 && name !== 'localhost';
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new HttpBodyError(`the body exceeds ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new HttpBodyError('the body is not JSON');
  }
}
