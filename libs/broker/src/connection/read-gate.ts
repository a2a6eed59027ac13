import type { Duplex } from 'node:stream';
import type { FrameReader } from '../codec/frame-reader.ts';

/** Why a socket is not read at the moment; several may hold. */
export const pauses = { connecting: 1, window: 2, rate: 4, outgoing: 8, pings: 16 } as const;

/** Whether the packets of a client are taken from its socket. */
export class Reading {
  readonly #socket: Duplex;
  readonly #frames: FrameReader;
  /** Runs what reads packets, and handles what is wrong with them. */
  readonly #guarded: (action: () => void) => void;
  #pauses = 0;
  #ended = false;

  constructor(socket: Duplex, frames: FrameReader, guarded: (action: () => void) => void) {
    this.#socket = socket;
    this.#frames = frames;
    this.#guarded = guarded;
  }

  get isPaused(): boolean {
    return this.#pauses !== 0;
  }

  pause(reason: number): void {
    this.#pauses |= reason;
    this.#frames.pause();
    if (!this.#ended) this.#socket.pause();
  }

  resume(reason: number): void {
    this.#pauses &= ~reason;
    if (this.#pauses !== 0 || this.#ended) return;
    this.#guarded(() => this.#frames.resume());
    if (this.#pauses === 0) this.#socket.resume();
  }

  /** No packet is taken any more; the socket is read to its end so that it can close. */
  end(): void {
    this.#ended = true;
    this.#frames.pause();
    this.#socket.resume();
  }
}
