import { EventEmitter } from 'node:events';

/** Events of Aedes for one connection. It ends with either `onAccepted` or `onClosed`. */
export interface AedesStreamEvents {
  /**
   * The connect sequence of Aedes has come to its end, where Aedes would register the client and send CONNACK. The guard
   * sends its own, with the member's session present flag. Aedes has forgotten the client.
   */
  onAccepted(): void;
  /** Aedes or the guard has closed the connection before that. */
  onClosed(): void;
}

/**
 * What Aedes uses as the client's socket while it handles CONNECT: the few parts of a duplex stream that Aedes calls. A
 * stream of Node would be most of what Aedes costs.
 */
export class AedesStream extends EventEmitter {
  readonly events: AedesStreamEvents;
  #unread: Buffer | null = null;
  /** Aedes reads this. */
  destroyed = false;

  constructor(events: AedesStreamEvents) {
    super();
    this.events = events;
  }

  /** Passes one packet to Aedes. */
  push(packet: Buffer): void {
    this.#unread = packet;
    this.emit('readable');
  }

  read(): Buffer | null {
    const packet = this.#unread;
    this.#unread = null;
    return packet;
  }

  /** Aedes writes nothing before CONNACK. */
  write(): boolean {
    return true;
  }

  /** Aedes has accepted the client. The guard no longer needs Aedes. */
  finish(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.events.onAccepted();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.events.onClosed();
    this.emit('close');
  }
}
