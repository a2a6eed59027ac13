/**
 * The limits of one member's connections and clients.
 *
 * A connection first holds a place among the unauthenticated ones, and after its authentication a place among the
 * clients. Both are bounded, and both are shared fairly between addresses (clients with a user: between users). The
 * bytes that the connections hold have one bound for each kind, over all connections ({@link SharedBytes}).
 */
import { ConnectRate, networkOf } from '@mqtt-cluster/contracts';
import type { ClientId, Logger, RefusedFilters } from '@mqtt-cluster/contracts';
import { brokerMetrics } from '@mqtt-cluster/metric-catalogue';
import type { ClientLimit, ConnectionRefusalReason, Metrics } from '@mqtt-cluster/metric-catalogue';
import type { BrokerCounters } from '../counters.ts';
import type { BrokerLimits, MemoryPressure } from '../options.ts';
import { PacedStarts, resumesPerTurnMax } from '../flow-control/paced-starts.ts';
import { FlappingClients } from './flapping-clients.ts';
import { HolderCounts } from './holder-counts.ts';
import { LimitLog } from './limit-log.ts';
import { limitTexts } from './limit-texts.ts';
import { Places } from './places.ts';
import type { Occupant } from './places.ts';
import { SharedBytes } from './shared-bytes.ts';

/** A connection that holds a place. */
interface PlaceOwner extends Occupant {
  readonly address: string;
  /** Empty before CONNECT. */
  readonly client: ClientId;
  /** True if the client has not sent its CONNECT, although it had time to. */
  isSilent(nowMs: number): boolean;
  evict(limit: ClientLimit): void;
}

/** A connection that can send MQTT packets, as the limits see it. */
export interface LimitedConnection extends PlaceOwner {
  /** The key of the address, or after the authentication the user. */
  holder: string;
  isAuthenticated: boolean;
  /** Pauses reading for the bound of unfinished packets, or ends this pause. */
  setUnfinishedPause(paused: boolean): void;
  /** Pauses reading for the bound of unanswered publishes, or ends this pause. */
  setUnansweredPause(paused: boolean): void;
  /** Treats the outgoing buffer as full until it is empty. */
  stallOutgoing(): void;
  /** Measures the outgoing buffer, bytes. */
  outgoingBytes(): number;
}

/** Time after which a connection without CONNECT may lose its place to another one of its address, ms. */
export const silentMsMin = 1_000;

/** Bytes of the outgoing buffer that a client may always hold. */
const outgoingPartMin = 4 * 1_024;

export class ClientLimits {
  readonly unauthenticatedBytes: SharedBytes<LimitedConnection>;
  readonly unfinishedBytes: SharedBytes<LimitedConnection>;
  readonly heldBytes: SharedBytes<LimitedConnection>;
  readonly outgoingBytes: SharedBytes<LimitedConnection>;
  readonly unansweredBytes: SharedBytes<LimitedConnection>;
  /** Set by the application. */
  memoryPressure: MemoryPressure = 'none';
  /** Set by the application: the replicated state has no room in the memory of the process. */
  refusesPublishes = false;
  /** Whether the member was isolated when the broker last asked, at most a second ago. */
  isIsolated = false;
  readonly #limits: BrokerLimits;
  readonly #counters: BrokerCounters;
  readonly #logger: Logger;
  readonly #logs = new Map<ClientLimit, LimitLog>();
  readonly #connectRate: ConnectRate;
  readonly #flapping = new FlappingClients();
  readonly #unauthenticated: Places<PlaceOwner>;
  readonly #clients: Places<LimitedConnection>;
  /** All connections by the key of their address. */
  readonly #byAddress = new HolderCounts();

