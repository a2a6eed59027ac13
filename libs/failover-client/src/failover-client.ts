import { Connection } from './connection/connection.ts';
import type { ConnectionOptions } from './connection/connection.ts';
import { DuplicateFilter, identifyByContent } from './duplicate-filter.ts';
import { ClientStoppedError, NotConnectedError, OptionsError } from './errors.ts';
import type { Pending } from './session/publish-queue.ts';
import { ServerList } from './servers/server-list.ts';
import { defaultTimings } from './types.ts';
import type {
  ClientWill,
  FailoverClient,
  FailoverClientHandlers,
  FailoverClientOptions,
  FailoverClientStatus,
  PublishOptions,
  Subscriptions,
} from './types.ts';

const defaultUnackedMax = 1_000;
const defaultInFlightMax = 100;
const defaultSessionExpirySeconds = 3_600;
const defaultDuplicatesRememberedMax = 10_000;
const defaultDuplicateWindowMs = 10_000;
const topicBytesMax = 65_535;

/**
 * An MQTT client that uses whichever member is there: servers in the rendezvous order of its client id,
 * failover without a wait, unacked messages kept. See {@link FailoverClientOptions}.
 *
 * @throws OptionsError when the options contradict each other
 */
export function createFailoverClient(options: FailoverClientOptions): FailoverClient {
  return new Client(options);
}

class Client implements FailoverClient {
  readonly #options: FailoverClientOptions;
  readonly #connections: Connection[];
  readonly #duplicates: DuplicateFilter;
  /** Publishes that went to another connection as well; that one answers for them from then on. */
  readonly #copied = new WeakSet<Pending>();
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
      // A refusal shows in the status of the subscription only to those who call `subscribe`.
      connection.session.subscribe(subscriptions).catch((error: unknown) => {
        if (this.#state === 'running') this.#options.logger?.error({ error }, 'subscription failed');
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
        else if (this.#live()) resolve();
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
    const connection = this.#live() ?? this.#connections[0];
    if (!connection) throw new NotConnectedError();
    await connection.session.publish(topic, Buffer.from(payload), qos, retain);
  }

  async subscribe(subscriptions: Subscriptions): Promise<void> {
    if (this.#state === 'stopped') throw new ClientStoppedError();
    // One of them is enough: the other follows when it has a server.
    const all = this.#connections.map((connection) => connection.session.subscribe(subscriptions));
    for (const one of all) one.catch(() => undefined);
    await Promise.race(all);
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.session.unsubscribe(filters)));
  }

  status(): FailoverClientStatus {
    const sum = (of: (connection: Connection) => number): number =>
      this.#connections.reduce((total, connection) => total + of(connection), 0);
    return {
      connected: this.#live() !== undefined,
      server: this.#live()?.server ?? null,
      servers: this.#connections.map((connection) => connection.server),
      unacked: sum((connection) => connection.session.unacked),
      connects: sum((connection) => connection.counts.connects),
      failovers: sum((connection) => connection.counts.failovers),
      failedAttempts: sum((connection) => connection.counts.failedAttempts),
      duplicatesRemoved: this.#duplicatesRemoved,
      dropped: sum((connection) => connection.session.dropped),
    };
  }

  /**
   * The connection to publish on: the one of before while it is good, so that what it has not acked yet is not
   * overtaken on another one.
   */
  #live(): Connection | undefined {
    const up = this.#connections.filter(({ session }) => session.up);
    const good = up.filter(({ session }) => !session.doubtful);
    const candidates = good.length > 0 ? good : up;
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
      // Both connections follow the order of the whole client, so the second one takes the second place in
      // it.
      servers: new ServerList(options.clientId, options.servers, options.preferred),
      session: {
        mqtt: {
          clientId,
          ...(options.username === undefined ? {} : { username: options.username }),
          ...(options.password === undefined ? {} : { password: options.password }),
          ...(options.will === undefined ? {} : { will: mqttWill(options.will, protocolVersion) }),
        },
        protocolVersion,
        sessionExpirySeconds:
          sessionKind === 'none' ? 0 : (options.sessionExpirySeconds ?? defaultSessionExpirySeconds),
        tls: options.tls ?? {},
        unackedMax: options.unackedMax ?? defaultUnackedMax,
        inFlightMax: options.inFlightMax ?? defaultInFlightMax,
        connectTimeoutMs: timings.connectTimeoutMs,
        pingIntervalMs: timings.pingIntervalMs,
        silenceMsMax: timings.silenceMsMax,
        doubt:
          options.redundancy === 2
            ? { askAfterMs: timings.doubtAfterMs, answerMsMax: timings.doubtAnswerMsMax }
            : null,
        random,
      },
      sessionKind,
      discover: options.discover ?? true,
      timings,
      onTakeover: options.onTakeover ?? 'reconnect',
      giveUpOnLoss: options.giveUpOnLoss ?? false,
      inUse: () => this.#otherServers(index),
      yields: index > 0,
      handlers: this.#handlers(),
      onDoubt: () => this.#copyDoubtful(),
      random,
      ...(options.logger ? { logger: options.logger.child({ clientId }) } : {}),
    };
    return new Connection(connectionOptions);
  }

