import type { ClientEffect, ClientInput, ConnectionId } from '@mqtt-cluster/contracts';
import type { ServedConnection } from '../clients/client-connection.ts';
import type { Host } from '../world/host.ts';

/** A connection of a link inside the process of its member: without delay, and it ends with the process. */
export class LocalConnection implements ServedConnection {
  readonly id: ConnectionId;
  readonly host: Host;
  isOpen = true;
  isServed = true;
  readonly #process: number;
  readonly #onEffect: (effect: ClientEffect) => void;

  constructor(id: ConnectionId, host: Host, onEffect: (effect: ClientEffect) => void) {
    this.id = id;
    this.host = host;
    this.#process = host.process;
    this.#onEffect = onEffect;
  }

  input(input: ClientInput): void {
    if (!this.isOpen || !this.#hasProcess) return;
    this.host.post((member) => {
      if (this.isServed) member.input(this.id, input);
    });
  }

  close(): void {
    this.input({ kind: 'disconnect', graceful: true });
    this.isOpen = false;
    this.host.post(() => (this.isServed = false));
  }

  fromHost(effect: ClientEffect): void {
    if (effect.kind === 'close' || effect.kind === 'refuse') this.isServed = false;
    if (this.isOpen) this.#onEffect(effect);
    if (!this.isServed) this.isOpen = false;
  }

  /** A pause of the process pauses the link, too, so only the end of the process ends the connection. */
  hostStopped(): void {
    if (this.#hasProcess) return;
    this.isOpen = false;
    this.isServed = false;
  }

  get #hasProcess(): boolean {
    return this.host.isUp && this.host.process === this.#process;
  }
}
