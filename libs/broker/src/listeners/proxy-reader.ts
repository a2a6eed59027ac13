import type { Socket } from 'node:net';
import { parseProxyHeader } from './proxy-header.ts';
import type { ProxyHeader } from './proxy-header.ts';

/** Time in which the header must arrive, ms. A proxy sends it directly after it has connected. */
const headerMsMax = 3_000;

interface ProxyReaderEvents {
  /** The header has arrived. The bytes behind it have been put back; the socket is paused. */
  onHeader(header: ProxyHeader): void;
  onInvalid(reason: string): void;
  onTimeout(): void;
}

/** Reads the PROXY protocol header of a new connection. */
export function readProxyHeader(socket: Socket, events: ProxyReaderEvents): void {
  let received: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const result = parseProxyHeader(received);
    if (result.kind === 'incomplete') return;
    end();
    if (result.kind === 'invalid') return events.onInvalid(result.reason);
    socket.pause();
    if (result.length < received.length) socket.unshift(received.subarray(result.length));
    events.onHeader(result);
  };
  const timer = setTimeout(() => {
    end();
    events.onTimeout();
  }, headerMsMax);
  const end = (): void => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('close', end);
  };
  socket.on('data', onData);
  socket.on('close', end);
}
