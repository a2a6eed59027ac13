import type { Duplex } from 'node:stream';
import type { FrameReader } from '../codec/frame-reader.ts';

/** Why the guard does not read a socket. Several reasons may hold at the same time. */
export const pauseReasons = {
  /** CONNECT has no CONNACK yet. */
  connecting: 1,
  /** The client has too many unacknowledged publishes. */
  publishWindow: 2,
  /** The client exceeds its publish rate. */
  publishRate: 4,
  /** The client does not read its socket. */
  outgoingBuffer: 8,
  /** The unfinished packets of all connections together have too many bytes. */
  unfinished: 32,
  /** The large publishes of all clients that the member has not answered have too many bytes. */
  unanswered: 64,
} as const;

interface ReadGateHost {
  /** Handles the packets that arrived during the pause, and their errors. */
  handleWaiting(): void;
}

/** Applies backpressure to one client: pauses its socket and the packets that were already received. */
export class ReadGate {
  readonly #socket: Duplex;
  readonly #frames: FrameReader;
  readonly #host: ReadGateHost;
  #reasons = 0;
  #ended = false;
  #draining = false;

  constructor(socket: Duplex, frames: FrameReader, host: ReadGateHost) {
    this.#socket = socket;
    this.#frames = frames;
    this.#host = host;
  }

  get isPaused(): boolean {
    return this.#reasons !== 0;
  }

  /** Whether there is another reason to pause than this one. */
  isPausedExceptFor(reason: number): boolean {
    return (this.#reasons & ~reason) !== 0;
  }

  pause(reason: number): void {
    if (this.#draining) return;
    this.#reasons |= reason;
    this.#frames.pause();
    if (!this.#ended) this.#socket.pause();
  }

  /** Removes a reason to pause. The guard reads the socket again if no other reason is left. */
  resume(reason: number): void {
    this.#reasons &= ~reason;
    if (this.#reasons !== 0 || this.#ended) return;
    this.#host.handleWaiting();
    if (this.#reasons === 0) this.#socket.resume();
  }

  /**
   * Passes on all packets that were already received, because the client has closed the socket and no more
   * packets follow. The reasons to pause do not apply.
   *
   * @throws PacketError as {@link FrameReader.push} does
   */
  drain(): void {
    if (this.#ended) return;
    this.#draining = true;
    this.#reasons = 0;
    this.#frames.resume();
  }

  /** Discards all further packets. The socket is read to its end, because it cannot close otherwise. */
  end(): void {
    this.#ended = true;
    this.#frames.pause();
    this.#socket.resume();
  }
}
