import { createServer as createPlainServer, STATUS_CODES } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { ListenError, plainAddress } from '@mqtt-cluster/contracts';
import type { Lifecycle, Logger } from '@mqtt-cluster/contracts';
import type { GuardedRequest } from './cross-site.ts';
import { HttpConnections } from './http-connections.ts';
import { httpPaths } from './http-paths.ts';
import { createProtocolSwitch } from './protocol-switch.ts';
import { isForwarded, isFromThisHost, mayBeFromPage } from './request-origin.ts';

/** The result of a health or readiness check. `reason` explains a failure in one sentence. */
export interface CheckResult {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 lets the system choose a free port (see `address()`). */
  readonly port: number;
  /** Serves HTTPS instead of HTTP. */
  readonly tls?: HttpTls;
  /** With `tls`: also serves HTTP at the same port. Default: false. */
  readonly plainToo?: boolean;
  readonly logger: Logger;
  /** Renders `/metrics`. */
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  /** Check behind `/healthz`: the process works. A process that fails this check should be restarted. */
  readonly health: () => CheckResult;
  /** Check behind `/readyz`: clients may connect. */
  readonly ready: () => CheckResult;
  /** Returns the content of `/status`; the server encodes it as JSON. */
  readonly status: () => unknown;
  /** More paths for GET. Each function returns a JSON value, or a promise of a JSON value. */
  readonly pages?: Readonly<Record<string, () => unknown>>;
  /**
   * Handles all other paths and methods. Returns null when the path is unknown. The handler must authorize
   * the request.
   */
  readonly routes?: (request: HttpRequest) => Promise<HttpResponse> | null;
  /**
   * Checks each request and each upgrade before anything else, those of the pages above included. Returns the answer that
   * refuses it, or null. Default: none is refused.
   */
  readonly guard?: (request: GuardedRequest) => HttpResponse | null;
  /**
   * Takes over a request of a path that it knows, and answers it itself. Returns false for any other path. The guard has
   * accepted the request; the taker must authorize it.
   */
  readonly takeOver?: (exchange: HttpExchange) => boolean;
  /** Handles the upgrades of connections. Default: an upgrade is answered like a request. */
  readonly onUpgrade?: (upgrade: HttpUpgrade) => void;
}

/** A request to use the connection for another protocol. The guard of the server has accepted it. */
export interface HttpUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that the client has sent after the request. */
  readonly head: Buffer;
  readonly path: string;
  /** As in {@link HttpRequest}. */
  readonly isLocal: boolean;
  readonly address: string;
  readonly isPrivate: boolean;
  /** Answers the request with an error and closes the connection. */
  refuse(response: HttpResponse): void;
  /**
   * Gives up the place of the connection among those of the server, which no longer bounds it. Call it when another
   * component bounds the connection.
   */
  release(): void;
}

/** Key and certificate in PEM. With `ca`, a client must present a certificate of this authority. */
export interface HttpTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  readonly ca?: string | Buffer;
}

function tlsOptionsOf({ key, cert, ca }: HttpTls): SecureContextOptions & TlsOptions {
  const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return { key, cert, ...clients, minVersion: 'TLSv1.2' };
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
  /** IP address of the client; an IPv4-mapped address in its IPv4 form. */
  readonly address: string;
  /** True if the connection is encrypted, or does not leave this host. */
  readonly isPrivate: boolean;
  /** True if the connection is encrypted. */
  readonly isSecure: boolean;
  /** True if a page in a browser may have sent the request, so that its credentials prove no intention. */
  readonly mayBeFromPage: boolean;
  /**
   * Reads the body as JSON. An empty body is an empty object.
   *
   * @throws HttpBodyError the body is not JSON, or is larger than 512 KiB
   */
  json(): Promise<unknown>;
}

/** A request, and the response that its taker writes. The connection counts as busy until the response ends. */
export interface HttpExchange extends Omit<HttpRequest, 'json'> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface HttpResponse {
  readonly code: number;
  /** A value that is sent as JSON, or bytes that are sent unchanged. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The request body is not JSON or too large. The server sends the message to the HTTP client. */
export class HttpBodyError extends Error {}

/** The largest body is a list of access rules. Handlers read a body after they have authorized the request. */
const bodyBytesMax = 512 * 1024;

export interface HttpServer extends Lifecycle {
  address(): { readonly host: string; readonly port: number };
  /** Replaces key and certificates for new connections. Has no effect on a server without TLS. */
  setTls(tls: HttpTls): void;
}

/** Time for the request line and the headers, TLS included. A silent connection ends after this time. */
const headersTimeoutMs = 5_000;
/** Time for a whole request with its body. */
const requestTimeoutMs = 10_000;
/** Interval at which Node checks both times above. Node's default of 30 s would prolong them. */
const checkIntervalMs = 1_000;
/** Time that an idle connection stays open for the next request. */
const keepAliveTimeoutMs = 5_000;
/** Time without a byte in either direction, for example because a client does not read its answer. */
const inactivityMs = 30_000;

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
  const connections = new HttpConnections(options.logger);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    void respond({ ...options, pages, connections }, request, response);
  };
  const bounds = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
    keepAliveTimeout: keepAliveTimeoutMs,
  };
  const { tls } = options;
  const secure = tls
    ? createSecureServer({ ...bounds, ...tlsOptionsOf(tls), handshakeTimeout: headersTimeoutMs }, answer)
    : null;
  const plain = secure === null || options.plainToo === true ? createPlainServer(bounds, answer) : null;
  const servers = [secure, plain].filter((each) => each !== null);
  for (const each of servers) {
    if (options.onUpgrade !== undefined)
      each.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
        upgrade({ ...options, connections }, request, socket as Socket, head),
      );
    each.timeout = inactivityMs;
  }
  const server =
    secure !== null && plain !== null
      ? createProtocolSwitch({ plain, secure, firstByteMsMax: headersTimeoutMs })
      : servers[0]!;
  // The listener is the first one, so that a connection without a place costs no parser and no handshake.
  server.prependListener('connection', (socket) => connections.add(socket));
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
        for (const each of servers) {
          if (each !== server) each.close();
          each.closeAllConnections();
        }
        connections.closeAll();
      }),
    setTls(tls) {
      secure?.setSecureContext(tlsOptionsOf(tls));
    },
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

