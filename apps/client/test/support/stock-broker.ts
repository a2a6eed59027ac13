import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { Aedes } from 'aedes';

export interface StockBrokerOptions {
  readonly tls?: TlsOptions;
  /** Called with the password of each client. False refuses the client. */
  readonly passwords?: (password: string) => boolean;
}

export interface StockBroker {
  readonly url: string;
  /** Closes all connections without DISCONNECT. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
  readonly subscribed: (clientId: string) => Promise<void>;
  /** Resolves when subscribers have acknowledged this many messages. */
  readonly acked: (count: number) => Promise<void>;
}

/** Starts an Aedes broker on a loopback address. */
export async function stockBroker({ tls, passwords }: StockBrokerOptions = {}): Promise<StockBroker> {
  const aedes = await Aedes.createBroker({
    authenticate: (_client, _user, password, done) => done(null, passwords?.(String(password)) ?? true),
  });
  const sockets = new Set<Socket>();
  const subscribers = new Set<string>();
  const waiting: (() => void)[] = [];
  let acks = 0;
  aedes.on('ack', () => {
    acks += 1;
    for (const check of waiting) check();
  });
  aedes.on('subscribe', (_subscriptions, { id }) => {
    subscribers.add(id);
    for (const check of waiting) check();
  });
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    aedes.handle(socket);
  };
  const server = tls ? createTlsServer(tls, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const when = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => (holds() ? resolve() : undefined);
      waiting.push(check);
      check();
    });
  return {
    url: `mqtt${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    stop: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
    acked: (count) => when(() => acks >= count),
    subscribed: (clientId) => when(() => subscribers.has(clientId)),
  };
}
