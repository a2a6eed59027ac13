/**
 * The MQTT broker of one member: listeners, a guard for each connection, and Aedes.
 *
 * The member (`options.port`) owns sessions, subscriptions, routing, queues and QoS state, because the
 * promises of the cluster depend on the replicated log. Aedes, left to itself, keeps the same state a second
 * time. It acknowledges a publish before the message is stored, handles the packets of one read concurrently,
 * ignores Receive Maximum, and accepts malformed packets. The hooks of Aedes cannot correct this.
 *
 * A guard (`connection/`) therefore stands between each socket and Aedes. It decodes each packet once and
 * strictly (`codec/`), handles packets one at a time and in order, and passes their meaning to the member.
 * The member answers with effects, which the guard encodes and writes. Aedes runs the connect sequence of each
 * client and then forgets the client (`aedes/`). See docs/adr/0001-aedes-version.md for the division of packets.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createEverySecond } from '@mqtt-cluster/contracts';
import type { ClientEffect, ClientId, ConnectionId, Lifecycle } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { AedesAdapter } from './aedes/aedes-adapter.ts';
import type { BrokerContext } from './context.ts';
import { BrokerMetricsReporter, newCounters } from './counters.ts';
import type { BrokerCounters } from './counters.ts';
import { Connection } from './connection/connection.ts';
import type { ConnectionEvents } from './connection/connection.ts';
import { Connections } from './connection/connection-directory.ts';
import type { ConnectionDirectory } from './connection/connection-directory.ts';
import { OversizedPacketLog } from './connection/oversized-packet-log.ts';
import { AccessCheck } from './connection/access-check.ts';
import { SlicedSweep } from './connection/sliced-sweep.ts';
import { RefusalLog } from './connection/refusal-log.ts';
import { DepartedCertificates } from './connection/departed-certificates.ts';
import { ByteReader } from './codec/byte-reader.ts';
import { PublishEncoder } from './codec/encode-publish.ts';
import { acceptancesPerTurnMax, connectsPerTurnMax, PacedStarts } from './flow-control/paced-starts.ts';
import { ClientLimits } from './limits/client-limits.ts';
import { Listener, nameDefault } from './listeners/listener.ts';
import type { ListenerContext } from './listeners/listener.ts';
import type { BoundAddress, ConnectionOrigin, ListenerTls } from './listeners/options.ts';
import { WebSocketUpgrader } from './listeners/websocket-upgrader.ts';
import { defaultLimits } from './options.ts';
import type { BrokerOptions, MemoryPressure } from './options.ts';
import { SystemTopics } from './system-topics.ts';
import { Traces } from './trace/traces.ts';

/**
 * Bound of one WebSocket message, in packets of the largest size: MQTT.js sends all packets of one turn in one message.
 */
const webSocketMessagePackets = 4;

export interface Broker extends Lifecycle {
  /** Returns the bound addresses in the order of the options. */
  addresses(): readonly BoundAddress[];
  counters(): Readonly<BrokerCounters>;
  /** Updates the metrics. The broker also does this once a second. */
  report(): void;
  /** Serves a client over any stream, like a socket that a listener accepted. */
  handle(stream: Duplex, origin?: Partial<ConnectionOrigin>): void;
  /**
   * Serves a client over WebSocket on the connection of an HTTP request, whose path and origin the caller has checked. The
   * bounds of connections and clients hold as for a listener. Call the returned function when the certificate of the client
   * has been revoked.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, origin: ConnectionOrigin): () => void;
  /**
   * Uses other keys and certificates for new connections to a listener. Of the open connections, only those of clients with
   * a revoked certificate are closed.
   *
   * @throws Error the values are unusable, or no such listener has TLS; the former values stay in use
   */
  updateTls(listener: string, tls: ListenerTls): void;
  /** Decides whether a new connection from this address is accepted (rate and places). Listeners do this before TLS. */
  admit(address: string): boolean;
  /** Sets what the broker does because the process uses too much memory. */
  setMemoryPressure(pressure: MemoryPressure): void;
  /** Rejects QoS 1 and 2 publishes of clients (0x97) until it is called with false. */
  setPublishesRefused(refused: boolean): void;
  /** The connected clients of this member. */
  readonly connections: ConnectionDirectory;
  /**
   * Ends the connection of a client; MQTT 5 clients receive the reason code 0x98 (Administrative action). Returns false
   * if the client is not connected to this member.
   */
  disconnect(client: ClientId): boolean;
  /** The running traces of packets, at most four. */
  readonly traces: Pick<Traces, 'start' | 'stop'>;
  /** Clients that received a successful CONNACK and are connected. */
  readonly clientsConnected: number;
}