  constructor(limits: BrokerLimits, counters: BrokerCounters, logger: Logger) {
    this.#limits = limits;
    this.#counters = counters;
    this.#logger = logger;
    this.#connectRate = new ConnectRate(limits.connectsPerSecondMax);
    this.#unauthenticated = new Places(limits.unauthenticatedMax);
    this.#clients = new Places(limits.clientsMax);
    const pause = (connection: LimitedConnection): void => connection.setUnfinishedPause(true);
    const resume = (connection: LimitedConnection): void => connection.setUnfinishedPause(false);
    this.unauthenticatedBytes = new SharedBytes(limits.unauthenticatedBytesMax, {
      pause,
      resume,
      evict: (connection) => connection.evict('unauthenticated_bytes'),
    });
    this.unfinishedBytes = new SharedBytes(limits.unfinishedBytesMax, {
      pause: (connection) => {
        this.report('unfinished_bytes', connection);
        pause(connection);
      },
      resume,
      evict: (connection) => connection.evict('unfinished_bytes'),
    });
    // Reading must go on, because PUBREL makes room. So there is no back pressure.
    this.heldBytes = new SharedBytes(limits.heldBytesTotalMax, {
      evict: (connection) => connection.evict('held_bytes'),
    });
    this.outgoingBytes = new SharedBytes(
      limits.outgoingBytesTotalMax,
      {
        pause: (connection) => {
          this.report('outgoing_bytes', connection);
          connection.stallOutgoing();
        },
        measure: (connection) => connection.outgoingBytes(),
      },
      outgoingPartMin,
    );
    this.unansweredBytes = new SharedBytes(limits.unansweredBytesTotalMax, {
      pause: (connection) => connection.setUnansweredPause(true),
      resume: (connection) => connection.setUnansweredPause(false),
      resumes: new PacedStarts(resumesPerTurnMax),
    });
  }

  /** Authenticated clients, including those that wait for the member. */
  get clientsFull(): boolean {
    return this.#clients.isFull;
  }

  get refusesClients(): boolean {
    return this.memoryPressure !== 'none';
  }

  /** New filters of a SUBSCRIBE that the member must refuse, because the process has too little memory. */
  get refusedFilters(): RefusedFilters | undefined {
    if (this.memoryPressure === 'dropQos0') return 'all';
    return this.refusesPublishes ? 'replicated' : undefined;
  }

  /**
   * Decides about a new connection, before it costs anything. A listener calls this once for each connection, as early
   * as it knows the address of the client.
   */
  admit(address: string): boolean {
    const key = networkOf(address);
    const refusal = this.#refusalOf(key);
    if (refusal === null) return true;
    const [reason, limit] = refusal;
    this.#counters.connectionsRefused++;
    this.#counters.refusals[reason]++;
    this.#count(limit, `address ${key}`, { address });
    return false;
  }

