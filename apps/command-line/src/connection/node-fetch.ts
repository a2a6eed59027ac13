import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import type { TlsFiles } from './tls-files.ts';

/** Statuses of responses without a body. `Response` rejects a body for them. */
const withoutBody = new Set([204, 205, 304]);

export type Fetch = (request: Request) => Promise<Response>;

/**
 * Returns a `fetch` that trusts the given authority and presents the given certificate. The `fetch` of Node accepts an
 * authority only in an environment variable that it reads at its start.
 */
export function createFetch(tls: TlsFiles): Fetch {
  return async (request) => {
    const body = request.body === null ? null : Buffer.from(await request.arrayBuffer());
    return new Promise((resolve, reject) => {
      const send = request.url.startsWith('https:') ? httpsRequest : httpRequest;
      const headers = {
        ...Object.fromEntries(request.headers),
        ...(body !== null && { 'content-length': String(body.length) }),
      };
      const options = { method: request.method, headers, signal: request.signal, ...tls };
      send(request.url, options, (message) => resolve(responseOf(message)))
        .on('error', reject)
        .end(body ?? undefined);
    });
  };
}

function responseOf(message: IncomingMessage): Response {
  const status = message.statusCode ?? 500;
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one);
  }
  if (withoutBody.has(status)) message.resume();
  const body = withoutBody.has(status) ? null : Readable.toWeb(message);
  return new Response(body as ConstructorParameters<typeof Response>[0], { status, headers });
}