/**
 * Creates a broker. `start` binds the listeners and throws a ListenError if an address cannot be bound.
 * `stop` disconnects all clients; their sessions continue on the other members.
 */
export function createBroker(options: BrokerOptions): Broker {
  return new MqttBroker(options);
}

class MqttBroker implements Broker {
  readonly #options: BrokerOptions;
  readonly #context: BrokerContext;
  readonly #aedes: AedesAdapter;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly connections = new Connections();
  readonly #departed = new DepartedCertificates((clients) => this.#options.onDepartedRevoked?.(clients));
  readonly #accessCheck: AccessCheck;
  readonly #connectionSweep: SlicedSweep;
  readonly #upgrader: WebSocketUpgrader;
  /** The ends and beginnings of all connections. */
  readonly #events: ConnectionEvents = {
    onOpen: (connection) => {
      this.#open++;
      this.connections.add(connection);
      this.#departed.onReturned(connection.client);
      const { counters } = this.#context;
      counters.clientsMaximum = Math.max(counters.clientsMaximum, this.#open);
    },
    onEnded: (connection, previous, { graceful, label }) => {
      this.#connections.delete(connection.id);
      if (previous !== 'open') return;
      this.#open--;
      this.connections.remove(connection);
      // A connection that has taken this one over has its own will.
      const departed = graceful || label === 'taken_over' ? null : connection.departed(performance.now());
      if (departed !== null) this.#departed.add(departed);
    },
  };
  readonly #unflushed: Connection[] = [];
  readonly #systemTopics: SystemTopics;
  readonly #metricsReporter: BrokerMetricsReporter;
  #listeners: Listener[] = [];
  #lastConnection: ConnectionId = 0;
  /** Clients that are connected. */
  #open = 0;
  #stopSweeps: () => void = () => {};

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#aedes = new AedesAdapter(options.memberId, options.logger);
    const limits = { ...defaultLimits, ...options.limits };
    const counters = newCounters();
    this.#context = {
      port: options.port,
      limits,
      logger: options.logger,
      metrics: options.metrics ?? noMetrics,
      counters,
      encoder: new PublishEncoder(),
      reader: new ByteReader(),
      aedes: this.#aedes,
      options,
      oversizedPackets: new OversizedPacketLog(options.logger),
      clientLimits: new ClientLimits(limits, counters, options.logger),
      connects: new PacedStarts(connectsPerTurnMax),
      acceptances: new PacedStarts(acceptancesPerTurnMax),
      refusals: new RefusalLog(options.logger),
      traces: new Traces(() => {
        for (const connection of this.#connections.values()) connection.updateTap();
      }),
    };
    this.#upgrader = new WebSocketUpgrader(limits.packetBytesMax * webSocketMessagePackets);
    this.#accessCheck = new AccessCheck(options.access, this.#connections);
    this.#connectionSweep = new SlicedSweep(this.#connections);
    this.#systemTopics = new SystemTopics(options);
    this.#metricsReporter = new BrokerMetricsReporter(this.#context.metrics);
    options.port.onEffects((effects) => this.#onEffects(effects));
  }

