import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isIP } from 'node:net';
import { parseAddress } from '../servers/address.ts';
import type { TlsOptions } from '../types.ts';

/** A TCP or TLS connection to a server URL; errors come as events of the socket. */
export function openSocket(url: string, tls: TlsOptions = {}): Socket {
  const { host, port, secure } = parseAddress(url);
  const socket = secure
    ? connectTls({ host, port, ...buffers(tls), ...(isIP(host) ? {} : { servername: host }) })
    : connectTcp({ host, port });
  // Acks are small and someone waits for each.
  socket.setNoDelay(true);
  return socket;
}

function buffers(tls: TlsOptions): Record<string, Buffer | string> {
  return Object.fromEntries(
    Object.entries(tls).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : Buffer.from(value),
    ]),
  );
}
