import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import WebSocket, { createWebSocketStream } from 'ws';
import { mutate } from '../mutation/mutate.ts';

const connectMsMax = 5_000;

/** Linux routes all of 127.0.0.0/8 to this host. */
const hasManyAddresses = process.platform === 'linux';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Opens connections to one kind of listener. A stream may end at any time: the server refuses or closes it. */
export interface Transport {
  readonly name: string;
  open(random: Random): Duplex;
}

export function tcp({ host, port }: Endpoint): Transport {
  return { name: 'tcp', open: (random) => bounded(connect({ host, port, ...sourceAddress(random) })) };
}

/** The attacker does not check the certificate of the server. */
export function tls({ host, port }: Endpoint): Transport {
  return {
    name: 'tls',
    open: (random) =>
      bounded(connectTls({ host, port, rejectUnauthorized: false, ...sourceAddress(random) })),
  };
}

/** WebSocket frames that contain the bytes of the attack. */
export function webSocket({ host, port }: Endpoint, secure: boolean): Transport {
  return {
    name: secure ? 'wss' : 'ws',
    open: (random) => {
      const url = `${secure ? 'wss' : 'ws'}://${host}:${port}/mqtt`;
      const socket = new WebSocket(url, 'mqtt', {
        rejectUnauthorized: false,
        handshakeTimeout: connectMsMax,
        perMessageDeflate: false,
        ...sourceAddress(random),
      });
      return createWebSocketStream(socket);
    },
  };
}

/** An HTTP upgrade and WebSocket frames in which any byte may be wrong. */
export function brokenWebSocket({ host, port }: Endpoint): Transport {
  return {
    name: 'ws-bytes',
    open: (random) => {
      const socket = bounded(connect({ host, port, ...sourceAddress(random) }));
      const upgrade = [
        'GET /mqtt HTTP/1.1',
        `Host: ${host}:${port}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Protocol: mqtt',
        '',
        '',
      ].join('\r\n');
      const bytes = Buffer.from(upgrade);
      socket.write(random() < 0.5 ? mutate(random, bytes) : bytes);
      // A masked binary frame whose announced length need not match what follows.
      const length = pick(random, [0, 1, 20, 125, 126, 127]);
      socket.write(
        Buffer.from([pick(random, [0x82, 0x02, 0x81, 0x88, 0x89, 0xf2]), 0x80 | length, 1, 2, 3, 4]),
      );
      return socket;
    },
  };
}

/** A PROXY header of version 1 or 2, often mutated, before the bytes of the attack. */
export function proxied({ host, port }: Endpoint): Transport {
  return {
    name: 'proxy',
    open: (random) => {
      const socket = bounded(connect({ host, port }));
      const header = random() < 0.5 ? proxyHeaderText(random) : proxyHeaderBytes(random);
      socket.write(random() < 0.6 ? mutate(random, header) : header);
      return socket;
    },
  };
}

/**
 * Returns the address of the attacker: often the one of the witness, and often one of many others. A member refuses the logins
 * of an address that has presented wrong passwords, and such an attack would find no fault behind the login.
 */
export function sourceAddress(random: Random): { readonly localAddress?: string } {
  if (!hasManyAddresses || random() < 0.3) return {};
  return { localAddress: `127.9.${between(random, 0, 250)}.${between(random, 1, 250)}` };
}

function proxyHeaderText(random: Random): Buffer {
  const address = `192.0.2.${between(random, 1, 254)}`;
  return Buffer.from(
    pick(random, [
      `PROXY TCP4 ${address} 192.0.2.1 5000 1883\r\n`,
      'PROXY UNKNOWN\r\n',
      'PROXY TCP6 2001:db8::1 ::1 1 2\r\n',
    ]),
  );
}

function proxyHeaderBytes(random: Random): Buffer {
  const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
  const [command, family, length] = pick(random, [
    [0x21, 0x11, 12],
    [0x21, 0x21, 36],
    [0x20, 0x00, 0],
  ] as const);
  const body = Buffer.alloc(length, between(random, 0, 255));
  return Buffer.concat([signature, Buffer.from([command, family, 0, length]), body]);
}

function bounded<Stream extends Duplex & { setTimeout(ms: number): unknown }>(socket: Stream): Stream {
  socket.setTimeout(connectMsMax);
  socket.on('timeout', () => socket.destroy());
  return socket;
}