  async start(): Promise<void> {
    await this.#aedes.start();
    try {
      for (const options of this.#options.listeners) {
        const listener = new Listener(options, this.#listenerContext());
        await listener.listen();
        this.#listeners.push(listener);
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    const { everySecond = createEverySecond() } = this.#options;
    this.#stopSweeps = everySecond(() => this.#sweep());
    this.#sweep();
  }

  async stop(): Promise<void> {
    this.#stopSweeps();
    this.#accessCheck.stop();
    this.#connectionSweep.stop();
    const closing = this.#listeners.map((listener) => listener.close());
    this.#listeners = [];
    for (const connection of this.#connections.values()) connection.shutDown();
    await Promise.all(closing);
    await this.#aedes.stop();
  }

  addresses(): readonly BoundAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  updateTls(name: string, tls: ListenerTls): void {
    const listener = this.#listeners.find((each) => each.name === name);
    if (listener === undefined) throw new Error(`there is no listener ${name}`);
    listener.updateTls(tls);
    if (tls.revocations !== undefined)
      this.#departed.setRevocations(name, tls.revocations, performance.now());
  }

  counters(): Readonly<BrokerCounters> {
    return this.#context.counters;
  }

  report(): void {
    const { counters, limits, clientLimits, metrics } = this.#context;
    clientLimits.updateMetrics(metrics);
    this.#metricsReporter.report(counters, this.clientsConnected, limits.clientsMax);
  }

  get clientsConnected(): number {
    return this.#open;
  }

  #listenerContext(): ListenerContext {
    const { limits, counters, logger, clientLimits } = this.#context;
    return {
      logger,
      handshakeMsMax: limits.handshakeMsMax,
      messageBytesMax: limits.packetBytesMax * webSocketMessagePackets,
      admits: ({ address }) => this.admit(address),
      onPending: (address, discard) => clientLimits.enterPending(address, discard),
      onStream: (stream, origin) => {
        const connection = this.#serve(stream, origin);
        return () => connection.disconnectRevoked();
      },
      onFailure: (failure) => {
        counters.connectionsRefused++;
        counters.refusals[failure]++;
      },
    };
  }

  admit(address: string): boolean {
    return this.#context.clientLimits.admit(address);
  }

  get traces(): Traces {
    return this.#context.traces;
  }

  disconnect(client: ClientId): boolean {
    const connection = this.connections.find(client);
    connection?.disconnectByOperator();
    return connection !== undefined;
  }

  setMemoryPressure(pressure: MemoryPressure): void {
    this.#context.clientLimits.memoryPressure = pressure;
  }

  setPublishesRefused(refused: boolean): void {
    this.#context.clientLimits.refusesPublishes = refused;
  }

  handle(stream: Duplex, partial: Partial<ConnectionOrigin> = {}): void {
    this.#serve(stream, { address: '', listener: nameDefault, kind: 'tcp', ...partial });
  }

  #serve(stream: Duplex, origin: ConnectionOrigin): Connection {
    const id = ++this.#lastConnection;
    this.#context.counters.connectionsOpened++;
    const connection = new Connection(id, stream, origin, this.#context, this.#events);
    this.#connections.set(id, connection);
    return connection;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, origin: ConnectionOrigin): () => void {
    let revoke = (): void => void socket.destroy();
    if (!this.admit(origin.address)) {
      socket.destroy();
      return revoke;
    }
    this.#upgrader.upgrade(request, socket, head, {
      onOpen: (stream) => {
        const connection = this.#serve(stream, origin);
        revoke = () => connection.disconnectRevoked();
      },
      onRefused: () => {
        const { counters } = this.#context;
        counters.connectionsRefused++;
        counters.refusals.websocket_upgrade++;
      },
    });
    return () => revoke();
  }

  /** Queues the packets of all effects of a turn first, then writes once to each socket. */
  #onEffects(effects: readonly ClientEffect[]): void {
    for (const effect of effects) {
      const connection = this.#connections.get(effect.connection);
      if (!connection) continue;
      connection.onEffect(effect);
      if (!connection.flushPending) {
        connection.flushPending = true;
        this.#unflushed.push(connection);
      }
    }
    for (const connection of this.#unflushed) {
      connection.flushPending = false;
      connection.flush();
    }
    this.#unflushed.length = 0;
  }

  #sweep(): void {
    const nowMs = performance.now();
    this.#context.clientLimits.isIsolated = this.#options.port.status().state === 'isolated';
    this.#connectionSweep.run(nowMs);
    this.#context.clientLimits.sweep(nowMs);
    this.#accessCheck.run();
    const { counters } = this.#context;
    this.report();
    this.#systemTopics.publish(counters, this.clientsConnected);
  }
}
