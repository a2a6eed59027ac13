import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientCertificates } from './client-certificates.ts';
import type { HttpConnections } from './http-connections.ts';
import type { HttpResponse, HttpServerOptions } from './http-types.ts';
import { guardedRequestOf, partsOf } from './request-parts.ts';
import type { TrustSettings } from './request-parts.ts';
import { rawOf } from './raw-response.ts';

interface Upgrading extends TrustSettings, Pick<HttpServerOptions, 'guard' | 'onUpgrade'> {
  readonly connections: HttpConnections;
  readonly certificates: ClientCertificates;
}

/** Time for the answer to a refused upgrade to leave, ms. */
const lingerMs = 1_000;

/** Passes an upgrade of a connection on, unless the guard refuses it. */
export function upgrade(upgrading: Upgrading, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { guard, onUpgrade, connections, certificates } = upgrading;
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
  const refusal = guard?.(guardedRequestOf(request)) ?? null;
  if (refusal !== null) return refuse(refusal);
  const { path, isLocal, address, isPrivate } = partsOf(request, upgrading);
  const release = (): void => connections.release(socket);
  const onRevoked = (end: () => void): void => certificates.setEnd(socket, end);
  onUpgrade!({ request, socket, head, path, isLocal, address, isPrivate, refuse, release, onRevoked });
}
