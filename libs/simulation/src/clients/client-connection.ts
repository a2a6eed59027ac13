import type {
  ClientEffect,
  ClientInput,
  ConnectionId,
  ConnectRequest,
  Disconnection,
} from '@mqtt-cluster/contracts';
import type { Host } from '../world/host.ts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';

export interface ClientConnectionHandlers {
  /**
   * Called with each packet or disconnect that reaches the client. `isolated`: the member had no majority
   * when it sent the effect.
   */
  effect(connection: ClientConnection, effect: ClientEffect, isolated: boolean): void;
  /** Called when the connection was lost without a DISCONNECT. */
  lost(connection: ClientConnection): void;
  /** Called when the member handles the end of the connection. */
  endHandled(connection: ClientConnection): void;
}

/** A connection to a process of a member, as the world sees it: the world passes it the effects of the member. */
export interface ServedConnection {
  readonly id: ConnectionId;
  readonly host: Host;
  readonly isOpen: boolean;
  readonly isServed: boolean;
  /** @param isolated the member had no majority when it sent the effect */
  fromHost(effect: ClientEffect, isolated: boolean): void;
  /** The process of the member has stopped, or (`silent`) it no longer answers. */
  hostStopped(silent: boolean): void;
}

const delayMsMin = 0.3;
const delayMsMax = 3;
/**
 * Minimum time without a packet of the member after which a client closes the connection. A client sends a
 * PINGREQ about every second.
 */
const silenceNoticedMsMin = 1_000;
const silenceNoticedMsMax = 2_000;
/** Time after which a member detects a vanished client by its Keep Alive. */
const keepAliveMsMin = 1_000;
const keepAliveMsMax = 3_000;

/**
 * A client's connection to one process of a member: ordered in both directions, lost when the process ends.
 */
export class ClientConnection implements ServedConnection {
  readonly id: ConnectionId;
  readonly host: Host;
  /** Whether the connection is open at the client's end. */
  isOpen = true;
  /** Whether the connection is open at the member's end. */
  isServed = true;
  readonly #process: number;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #handlers: ClientConnectionHandlers;
  #toHostFreeAtMs = 0;
  #toClientFreeAtMs = 0;

  constructor(
    id: ConnectionId,
    host: Host,
    timeline: Timeline,
    random: Random,
    handlers: ClientConnectionHandlers,
  ) {
    this.id = id;
    this.host = host;
    this.#process = host.process;
    this.#timeline = timeline;
    this.#random = random;
    this.#handlers = handlers;
  }

  get hasProcess(): boolean {
    return this.host.isUp && this.host.process === this.#process;
  }

  connect(request: ConnectRequest): void {
    this.toHost({ kind: 'connect', request });
  }

  /** Sends a packet of the client. The packet is lost when the member has closed the connection. */
  toHost(input: ClientInput): void {
    this.#deliver(() => {
      if (!this.isServed) return;
      this.host.post((member) => {
        if (this.isServed) member.input(this.id, input);
      });
    });
  }

  /**
   * Closes the connection with DISCONNECT (graceful) or without it. `handled` runs when the member handles the
   * end of the connection.
   */
  close(how: Disconnection, handled: () => void): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#deliver(() => this.#endServing(how, handled));
  }

  /** Simulates a power loss of the client's host, which the member detects by the Keep Alive. */
  vanish(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#timeline.after(this.#random.between(keepAliveMsMin, keepAliveMsMax), () => {
      if (this.hasProcess) this.#endServing({ graceful: false }, () => undefined);
    });
  }

  #endServing(how: Disconnection, handled: () => void): void {
    this.host.post((member) => {
      if (!this.isServed) return;
      this.isServed = false;
      handled();
      this.#handlers.endHandled(this);
      member.input(this.id, { kind: 'disconnect', ...how });
    });
  }

  /** Sends a packet or a disconnect of the member to the client. */
  fromHost(effect: ClientEffect, isolated: boolean): void {
    if (effect.kind === 'close' || effect.kind === 'refuse') {
      this.isServed = false;
      // A broker may or may not report the end of a connection that the member itself closed. Both cases must
      // work.
      if (this.#random.chance(0.5))
        this.host.post((member) => member.input(this.id, { kind: 'disconnect', graceful: false }));
    }
    this.#toClientFreeAtMs = Math.max(this.#toClientFreeAtMs, this.#timeline.nowMs + this.#delayMs());
    this.#timeline.at(this.#toClientFreeAtMs, () => {
      if (this.isOpen) this.#handlers.effect(this, effect, isolated);
    });
  }

  /**
   * Handles the end or pause of the member's process: the client detects a TCP reset, or (`silent`) detects
   * later that no packets arrive.
   */
  hostStopped(silent: boolean): void {
    const delayMs = silent ? this.#random.between(silenceNoticedMsMin, silenceNoticedMsMax) : this.#delayMs();
    this.#timeline.after(delayMs, () => {
      const stillSilent = !this.hasProcess || this.host.state === 'paused';
      if (!this.isOpen || !stillSilent) return;
      if (this.hasProcess) this.close({ graceful: false }, () => undefined);
      this.isOpen = false;
      this.#handlers.lost(this);
    });
  }

  #deliver(action: () => void): void {
    this.#toHostFreeAtMs = Math.max(this.#toHostFreeAtMs, this.#timeline.nowMs + this.#delayMs());
    this.#timeline.at(this.#toHostFreeAtMs, () => {
      if (this.hasProcess) action();
    });
  }

  #delayMs(): number {
    return this.#random.between(delayMsMin, delayMsMax);
  }
}
