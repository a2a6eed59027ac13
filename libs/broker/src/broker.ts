import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientEffect, ConnectionId, Lifecycle } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { AedesShell } from './aedes/aedes-adapter.ts';
import type { BrokerContext } from './context.ts';
import { BrokerReport, newCounters } from './counters.ts';
import type { BrokerCounters } from './counters.ts';
import { Connection } from './connection/connection.ts';
import { PublishEncoder } from './codec/encode-publish.ts';
import { TokenBucket } from './connection/token-bucket.ts';
import { listen } from './listeners.ts';
import type { BoundAddress, Listener } from './listeners.ts';
import { defaultLimits } from './options.ts';
import type { BrokerOptions } from './options.ts';
import { SystemTopics } from './system-topics.ts';

const sweepIntervalMs = 1_000;
/** Sockets that have not connected yet may be this many beyond the limit of clients. */
const unconnectedSocketsMax = 1_000;
const connectBurstSeconds = 5;

export interface Broker extends Lifecycle {
  /** Where it listens, in the order of the options. */
  addresses(): readonly BoundAddress[];
  counters(): Readonly<BrokerCounters>;
  /** Brings the metrics up to date; by itself it does so once a second. */
  report(): void;
  /** Serves a client over any stream, as if a listener had accepted it. */
  handle(stream: Duplex, address?: string): void;
  /** Clients that are let in. */
  readonly clientsConnected: number;
}

/**
 * What MQTT clients talk to. Sessions, routing and every promise are the member's (`options.port`); this
 * is the protocol. `start` throws a ListenError when an address can't be bound.
 */
export function createBroker(options: BrokerOptions): Broker {
  return new MqttBroker(options);
}

class MqttBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #context: BrokerContext;
  readonly #aedes: AedesShell;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #dirty: Connection[] = [];
  readonly #connectBuckets = new Map<string, TokenBucket>();
  readonly #systemTopics: SystemTopics;
  readonly #reported: BrokerReport;
  #listeners: Listener[] = [];
  #lastConnection: ConnectionId = 0;
  #clients = 0;
  #open = 0;
  #sweepTimer: NodeJS.Timeout | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#aedes = new AedesShell(options.memberId, options.logger);
    this.#context = {
      port: options.port,
      limits: { ...defaultLimits, ...options.limits },
      logger: options.logger,
      metrics: options.metrics ?? noMetrics,
      counters: newCounters(),
      encoder: new PublishEncoder(),
      aedes: this.#aedes,
      options,
      clients: () => this.#clients,
    };
    this.#systemTopics = new SystemTopics(options);
    this.#reported = new BrokerReport(this.#context.metrics);
    options.port.onEffects((effects) => this.#onEffects(effects));
  }

  async start(): Promise<void> {
    await this.#aedes.start();
    try {
      for (const listener of this.#options.listeners) {
        this.#listeners.push(await listen(listener, (socket) => this.#onSocket(socket)));
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#sweepTimer = setInterval(() => this.#sweep(), sweepIntervalMs);
    this.#sweep();
  }

  async stop(): Promise<void> {
    if (this.#sweepTimer) clearInterval(this.#sweepTimer);
    this.#sweepTimer = null;
    const closing = this.#listeners.map((listener) => listener.close());
    this.#listeners = [];
    for (const connection of this.#connections.values()) connection.shutDown();
    await Promise.all(closing);
    await this.#aedes.stop();
  }

  addresses(): readonly BoundAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  counters(): Readonly<BrokerCounters> {
    return this.#context.counters;
  }

  report(): void {
    const { counters, limits } = this.#context;
    this.#reported.report(counters, this.clientsConnected, limits.clientsMax);
  }

  get clientsConnected(): number {
    return this.#open;
  }

  #onSocket(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const { limits, counters } = this.#context;
    const tooMany = this.#connections.size >= limits.clientsMax + unconnectedSocketsMax;
    if (tooMany || !this.#mayConnect(address)) {
      counters.connectionsRefused++;
      counters.refusals[tooMany ? 'too_many_connections' : 'rate_limited']++;
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    this.handle(socket, address);
  }

  #mayConnect(address: string): boolean {
    const perSecond = this.#context.limits.connectsPerSecondMax;
    if (perSecond === 0) return true;
    let rate = this.#connectBuckets.get(address);
    if (!rate) {
      rate = new TokenBucket(perSecond, perSecond * connectBurstSeconds);
      this.#connectBuckets.set(address, rate);
    }
    return rate.take(performance.now()) === 0;
  }

  handle(stream: Duplex, address = ''): void {
    const id = ++this.#lastConnection;
    const connection = new Connection(id, stream, address, this.#context, {
      onClient: () => this.#clients++,
      onOpen: () => this.#onOpen(),
      onEnded: (was) => {
        this.#connections.delete(id);
        if (was !== 'new') this.#clients--;
        if (was === 'open') this.#open--;
      },
    });
    this.#connections.set(id, connection);
  }

  /** All effects of a turn first, then one write for each socket. */
  #onEffects(effects: readonly ClientEffect[]): void {
    for (const effect of effects) {
      const connection = this.#connections.get(effect.connection);
      if (!connection) continue;
      connection.onEffect(effect);
      if (!connection.dirty) {
        connection.dirty = true;
        this.#dirty.push(connection);
      }
    }
    for (const connection of this.#dirty) {
      connection.dirty = false;
      connection.flush();
    }
    this.#dirty.length = 0;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections.values()) connection.sweep(nowMs);
    for (const [address, rate] of this.#connectBuckets) {
      if (rate.isFull(nowMs)) this.#connectBuckets.delete(address);
    }
    const { counters } = this.#context;
    this.report();
    this.#systemTopics.publish(counters, this.clientsConnected);
  }

  #onOpen(): void {
    this.#open++;
    const { counters } = this.#context;
    counters.clientsMaximum = Math.max(counters.clientsMaximum, this.#open);
  }
}
