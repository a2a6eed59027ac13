import type { Socket } from 'node:net';

/**
 * Closes a TCP connection with a RST. Closes it without one if this side is ending the connection (`end`, or the answer to a
 * FIN of the peer). In that state `resetAndDestroy` of Node.js fails with EINVAL and never closes the handle: libuv rejects
 * `uv_tcp_close_reset` during a shutdown. The process then keeps the file descriptor, and does not exit: its cleanup waits
 * in a busy loop for the handle to close.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
