import { connect as connectTcp, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseAddress } from '../servers/address.ts';
import type { TlsOptions } from '../types.ts';

/** Opens a TCP or TLS connection to a server URL. The socket emits errors as events. */
export function openSocket(url: string, tls: TlsOptions = {}): Socket {
  const { host, port, secure } = parseAddress(url);
  const socket = secure
    ? connectTls({ host, port, ...buffers(tls), ...(isIP(host) ? {} : { servername: host }) })
    : connectTcp({ host, port });
  // Acknowledgements are small, and a publisher waits for each of them.
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