  #refusalOf(key: string): readonly [ConnectionRefusalReason, ClientLimit] | null {
    const nowMs = performance.now();
    const { connectionsPerAddressMax: perAddress, socketsMax } = this.#limits;
    if (!this.#connectRate.admit(key, nowMs)) return ['rate_limited', 'connect_rate'];
    if (this.memoryPressure === 'dropQos0') return ['memory', 'memory'];
    if (perAddress > 0 && this.#byAddress.of(key) >= perAddress) {
      return ['address_limit', 'address_connections'];
    }
    const sockets = this.#unauthenticated.size + this.#clients.size;
    const limit = socketsMax > 0 && sockets >= socketsMax ? 'sockets' : 'unauthenticated_connections';
    if (limit === 'unauthenticated_connections' && !this.#unauthenticated.isFull) return null;
    const victim =
      this.#unauthenticated.victimFor(key) ??
      this.#silentOf(key, nowMs) ??
      (limit === 'sockets' ? this.#clients.victimFor(key) : undefined);
    if (victim === undefined) return ['too_many_connections', limit];
    victim.evict(limit);
    return null;
  }

  /** The address that holds most may replace its own silent connections: several hosts may share it. */
  #silentOf(key: string, nowMs: number): PlaceOwner | undefined {
    const oldest = this.#unauthenticated.oldest(key);
    return oldest?.isSilent(nowMs) === true ? oldest : undefined;
  }

  /**
   * A connection before its first MQTT packet, for instance during its TLS handshake, takes a place among the
   * unauthenticated ones. Returns a function that gives the place up.
   */
  enterPending(address: string, discard: () => void): () => void {
    const enteredAtMs = performance.now();
    const holder = networkOf(address);
    const place: PlaceOwner = {
      holder,
      address,
      client: '',
      isSilent: (nowMs) => nowMs - enteredAtMs >= silentMsMin,
      evict: (limit) => {
        this.report(limit, place);
        this.#counters.connectionsRefused++;
        this.#counters.refusals.too_many_connections++;
        discard();
      },
    };
    this.#unauthenticated.add(place);
    this.#byAddress.add(holder);
    return () => {
      this.#unauthenticated.remove(place);
      this.#byAddress.remove(holder);
    };
  }

  /** The connection takes a place among the unauthenticated ones. */
  enter(connection: LimitedConnection): void {
    this.#unauthenticated.add(connection);
    this.#byAddress.add(networkOf(connection.address));
  }

  /**
   * Returns the time for which the client waits because of its takeovers, ms. Call it for an authenticated client
   * only, so that strangers cannot delay it.
   */
  delayOf({ client, address }: LimitedConnection): number {
    const flapping = this.#flapping.onConnect(client, address, performance.now());
    if (flapping === null) return 0;
    const { addresses, delayMs } = flapping;
    this.#count('flapping', `client ${client}`, { client, addresses, delayMs });
    return delayMs;
  }

  onTakenOver(client: ClientId, address: string): void {
    this.#flapping.onTakenOver(client, address, performance.now());
  }

  /**
   * The connection leaves the unauthenticated ones and takes the place of a client. Returns the reason if no place is
   * free for it.
   */
  authenticate(connection: LimitedConnection, user?: string): ConnectionRefusalReason | null {
    const { connectionsPerUserMax: perUser } = this.#limits;
    const holder = user === undefined ? connection.holder : `user ${user}`;
    if (user !== undefined && perUser > 0 && this.#clients.of(holder) >= perUser) {
      this.#count('user_connections', holder, { ...fieldsOf(connection), user });
      return 'user_limit';
    }
    if (this.#clients.isFull) {
      const victim = this.#clients.victimFor(holder);
      if (victim === undefined) {
        this.report('clients', connection);
        return 'client_limit';
      }
      victim.evict('clients');
    }
    this.unauthenticatedBytes.set(connection, 0);
    this.#unauthenticated.remove(connection);
    connection.holder = holder;
    connection.isAuthenticated = true;
    this.#clients.add(connection);
    return null;
  }

  leave(connection: LimitedConnection): void {
    (connection.isAuthenticated ? this.#clients : this.#unauthenticated).remove(connection);
    this.#byAddress.remove(networkOf(connection.address));
    this.unauthenticatedBytes.set(connection, 0);
    this.unfinishedBytes.set(connection, 0);
    this.heldBytes.set(connection, 0);
    this.outgoingBytes.set(connection, 0);
    this.unansweredBytes.set(connection, 0);
  }

  /** Records an activity: a connection without activity leaves before the others of its holder. */
  touch(connection: LimitedConnection): void {
    (connection.isAuthenticated ? this.#clients : this.#unauthenticated).touch(connection);
  }

  /** Called once a second. */
  sweep(nowMs: number): void {
    this.#connectRate.sweep(nowMs);
    this.#flapping.sweep(nowMs);
    this.unauthenticatedBytes.sweep(nowMs);
    this.unfinishedBytes.sweep(nowMs);
    this.heldBytes.sweep(nowMs);
    this.outgoingBytes.sweep(nowMs);
    this.unansweredBytes.sweep(nowMs);
  }

  updateMetrics(metrics: Metrics): void {
    metrics.set(brokerMetrics.unauthenticated, [], this.#unauthenticated.size);
    metrics.set(brokerMetrics.unauthenticatedMax, [], this.#unauthenticated.max);
    const buffers = {
      unauthenticated: this.unauthenticatedBytes,
      unfinished: this.unfinishedBytes,
      held: this.heldBytes,
      outgoing: this.outgoingBytes,
      unanswered: this.unansweredBytes,
    };
    for (const [buffer, bytes] of Object.entries(buffers)) {
      metrics.set(brokerMetrics.bufferBytes, [buffer], bytes.total);
      metrics.set(brokerMetrics.bufferBytesMax, [buffer], bytes.max);
    }
  }

  /** Counts that a connection reached the limit, and logs it with these further fields. */
  report(limit: ClientLimit, connection: PlaceOwner, fields: Readonly<Record<string, unknown>> = {}): void {
    const { client, address } = connection;
    const subject = client === '' ? `address ${networkOf(address)}` : `client ${client}`;
    this.#count(limit, subject, { ...fieldsOf(connection), ...fields });
  }

  #count(limit: ClientLimit, subject: string, fields: Readonly<Record<string, unknown>>): void {
    this.#counters.limits[limit]++;
    let log = this.#logs.get(limit);
    if (log === undefined) {
      log = new LimitLog(this.#logger, limitTexts[limit]);
      this.#logs.set(limit, log);
    }
    log.report(subject, { limit, ...fields });
  }
}

function fieldsOf({ client, address, holder }: PlaceOwner): Record<string, string> {
  const user = holder.startsWith('user ') ? { user: holder.slice('user '.length) } : {};
  return { client, address, ...user };
}
