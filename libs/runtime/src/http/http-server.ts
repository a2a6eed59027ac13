import { constants } from 'node:crypto';
import { createServer as createPlainServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { ListenError } from '@mqtt-cluster/contracts';
import { ClientCertificates } from './client-certificates.ts';
import { HttpConnections } from './http-connections.ts';
import { httpPaths } from './http-paths.ts';
import { HttpBodyError } from './http-types.ts';
import type { HttpServer, HttpServerOptions, HttpTls } from './http-types.ts';
import { upgrade } from './http-upgrade.ts';
import { createProtocolSwitch } from './protocol-switch.ts';
import { checkResponse, json, rawOf } from './raw-response.ts';
import type { RawResponse } from './raw-response.ts';
import { guardedRequestOf, partsOf, readJson, targetOf } from './request-parts.ts';
import type { TrustSettings } from './request-parts.ts';

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

/**
 * Creates the HTTP server of a program: metrics, health, readiness, status and the program's own routes. It
 * uses Node's HTTP server, because fastify took 25 MB more memory for these pages. `start` rejects with a
 * {@link ListenError} when the address cannot be bound.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const pages = pagesOf(options);
  const connections = new HttpConnections(options.logger);
  const responder = { ...options, pages, connections };
  const answering = new AnsweredRequests();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    answering.add(request, response);
    void respond(responder, request, response);
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
  const certificates = new ClientCertificates(options.logger, tls?.revocations);
  // The listener is the first one, so that no request of a refused client is read.
  secure?.prependListener('secureConnection', (socket) => certificates.add(socket));
  const plain = secure === null || options.plainToo === true ? createPlainServer(bounds, answer) : null;
  const servers = [secure, plain].filter((each) => each !== null);
  const upgrading = { ...options, connections, certificates };
  for (const each of servers) {
    if (options.onUpgrade !== undefined)
      each.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
        upgrade(upgrading, request, socket as Socket, head),
      );
    each.timeout = options.inactivityMs ?? inactivityMs;
    each.on('timeout', (socket: Socket) => {
      if (!answering.isPreparing(socket)) socket.destroy();
    });
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
      certificates.setRevocations(tls.revocations);
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

function tlsOptionsOf({ key, cert, ca, revocations }: HttpTls): SecureContextOptions & TlsOptions {
  // A resumed session bypasses the check of the client certificate: it may have been revoked meanwhile.
  const secureOptions = constants.SSL_OP_NO_TICKET;
  const checked = { requestCert: true, rejectUnauthorized: true, secureOptions };
  const crl = revocations === undefined ? {} : { crl: [...revocations.lists] };
  const clients = ca === undefined ? {} : { ca, ...crl, ...checked };
  return { key, cert, ...clients, minVersion: 'TLSv1.2' };
}

interface Responder
  extends TrustSettings, Pick<HttpServerOptions, 'routes' | 'logger' | 'guard' | 'takeOver'> {
  readonly pages: ReadonlyMap<string, Page>;
  readonly connections: HttpConnections;
}

/**
 * The requests that this program answers. A backup of a large state takes longer than a connection may be silent, and the
 * client must not lose its connection meanwhile.
 */
class AnsweredRequests {
  readonly #newest = new WeakMap<Socket, { request: IncomingMessage; response: ServerResponse }>();

  add(request: IncomingMessage, response: ServerResponse): void {
    this.#newest.set(request.socket, { request, response });
  }

  /** Returns whether the program has read a request of this connection and has sent nothing of the answer yet. */
  isPreparing(socket: Socket): boolean {
    const newest = this.#newest.get(socket);
    return newest !== undefined && newest.request.complete && !newest.response.headersSent;
  }
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
function isTaken(responder: Responder, request: IncomingMessage, response: ServerResponse): boolean {
  const { takeOver, connections } = responder;
  if (takeOver?.({ ...partsOf(request, responder), request, response }) !== true) return false;
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

async function routeTo(responder: Responder, request: IncomingMessage): Promise<RawResponse> {
  const { routes, pages, connections } = responder;
  const { method = 'GET', socket } = request;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  let answered = hasBody ? (): void => undefined : connections.answer(socket);
  const pending =
    routes?.({
      ...partsOf(request, responder),
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
