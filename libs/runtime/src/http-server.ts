import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListenError } from '@mqtt-cluster/contracts';
import type { Lifecycle, Logger } from '@mqtt-cluster/contracts';

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
}

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
  readonly body: string;
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
    void respond(pages, request, response, options.logger);
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
    ['/metrics', async () => ({ code: 200, type: metrics.contentType, body: await metrics.render() })],
    ['/healthz', () => verdictAnswer(health())],
    ['/readyz', () => verdictAnswer(ready())],
    ['/status', () => json(200, status())],
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
  request: IncomingMessage,
  response: ServerResponse,
  logger: Logger,
): Promise<void> {
  const answer = await answerTo(pages, request, logger);
  response.writeHead(answer.code, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function answerTo(
  pages: ReadonlyMap<string, Page>,
  request: IncomingMessage,
  logger: Logger,
): Promise<Answer> {
  const path = (request.url ?? '').split('?', 1)[0]!;
  const page = pages.get(path);
  if (!page) return json(404, { error: 'not found', pages: [...pages.keys()] });
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'only GET and HEAD' });
  try {
    return await page();
  } catch (error) {
    // One page that can't be made must not end the broker.
    logger.error({ path, reason: error instanceof Error ? error.message : String(error) }, 'a page failed');
    return json(500, { error: 'this page failed, see the log' });
  }
}
