import type { IConnectPacket, Packet } from 'mqtt-packet';
import { Connection } from './connection.ts';
import type { Server } from './connection.ts';
import type { Stay } from './history.ts';

/** After a whole round of refusals. */
const roundDelayMsMin = 50;
const roundDelayMsMax = 200;
const keepaliveSeconds = 10;
/** The newest are kept. */
const staysMax = 200;

export interface RoamingOptions {
  readonly clientId: string;
  readonly clean: boolean;
  /** In the order in which they are tried; then round again. */
  readonly servers: readonly Server[];
  readonly random: () => number;
  readonly will?: NonNullable<IConnectPacket['will']>;
  /** The will of each connection, when they differ; the connection's number from 1. */
  readonly willOf?: (connection: number) => NonNullable<IConnectPacket['will']>;
}

export interface RoamingHandlers {
  /** @param connection its number, from 1. */
  onUp(connection: number, sessionPresent: boolean): void;
  onPacket(packet: Packet): void;
  onDown(reason: string): void;
}

/** A client that goes to the next server at once when its connection breaks, is refused or falls silent. */
export class RoamingClient {
  readonly #options: RoamingOptions;
  readonly #handlers: RoamingHandlers;
  /** Where it was, for whoever looks into a verdict. */
  readonly stays: Stay[] = [];
  #connection: Connection | null = null;
  #up = false;
  #number = 0;
  #next = 0;
  #failures = 0;
  #home: Server | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(options: RoamingOptions, handlers: RoamingHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Number of the current or last connection that was accepted. */
  get number(): number {
    return this.#number;
  }

  /** The member it is or was last connected to. */
  get home(): string | null {
    return this.#home?.id ?? null;
  }

  start(): void {
    this.#dial();
  }

  send(packet: Packet): void {
    if (this.#up) this.#connection?.send(packet);
  }

  /** Ends for good, with or without a DISCONNECT. */
  end(graceful: boolean): void {
    this.#ended = true;
    this.#up = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (graceful) this.#connection?.disconnect();
    else this.#connection?.abandon();
  }

  #dial(): void {
    const { clientId, clean, servers, will, willOf } = this.#options;
    const server = servers[this.#next % servers.length];
    if (server === undefined || this.#ended) return;
    const lastWill = willOf?.(this.#number + 1) ?? will;
    const packet: IConnectPacket = {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId,
      clean,
      keepalive: keepaliveSeconds,
      ...(lastWill === undefined ? {} : { will: lastWill }),
    };
    this.#connection = new Connection(server, packet, {
      onConnected: (sessionPresent) => {
        this.#up = true;
        this.#failures = 0;
        this.#number += 1;
        this.#home = server;
        this.#note(server.id, '');
        this.#handlers.onUp(this.#number, sessionPresent);
      },
      onPacket: (received) => this.#handlers.onPacket(received),
      onClosed: (reason) => this.#lost(reason),
    });
  }

  #lost(reason: string): void {
    const wasUp = this.#up;
    this.#up = false;
    this.#next += 1;
    this.#failures += 1;
    if (wasUp) {
      this.#note(null, reason);
      this.#handlers.onDown(reason);
    }
    if (this.#ended) return;
    const wholeRound = this.#failures % this.#options.servers.length === 0;
    const spread = roundDelayMsMin + this.#options.random() * (roundDelayMsMax - roundDelayMsMin);
    this.#timer = setTimeout(() => this.#dial(), wholeRound ? spread : 0);
  }

  #note(member: string | null, why: string): void {
    this.stays.push({ atMs: performance.now(), member, why });
    if (this.stays.length > staysMax) this.stays.shift();
  }
}
