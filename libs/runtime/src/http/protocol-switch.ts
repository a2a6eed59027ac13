import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** First byte of a connection with TLS: the record type of a handshake (RFC 8446, 5.1). */
const handshakeRecord = 0x16;

export interface ProtocolSwitchOptions {
  /** Servers that do not listen themselves. */
  readonly plain: Server;
  readonly secure: Server;
  /** Time for the first byte, ms. */
  readonly firstByteMsMax: number;
}

/** Creates a listener that serves connections with and without TLS at one port. The first byte shows which one it is. */
export function createProtocolSwitch({ plain, secure, firstByteMsMax }: ProtocolSwitchOptions): Server {
  const front = createServer({ noDelay: true }, (socket: Socket) => {
    const timer = setTimeout(() => socket.destroy(), firstByteMsMax);
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    socket.once('close', () => clearTimeout(timer));
    socket.once('readable', () => {
      clearTimeout(timer);
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return void socket.destroy();
      socket.off('error', onError);
      socket.unshift(bytes);
      const server = bytes[0] === handshakeRecord ? secure : plain;
      server.emit('connection', socket);
    });
  });
  // Node bounds the times of requests from the event `listening` on.
  front.on('listening', () => {
    for (const server of [plain, secure]) server.emit('listening');
  });
  return front;
}
