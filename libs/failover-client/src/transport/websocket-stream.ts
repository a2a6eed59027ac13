import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Close codes of RFC 6455, 7.4.1. */
const closeCodes = { normal: 1000, unsupportedData: 1003 } as const;

/**
 * The bytes of MQTT packets in a WebSocket of a client. A frame may contain a part of a packet or several packets, so the
 * frames have no meaning here [MQTT-6.0.0-2]. The library has such a stream too, but its stream accepts text frames.
 */
export class WebSocketStream extends Duplex {
  readonly #socket: WebSocket;
  /** Bytes of received messages, without the frames around them. */
  bytesRead = 0;

  constructor(socket: WebSocket) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.push(null));
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      // [MQTT-6.0.0-1]
      this.#socket.close(closeCodes.unsupportedData, 'MQTT packets must be in binary frames');
      return void this.destroy(new Error('the server sent a text frame'));
    }
    this.bytesRead += data.length;
    // A paused socket is not read, so at most the frames of one read wait here.
    if (!this.push(data)) this.#socket.pause();
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (this.#socket.readyState === this.#socket.CONNECTING)
      this.#socket.once('open', () => this.#send(chunk, callback));
    else this.#send(chunk, callback);
  }

  /** Calls back when the kernel has accepted the bytes: until then they count as bytes that wait. */
  #send(chunk: Buffer, callback: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return callback();
    this.#socket.send(chunk, { binary: true, compress: false }, () => callback());
  }

  override _final(callback: () => void): void {
    this.#socket.close(closeCodes.normal);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.terminate();
    callback(error);
  }
}
