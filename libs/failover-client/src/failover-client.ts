import { Connection } from './connection.ts';
import type { ConnectionOptions } from './connection.ts';
import { DuplicateFilter, identifyByContent } from './duplicate-filter.ts';
import { ClientStoppedError, NotConnectedError, OptionsError } from './errors.ts';
import type { PendingPublish } from './session/publish-queue.ts';
import { ServerList } from './servers/server-list.ts';
import { checkOptions } from './check-options.ts';
import { openStream } from './transport/open-stream.ts';
import { defaultTimings } from './types.ts';
import type {
  ClientWill,
  Credentials,
  FailoverClient,
  FailoverClientHandlers,
  FailoverClientOptions,
  FailoverClientStatus,
  PublishOptions,
  Subscriptions,
  TlsOptions,
} from './types.ts';

const defaultUnackedMax = 1_000;
const defaultInFlightMax = 100;
const defaultSessionExpirySeconds = 3_600;
const defaultDuplicatesRememberedMax = 10_000;
const defaultDuplicateWindowMs = 10_000;
const topicBytesMax = 65_535;

/**
 * Creates an MQTT client for a cluster. The client tries the servers in the rendezvous order of its client id, fails over
 * without a delay, and keeps unacknowledged messages. See {@link FailoverClientOptions}.
 *
 * @throws OptionsError the options contradict each other, or a server URL is invalid
 */
export function createFailoverClient(options: FailoverClientOptions): FailoverClient {
  return new Client(options);
}

