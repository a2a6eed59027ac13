import { Duplex } from 'node:stream';
import { FrameReader } from '../codec/frame-reader.ts';

/** What Aedes says about one connection. */
export interface AedesSideEvents {
  /** Aedes has taken the CONNECT and waits until the client may in; one that may not is closed instead. */
  onAuthenticate(accept: () => void): void;
  /** Aedes would send CONNACK: the guard sends its own, with what the member said. */
  onConnack(): void;
  onPingresp(): void;
  onKeepAliveTimeout(): void;
  onClosed(): void;
}

const connack = 0x20;
const pingresp = 0xd0;
/** Aedes' own packets are a few bytes. */
const packetBytesMax = 4_096;

/** The stream that Aedes takes for the client's socket. */
export class AedesSide extends Duplex {
  readonly #events: AedesSideEvents;
  readonly #frames: FrameReader;

  constructor(events: AedesSideEvents) {
    super({ allowHalfOpen: false });
    this.#events = events;
    this.#frames = new FrameReader(packetBytesMax, (first) => {
      if (first === connack) events.onConnack();
      else if (first === pingresp) events.onPingresp();
    });
  }

  get events(): AedesSideEvents {
    return this.#events;
  }

  override _read(): void {
    // The guard pushes.
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