/** Time for the answer to a refused upgrade to leave, ms. */
const lingerMs = 1_000;

function upgrade(
  {
    guard,
    onUpgrade,
    connections,
  }: Pick<HttpServerOptions, 'guard' | 'onUpgrade'> & Pick<Responder, 'connections'>,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const refuse = (response: HttpResponse): void => {
    const { code, type, body, headers = {} } = rawOf(response);
    const reason = STATUS_CODES[code] ?? '';
    const all = {
      connection: 'close',
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.on('error', () => undefined);
    socket.write(`HTTP/1.1 ${code} ${reason}\r\n${lines.join('')}\r\n`);
    socket.end(body);
    const linger = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(linger));
  };
  const { headers } = request;
  const refusal = guard?.(guardedRequestOf(request)) ?? null;
  if (refusal !== null) return refuse(refusal);
  onUpgrade!({
    request,
    socket,
    head,
    path: targetOf(request).path,
    isLocal: isFromThisHost(socket) && !isForwarded(headers),
    address: plainAddress(socket.remoteAddress ?? ''),
    isPrivate: socket instanceof TLSSocket || isFromThisHost(socket),
    refuse,
    release: () => connections.release(socket),
  });
}

function guardedRequestOf(request: IncomingMessage): GuardedRequest {
  const { method = 'GET', headers, socket } = request;
  return { method, path: targetOf(request).path, headers, isSecure: socket instanceof TLSSocket };
}

interface Responder extends Pick<HttpServerOptions, 'routes' | 'logger' | 'guard' | 'takeOver'> {
  readonly pages: ReadonlyMap<string, Page>;
  readonly connections: HttpConnections;
}

async function respond(
  responder: Responder,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = responder.guard?.(guardedRequestOf(request)) ?? null;
  if (refusal === null && isTaken(responder, request, response)) return;
  const answer = refusal === null ? await responseTo(responder, request) : rawOf(refusal);
  response.writeHead(answer.code, {
    'content-type': answer.type,
    // An answer 304 has no body of its own, and the length would be that of the body that the client has.
    ...(answer.code !== 304 && { 'content-length': Buffer.byteLength(answer.body) }),
    'cache-control': 'no-store',
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

/** Offers a request to {@link HttpServerOptions.takeOver}. */
function isTaken(
  { takeOver, connections }: Responder,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (takeOver?.({ ...partsOf(request), request, response }) !== true) return false;
  let answered = (): void => undefined;
  let isOver = false;
  const busy = (): void => {
    if (!isOver) answered = connections.answer(request.socket);
  };
  // A client that sends its body slowly must not keep its place.
  if (request.complete || request.method === 'GET' || request.method === 'HEAD') busy();
  else request.once('end', busy);
  response.once('close', () => {
    isOver = true;
    answered();
  });
  return true;
}

/** Returns the parts of a request on which a decision about it depends. */
function partsOf(request: IncomingMessage): Omit<HttpRequest, 'json'> {
  const { method = 'GET', headers, socket } = request;
  return {
    method,
    ...targetOf(request),
    headers,
    isLocal: isFromThisHost(socket) && !isForwarded(headers),
    address: plainAddress(socket.remoteAddress ?? ''),
    isPrivate: socket instanceof TLSSocket || isFromThisHost(socket),
    isSecure: socket instanceof TLSSocket,
    mayBeFromPage: mayBeFromPage(headers),
  };
}

async function responseTo(responder: Responder, request: IncomingMessage): Promise<RawResponse> {
  const { path } = targetOf(request);
  const page = responder.pages.get(path);
  let answered = (): void => undefined;
  try {
    if (!page) return await routeTo(responder, request);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return json(405, { error: 'this path allows only GET and HEAD' });
    answered = responder.connections.answer(request.socket);
    return await page();
  } catch (error) {
    if (error instanceof HttpBodyError) return json(400, { error: error.message });
    // An error of one page must not end the process.
    responder.logger.error(
      { path, reason: error instanceof Error ? error.message : String(error) },
      'an HTTP request failed',
    );
    return json(500, { error: 'the request failed; the log has the reason' });
  } finally {
    answered();
  }
}

async function routeTo(
  { routes, pages, connections }: Responder,
  request: IncomingMessage,
): Promise<RawResponse> {
  const { method = 'GET', socket } = request;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  let answered = hasBody ? (): void => undefined : connections.answer(socket);
  const pending =
    routes?.({
      ...partsOf(request),
      json: async () => {
        const body = await readJson(request);
        // From here on the client waits for the program, not the program for the client.
        if (hasBody) answered = connections.answer(socket);
        return body;
      },
    }) ?? null;
  try {
    if (pending === null) return json(404, { error: 'not found', pages: [...pages.keys()] });
    return rawOf(await pending);
  } finally {
    answered();
  }
}

function rawOf({ code, body, headers }: HttpResponse): RawResponse {
  const answer =
    body instanceof Uint8Array ? { code, type: 'application/octet-stream', body } : json(code, body);
  return headers === undefined ? answer : { ...answer, headers };
}

function targetOf(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const [path = '', ...rest] = (request.url ?? '').split('?');
  return { path, query: new URLSearchParams(rest.join('?')) };
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