class Client implements FailoverClient {
  readonly #options: FailoverClientOptions;
  readonly #connections: Connection[];
  readonly #duplicates: DuplicateFilter;
  /** Publishes of a suspected server that were also sent on the other connection. */
  readonly #copied = new WeakSet<PendingPublish>();
  /** The connection of the last publish. */
  #last: Connection | undefined;
  #duplicatesRemoved = 0;
  #waiting = new Set<() => void>();
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(options: FailoverClientOptions) {
    checkOptions(options);
    this.#options = options;
    this.#duplicates = new DuplicateFilter(
      options.duplicatesRememberedMax ?? defaultDuplicatesRememberedMax,
      options.duplicateWindowMs ?? defaultDuplicateWindowMs,
      () => performance.now(),
    );
    const clientIds =
      options.redundancy === 2 ? [`${options.clientId}~1`, `${options.clientId}~2`] : [options.clientId];
    this.#connections = clientIds.map((clientId, index) => this.#connection(clientId, index));
  }

  start(): Promise<void> {
    if (this.#state !== 'new') return Promise.resolve();
    this.#state = 'running';
    const { subscriptions = {} } = this.#options;
    for (const connection of this.#connections) {
      // No caller waits for these subscriptions, so the client logs a rejection by the server.
      connection.session.subscribe(subscriptions).catch((error: unknown) => {
        if (this.#state === 'running')
          this.#options.logger?.error({ error }, 'the server rejected a configured subscription');
      });
      connection.start();
    }
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    for (const wake of this.#waiting) wake();
    await Promise.all(this.#connections.map((connection) => connection.stop()));
  }

  connected(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): boolean => {
        if (signal?.aborted) reject(signal.reason as Error);
        else if (this.#state === 'stopped') reject(new ClientStoppedError());
        else if (this.#publishingConnection()) resolve();
        else return false;
        return true;
      };
      if (check()) return;
      const wake = (): void => {
        if (!check()) return;
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake);
    });
  }

  async publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    if (this.#state === 'stopped') throw new ClientStoppedError();
    checkTopic(topic);
    const { qos = 0, retain = false } = options;
    const connection = this.#publishingConnection() ?? this.#connections[0];
    if (!connection) throw new NotConnectedError();
    await connection.session.publish(topic, Buffer.from(payload), qos, retain);
  }

  async subscribe(subscriptions: Subscriptions): Promise<void> {
    if (this.#state === 'stopped') throw new ClientStoppedError();
    // The call resolves with the first SUBACK of any connection. A connection without a server subscribes
    // when it has one.
    const subacks = this.#connections.map((connection) => connection.session.subscribe(subscriptions));
    for (const suback of subacks) suback.catch(() => undefined);
    await Promise.race(subacks);
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.session.unsubscribe(filters)));
  }

  status(): FailoverClientStatus {
    const sum = (of: (connection: Connection) => number): number =>
      this.#connections.reduce((total, connection) => total + of(connection), 0);
    return {
      connected: this.#publishingConnection() !== undefined,
      server: this.#publishingConnection()?.server ?? null,
      servers: this.#connections.map((connection) => connection.server),
      unacked: sum((connection) => connection.session.unacked),
      connects: sum((connection) => connection.counters.connects),
      failovers: sum((connection) => connection.counters.failovers),
      failedAttempts: sum((connection) => connection.counters.failedAttempts),
      refusedAttempts: sum((connection) => connection.counters.refusedAttempts),
      duplicatesRemoved: this.#duplicatesRemoved,
      dropped: sum((connection) => connection.session.dropped),
    };
  }

  /**
   * Returns the connection to publish on. The client keeps the connection of the last publish while its
   * server responds. Otherwise a later publish could overtake unacknowledged publishes through the other
   * connection.
   */
  #publishingConnection(): Connection | undefined {
    const connected = this.#connections.filter(({ session }) => session.connected);
    const responsive = connected.filter(({ session }) => !session.suspected);
    const candidates = responsive.length > 0 ? responsive : connected;
    if (this.#last === undefined || !candidates.includes(this.#last)) this.#last = candidates[0];
    return this.#last;
  }

  #connection(clientId: string, index: number): Connection {
    const options = this.#options;
    const protocolVersion = options.protocolVersion ?? 5;
    const sessionKind = options.session ?? (protocolVersion === 5 ? 'process' : 'none');
    const timings = { ...defaultTimings, ...options.timings };
    const random = options.random ?? Math.random;
    const connectionOptions: ConnectionOptions = {
      // Both connections use the server order of the client id without a suffix, so the second connection
      // takes the second server.
      servers: new ServerList(options.clientId, options.servers, options.preferred),
      session: {
        mqtt: {
          clientId,
          ...(options.will === undefined ? {} : { will: mqttWill(options.will, protocolVersion) }),
        },
        protocolVersion,
        sessionExpirySeconds:
          sessionKind === 'none' ? 0 : (options.sessionExpirySeconds ?? defaultSessionExpirySeconds),
        credentials: () => options.credentials?.() ?? fixedCredentials(options),
        openStream: options.openStream ?? ((url) => openStream(url, tlsOf(options))),
        unackedMax: options.unackedMax ?? defaultUnackedMax,
        inFlightMax: options.inFlightMax ?? defaultInFlightMax,
        packetBytesMax: options.packetBytesMax ?? Infinity,
        connectTimeoutMs: timings.connectTimeoutMs,
        pingIntervalMs: timings.pingIntervalMs,
        silenceMsMax: timings.silenceMsMax,
        probe:
          options.redundancy === 2
            ? { pingAfterMs: timings.probeAfterMs, timeoutMs: timings.probeTimeoutMs }
            : null,
        random,
      },
      sessionKind,
      discover: options.discover ?? true,
      timings,
      onTakeover: options.onTakeover ?? 'reconnect',
      stopOnConnectionLoss: options.stopOnConnectionLoss ?? false,
      serversInUse: () => this.#otherServers(index),
      avoidsSharing: index > 0,
      handlers: this.#handlers(),
      onSuspected: () => this.#copyFromSuspected(),
      random,
      ...(options.logger ? { logger: options.logger.child({ clientId }) } : {}),
    };
    return new Connection(connectionOptions);
  }

  #otherServers(index: number): string[] {
    return this.#connections
      .filter((_connection, other) => other !== index)
      .map((connection) => connection.target)
      .filter((server) => server !== null);
  }

  #handlers(): FailoverClientHandlers {
    const { onMessage, onConnect, onDisconnect, onFailover, onStopped } = this.#options;
    return {
      onMessage: (message) => {
        if (this.#options.redundancy === 2) {
          const identity = (this.#options.identify ?? identifyByContent)(message);
          if (identity !== null && !this.#duplicates.isFirst(identity)) {
            this.#duplicatesRemoved += 1;
            return;
          }
        }
        onMessage?.(message);
      },
      onConnect: (event) => {
        for (const wake of [...this.#waiting]) wake();
        this.#moveUnacked();
        onConnect?.(event);
      },
      onDisconnect: (event) => {
        this.#moveUnacked();
        onDisconnect?.(event);
      },
      onFailover: (event) => onFailover?.(event),
      onStopped: (reason) => {
        this.#state = 'stopped';
        onStopped?.(reason);
      },
    };
  }

  /**
   * Sends the unacknowledged QoS 1 publishes of a suspected server also on the other connection. QoS 1 allows
   * the second copy, and the publish resolves with the first acknowledgement. The original publishes stay:
   * their packet ids are not free before the server acknowledges or the connection ends.
   */
  #copyFromSuspected(): void {
    const target = this.#publishingConnection();
    if (!target || target.session.suspected || this.#state !== 'running') return;
    for (const { session } of this.#connections) {
      if (!session.connected || !session.suspected) continue;
      for (const pending of session.unackedQos1()) {
        if (this.#copied.has(pending)) continue;
        try {
          target.session.add({ ...pending });
          this.#copied.add(pending);
        } catch {
          return; // unackedMax is reached. The other publishes move when the connection is lost.
        }
      }
    }
  }

  /** Moves the unacknowledged QoS 1 publishes of lost connections to the other connection, in order. */
  #moveUnacked(): void {
    const target = this.#publishingConnection();
    if (!target || this.#state !== 'running') return;
    for (const lost of this.#connections) {
      if (lost.session.connected) continue;
      for (const pending of lost.session.takeUnackedQos1()) {
        if (this.#copied.has(pending)) continue;
        try {
          target.session.add(pending);
        } catch (error) {
          pending.reject(error as Error);
        }
      }
    }
  }
}

function fixedCredentials({ username, password }: FailoverClientOptions): Credentials {
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}

function tlsOf({ tls = {} }: FailoverClientOptions): TlsOptions {
  return typeof tls === 'function' ? tls() : tls;
}

function mqttWill(
  will: ClientWill,
  protocolVersion: 4 | 5,
): {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  retain: boolean;
  properties?: { willDelayInterval: number };
} {
  return {
    topic: will.topic,
    payload: Buffer.from(will.payload),
    qos: will.qos ?? 0,
    retain: will.retain ?? false,
    ...(protocolVersion === 5 ? { properties: { willDelayInterval: will.delaySeconds ?? 0 } } : {}),
  };
}

function checkTopic(topic: string): void {
  // [MQTT-3.3.2-2], [MQTT-4.7.3-1] to [MQTT-4.7.3-3]. MQTT.js would close the connection.
  if (topic === '' || /[+#\u0000]/.test(topic) || Buffer.byteLength(topic) > topicBytesMax) {
    throw new OptionsError(`topic ${JSON.stringify(topic.slice(0, 100))}: not a valid topic name`);
  }
}