  #otherServers(index: number): string[] {
    return this.#connections
      .filter((_connection, other) => other !== index)
      .map((connection) => connection.aim)
      .filter((server) => server !== null);
  }

  #handlers(): FailoverClientHandlers {
    const { onMessage, onConnect, onDisconnect, onFailover, onGivenUp } = this.#options;
    return {
      onMessage: (message) => {
        if (this.#options.redundancy === 2) {
          const identity = (this.#options.identify ?? identifyByContent)(message);
          if (identity !== null && !this.#duplicates.first(identity)) {
            this.#duplicatesRemoved += 1;
            return;
          }
        }
        onMessage?.(message);
      },
      onConnect: (event) => {
        for (const wake of [...this.#waiting]) wake();
        this.#handOver();
        onConnect?.(event);
      },
      onDisconnect: (event) => {
        this.#handOver();
        onDisconnect?.(event);
      },
      onFailover: (event) => onFailover?.(event),
      onGivenUp: (reason) => {
        this.#state = 'stopped';
        onGivenUp?.(reason);
      },
    };
  }

  /**
   * What a server that does not answer has not acked goes to one that does, too: at least once, and the first ack counts.
   * Its own copies stay, for their packet ids are not free before it answers or the connection ends.
   */
  #copyDoubtful(): void {
    const heir = this.#live();
    if (!heir || heir.session.doubtful || this.#state !== 'running') return;
    for (const { session } of this.#connections) {
      if (!session.up || !session.doubtful) continue;
      for (const pending of session.unackedAtLeastOnce()) {
        if (this.#copied.has(pending)) continue;
        try {
          heir.session.add({ ...pending });
          this.#copied.add(pending);
        } catch {
          return; // its bound; the rest follows when the connection is lost
        }
      }
    }
  }

  /** QoS 1 publishes of connections that are lost go out through the live one, in their order. */
  #handOver(): void {
    const heir = this.#live();
    if (!heir || this.#state !== 'running') return;
    for (const lost of this.#connections) {
      if (lost.session.up) continue;
      for (const pending of lost.session.takeBack()) {
        if (this.#copied.has(pending)) continue;
        try {
          heir.session.add(pending);
        } catch (error) {
          pending.reject(error as Error);
        }
      }
    }
  }
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
  // [MQTT-3.3.2-2], [MQTT-4.7.3-1] to [MQTT-4.7.3-3]; MQTT.js would break the connection.
  if (topic === '' || /[+#\u0000]/.test(topic) || Buffer.byteLength(topic) > topicBytesMax) {
    throw new OptionsError(`topic ${JSON.stringify(topic.slice(0, 100))}: not a topic name`);
  }
}

function checkOptions(options: FailoverClientOptions): void {
  if (options.clientId === '') throw new OptionsError('clientId: must not be empty');
  if (options.protocolVersion === 4 && options.session === 'process') {
    throw new OptionsError('session: process needs protocolVersion 5');
  }
  if (options.redundancy === 2 && options.will) {
    throw new OptionsError('will: not with redundancy 2, where one lost connection means nothing');
  }
  if (options.redundancy === 2 && options.giveUpOnLoss) {
    throw new OptionsError('giveUpOnLoss: not with redundancy 2');
  }
}
