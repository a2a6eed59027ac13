import { Duplex } from 'node:stream';
import { FrameReader } from '../codec/frame-reader.ts';

/** Events of Aedes for one connection. */
export interface AedesStreamEvents {
  /**
   * Aedes has accepted CONNECT and waits for the authentication. The guard calls `accept`, or closes the
   * connection to reject the client.
   */
  onAuthenticate(accept: () => void): void;
  /** Aedes sends CONNACK. The guard discards it and sends its own, with the member's session present flag. */
  onConnack(): void;
  onPingresp(): void;
  onKeepAliveTimeout(): void;
  onClosed(): void;
}

const connack = 0x20;
const pingresp = 0xd0;
/** Bound of a packet from Aedes, bytes. Aedes sends only packets of a few bytes on this stream. */
const packetBytesMax = 4_096;

/** An in-memory stream that Aedes uses as the client's socket. */
export class AedesStream extends Duplex {
  readonly #events: AedesStreamEvents;
  readonly #frames: FrameReader;

  constructor(events: AedesStreamEvents) {
    super({ allowHalfOpen: false });
    this.#events = events;
    this.#frames = new FrameReader(packetBytesMax, (first) => {
      if (first === connack) events.onConnack();
      else if (first === pingresp) events.onPingresp();
    });
  }

  get events(): AedesStreamEvents {
    return this.#events;
  }

  override _read(): void {
    // The adapter pushes the packets.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#frames.push(chunk);
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#events.onClosed();
    callback(error);
  }
}
