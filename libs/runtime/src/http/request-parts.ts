import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { decodeText, parseJsonText, plainAddress } from '@mqtt-cluster/contracts';
import type { GuardedRequest } from './cross-site.ts';
import { HttpBodyError } from './http-types.ts';
import type { HttpRequest, HttpServerOptions } from './http-types.ts';
import { isForwarded, isFromThisHost, isProxied, mayBeFromPage } from './request-origin.ts';

/** The largest body is a list of access rules. Handlers read a body after they have authorized the request. */
const bodyBytesMax = 512 * 1024;

export function guardedRequestOf(request: IncomingMessage): GuardedRequest {
  const { method = 'GET', headers, socket } = request;
  return { method, path: targetOf(request).path, headers, isSecure: socket instanceof TLSSocket };
}

export type TrustSettings = Pick<HttpServerOptions, 'tls' | 'trustsThisHost'>;

/** Returns the parts of a request on which a decision about it depends. */
export function partsOf(request: IncomingMessage, settings: TrustSettings): Omit<HttpRequest, 'json'> {
  const { method = 'GET', headers, socket } = request;
  return {
    method,
    ...targetOf(request),
    headers,
    isLocal: isFromThisHost(socket) && !isForwarded(headers),
    address: plainAddress(socket.remoteAddress ?? ''),
    isPrivate: socket instanceof TLSSocket || (isFromThisHost(socket) && !mayLeaveHost(headers, settings)),
    isSecure: socket instanceof TLSSocket,
    mayBeFromPage: mayBeFromPage(headers),
  };
}

/**
 * Returns whether a plain request that appears to come from this host may come from another one, which must use TLS. A
 * server without TLS accepts the request: a proxy on this host may end TLS.
 */
function mayLeaveHost(headers: IncomingHttpHeaders, { tls, trustsThisHost = true }: TrustSettings): boolean {
  return tls !== undefined && (!trustsThisHost || isProxied(headers));
}

export function targetOf(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const [path = '', ...rest] = (request.url ?? '').split('?');
  return { path, query: new URLSearchParams(rest.join('?')) };
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new HttpBodyError(`the body exceeds ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    const text = decodeText(Buffer.concat(chunks)).trim();
    return text === '' ? {} : parseJsonText(text);
  } catch (cause) {
    throw new HttpBodyError(`the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}
