import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ListenError } from '@mqtt-cluster/contracts';
import type { ListenerOptions } from './options.ts';

const acceptBacklog = 1_024;

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
  readonly kind: ListenerOptions['kind'];
}

export interface Listener {
  readonly address: BoundAddress;
  close(): Promise<void>;
}

/** Binds a listener. @throws ListenError with the address and the reason in one line */
export async function listen(
  options: ListenerOptions,
  onSocket: (socket: Socket) => void,
): Promise<Listener> {
  const { host, port, kind } = options;
  const server: Server =
    kind === 'tls'
      ? createTlsServer({ ...options.tls }, onSocket)
      : createServer({ noDelay: true }, onSocket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError(`cannot listen on ${host}:${port}: ${explain(error)}`, { cause: error }));
    });
    server.listen({ host, port, backlog: acceptBacklog }, resolve);
  });
  const bound = server.address() as AddressInfo;
  // After the server is bound, an error event means only that one connection could not be accepted.
  server.removeAllListeners('error');
  server.on('error', () => undefined);
  return {
    address: { host: bound.address, port: bound.port, kind },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another process already listens on this address';
    case 'EACCES':
      return 'this user has no permission to use this port';
    case 'EADDRNOTAVAIL':
      return 'this host does not have this address';
    default:
      return error.message;
  }
}
