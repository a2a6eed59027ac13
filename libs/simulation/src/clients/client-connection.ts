import type { ClientEffect, ClientInput, ConnectionId, ConnectRequest } from '@mqtt-cluster/contracts';
import type { Host } from '../world/host.ts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';

export interface WireHandlers {
  /** `isolated`: the member had no majority when it sent it. */
  effect(wire: Wire, effect: ClientEffect, isolated: boolean): void;
  /** The connection is gone and nobody said why. */
  lost(wire: Wire): void;
}

const delayMsMin = 0.3;
const delayMsMax = 3;
/** A client pings about every second: a host that went silent is given up after this. */
const silenceNoticedMsMin = 1_000;
const silenceNoticedMsMax = 2_000;
/** A member notices a client that vanished by its keep-alive. */
const keepAliveMsMin = 1_000;
const keepAliveMsMax = 3_000;

/** One client's connection to one process: both ways in order, gone with the process. */
export class Wire {
  readonly id: ConnectionId;
  readonly host: Host;
  /** The client's end. */
  isOpen = true;
  /** The broker's end. */
  isServed = true;
  readonly #process: number;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #handlers: WireHandlers;
  #toHostFreeAtMs = 0;
  #toClientFreeAtMs = 0;

  constructor(id: ConnectionId, host: Host, timeline: Timeline, random: Random, handlers: WireHandlers) {
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

  /** A packet of the client; lost when the broker has closed meanwhile. */
  toHost(input: ClientInput): void {
    this.#deliver(() => {
      if (!this.isServed) return;
      this.host.post((member) => {
        if (this.isServed) member.input(this.id, input);
      });
    });
  }

  /** DISCONNECT, or the socket closes without one. */
  close(graceful: boolean, handled: () => void): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#deliver(() => this.#hangUp(graceful, handled));
  }

  /** The client's host loses its power: the member has to find out. */
  vanish(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#timeline.after(this.#random.between(keepAliveMsMin, keepAliveMsMax), () => {
      if (this.hasProcess) this.#hangUp(false, () => undefined);
    });
  }

  #hangUp(graceful: boolean, handled: () => void): void {
    this.host.post((member) => {
      if (!this.isServed) return;
      this.isServed = false;
      handled();
      member.input(this.id, { kind: 'disconnect', graceful });
    });
  }

  /** What the member wants this client to hear. */
  fromHost(effect: ClientEffect, isolated: boolean): void {
    if (effect.kind === 'close' || effect.kind === 'refuse') {
      this.isServed = false;
      // A broker's socket tells that it has closed, also when the member itself wished it; or it does not.
      if (this.#random.chance(0.5))
        this.host.post((member) => member.input(this.id, { kind: 'disconnect', graceful: false }));
    }
    this.#toClientFreeAtMs = Math.max(this.#toClientFreeAtMs, this.#timeline.nowMs + this.#delayMs());
    this.#timeline.at(this.#toClientFreeAtMs, () => {
      if (this.isOpen) this.#handlers.effect(this, effect, isolated);
    });
  }

  /** The process is gone, or hangs: its clients notice by the reset, or by the silence. */
  hostStopped(silent: boolean): void {
    const delayMs = silent ? this.#random.between(silenceNoticedMsMin, silenceNoticedMsMax) : this.#delayMs();
    this.#timeline.after(delayMs, () => {
      const stillSilent = !this.hasProcess || this.host.state === 'paused';
      if (!this.isOpen || !stillSilent) return;
      if (this.hasProcess) this.close(false, () => undefined);
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
