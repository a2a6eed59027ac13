import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { ListenError } from '@mqtt-cluster/contracts';
import type { Lifecycle, Logger } from '@mqtt-cluster/contracts';
import { httpPaths } from './http-paths.ts';

/** Whether something holds, and if not why, in one sentence. */
export interface Verdict {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one (see `address()`). */
  readonly port: number;
  readonly logger: Logger;
  /** `/metrics` */
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  /** `/healthz`: the process works; restart it if not. */
  readonly health: () => Verdict;
  /** `/readyz`: send clients here. */
  readonly ready: () => Verdict;
  /** `/status`: anything that JSON can hold. */
  readonly status: () => unknown;
  /** More paths (GET), JSON like the status; a drain page, say. Answers may be promises. */
  readonly pages?: Readonly<Record<string, () => unknown>>;
  /** Everything else, any method; null when it is none of its paths. Who may ask is for it to decide. */
  readonly routes?: (request: HttpRequest) => Promise<HttpAnswer> | null;
}

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Asked from this very host, and not through a proxy or a browser's page. */
  readonly isLocal: boolean;
  /** The body as JSON; an empty one is an empty object. @throws HttpBodyError */
  json(): Promise<unknown>;
}

export interface HttpAnswer {
  readonly code: number;
  /** JSON, or bytes as they are. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the client sent is no JSON, or too much: its message is for the client. */
export class HttpBodyError extends Error {}

const bodyBytesMax = 64 * 1024;

export interface HttpServer extends Lifecycle {
  address(): { readonly host: string; readonly port: number };
}

/** Scrapers and probes need few; more wait in the kernel. */
const connectionsMax = 64;
const requestTimeoutMs = 10_000;
const headersTimeoutMs = 5_000;

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The appliance's page of numbers, on Node's own HTTP server: fastify was measured to take 25 MB more for
 * these four pages.
 *
 * `start` throws {@link ListenError}.
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
            options.logger.warn({ reason: error.message }, 'the HTTP server has an error');
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

type Page = () => Answer | Promise<Answer>;

function pagesOf({
  metrics,
  health,
  ready,
  status,
  pages = {},
}: HttpServerOptions): ReadonlyMap<string, Page> {
  const all = new Map<string, Page>([
    [httpPaths.metrics, async () => ({ code: 200, type: metrics.contentType, body: await metrics.render() })],
    [httpPaths.health, () => verdictAnswer(health())],
    [httpPaths.ready, () => verdictAnswer(ready())],
    [httpPaths.status, () => json(200, status())],
  ]);
  for (const [path, page] of Object.entries(pages)) all.set(path, async () => json(200, await page()));
  return all;
}

function verdictAnswer({ ok, reason }: Verdict): Answer {
  return json(ok ? 200 : 503, reason === undefined ? { ok } : { ok, reason });
}

function json(code: number, value: unknown): Answer {
  return { code, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

async function respond(
  pages: ReadonlyMap<string, Page>,
  routes: HttpServerOptions['routes'],
  request: IncomingMessage,
  response: ServerResponse,
  logger: Logger,
): Promise<void> {
  const answer = await answerTo(pages, routes, request, logger);
  response.writeHead(answer.code, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function answerTo(
  pages: ReadonlyMap<string, Page>,
  routes: HttpServerOptions['routes'],
  request: IncomingMessage,
  logger: Logger,
): Promise<Answer> {
  const { path, query } = targetOf(request);
  const page = pages.get(path);
  try {
    if (!page) return await routeTo(routes, path, query, request, pages);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return json(405, { error: 'only GET and HEAD' });
    return await page();
  } catch (error) {
    if (error instanceof HttpBodyError) return json(400, { error: error.message });
    // One page that can't be made must not end the broker.
    logger.error({ path, reason: error instanceof Error ? error.message : String(error) }, 'a page failed');
    return json(500, { error: 'this page failed, see the log' });
  }
}

async function routeTo(
  routes: HttpServerOptions['routes'],
  path: string,
  query: URLSearchParams,
  request: IncomingMessage,
  pages: ReadonlyMap<string, Page>,
): Promise<Answer> {
  const { method = 'GET', headers, socket } = request;
  const isLocal = isFromThisHost(socket) && !passedOn(headers);
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

/** Loopback, or the host's own address at both ends (a server that listens on that one only). */
function isFromThisHost({ remoteAddress, localAddress }: Socket): boolean {
  if (remoteAddress === undefined) return false;
  const plain = remoteAddress.replace(/^::ffff:/, '');
  return plain === '::1' || /^127\./.test(plain) || remoteAddress === localAddress;
}

/** A proxy on this host speaks for others, and a page in a browser on it for whoever wrote the page. */
function passedOn(headers: IncomingHttpHeaders): boolean {
  const { host = '', origin, forwarded, via, 'x-forwarded-for': forwardedFor } = headers;
  if (origin !== undefined || forwarded !== undefined || via !== undefined || forwardedFor !== undefined)
    return true;
  // A name that was made to point here (DNS rebinding) is neither an address nor `localhost`.
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
    throw new HttpBodyError('the body is no JSON');
  }
}
