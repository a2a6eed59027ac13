import type { ClientEffect, MemberId, QoS, Subscription, Will } from '@mqtt-cluster/contracts';
import type { ClientOptions } from './client-options.ts';
import { IncomingMessages } from './incoming-messages.ts';
import { OutgoingMessages } from './outgoing-messages.ts';
import { Subscriptions } from './subscriptions.ts';
import { expiryEarlyMsMax } from '../checks/expiry-time.ts';
import { payloadOf } from '../history/history.ts';
import type {
  ConnectionRecord,
  History,
  Publication,
  PublishOptions,
  SessionRecord,
} from '../history/history.ts';
import type { Host } from '../world/host.ts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';
import { ClientConnection } from './client-connection.ts';
import type { ServedConnection } from './client-connection.ts';

/** The part of the world that a client uses. */
export interface ClientWorld {
  readonly timeline: Timeline;
  readonly history: History;
  readonly hosts: readonly Host[];
  newConnectionId(): number;
  register(connection: ServedConnection): void;
}

const connackMsMax = 4_000;
const reconnectMsMin = 20;
const reconnectMsMax = 500;
/** Time within which the cluster counts the connections of a member that stopped as ended. */
const homeLostMsMax = 6_000;
/** Time within which the cluster applies the `open` of a CONNECT whose home was isolated or paused. */
const openLateMsMax = 15_000;
/** The reason for which a joining member refuses a CONNECT without an `open`. */
const refusedAtOnce = 'notServing';
/** Time until a connection attempt to a host that does not answer fails. */
const dialMsMax = 1_500;

/** One MQTT client: its session state, and its current connection. */
export class SimulatedClient {
  readonly id: string;
  readonly options: ClientOptions;
  readonly outgoing: OutgoingMessages;
  readonly incoming: IncomingMessages;
  readonly subscriptions: Subscriptions;
  home: MemberId | null;
  session: SessionRecord | null = null;
  connection: ClientConnection | null = null;
  connected = false;
  /** Whether the client has ever tried to connect. */
  hasConnected = false;
  /** Whether the client is connected or tries to connect. */
  shouldBeConnected = false;
  readonly #world: ClientWorld;
  readonly #random: Random;
  #record: ConnectionRecord | null = null;
  /** Number of the current attempt to connect; older attempts are cancelled. */
  #dialAttempt = 0;
  /** The last connection, if the client ended the session with it; see {@link SimulatedClient.endSession}. */
  #endedBy: ConnectionRecord | null = null;
  /** True if a connection ended before its CONNACK, so that the client's session may or may not exist. */
  #sessionUncertain = false;
  /** The last time when a connection ended before its CONNACK, although its home may have proposed an `open`. */
  #unansweredAtMs = -Infinity;

  constructor(world: ClientWorld, random: Random, options: ClientOptions) {
    this.#world = world;
    this.#random = random;
    this.options = options;
    this.id = options.id;
    this.home = options.home;
    this.outgoing = new OutgoingMessages(world.history, options.windowMax);
    this.incoming = new IncomingMessages(options.id, world.history, world.timeline, random.fork(), options);
    this.subscriptions = new Subscriptions(options.id, world.history, options.subscriptions);
  }

  get isPersistent(): boolean {
    return this.options.expirySeconds > 0;
  }

  /**
   * Whether all subscriptions are acknowledged, all messages are finished, and the client is connected if it
   * should be.
   */
  get isIdle(): boolean {
    if (this.outgoing.unfinished > 0 || (this.shouldBeConnected && !this.connected)) return false;
    return this.subscriptions.isIdle;
  }

  /** Connects to the member `home`; null: to a random member. */
  connect(home: MemberId | null = this.home): void {
    this.shouldBeConnected = true;
    this.hasConnected = true;
    this.home = home;
    this.#dialAfter(0);
  }

  /**
   * Ends the connection and does not reconnect. The cluster must publish the client's will unless the client
   * sends DISCONNECT.
   */
  leave(how: 'disconnect' | 'close' | 'vanish'): void {
    this.shouldBeConnected = false;
    this.#drop(how);
  }

  /** Ends the connection and connects to another member, as a roaming device does. */
  move(home: MemberId | null, how: 'disconnect' | 'close' | 'vanish'): void {
    this.#drop(how);
    this.connect(home);
  }

  /**
   * Ends the connection with a DISCONNECT that changes the Session Expiry Interval to 0, and connects to another
   * member. The session has ended [5.0 MQTT-3.1.2-23].
   */
  endSession(): void {
    const record = this.#record;
    if (record !== null && this.session !== null && this.connected) {
      this.#endedBy = record;
      this.session.endedAtMs ??= this.#world.history.nowMs;
    }
    this.#drop('disconnect', 0);
    this.connect(null);
  }

  publish(topic: string, qos: QoS, how: PublishOptions = {}): Publication {
    const publication = this.#world.history.publication(this.id, topic, qos, how);
    this.outgoing.publish(publication);
    return publication;
  }

  subscribe(subscription: Subscription): void {
    this.subscriptions.subscribe(subscription);
  }

  unsubscribe(filter: string): void {
    this.subscriptions.unsubscribe(filter);
  }

  // ---- connection ----

  #dialAfter(delayMs: number): void {
    this.#dialAttempt += 1;
    const attempt = this.#dialAttempt;
    this.#world.timeline.after(delayMs, () => {
      if (attempt === this.#dialAttempt && this.shouldBeConnected && this.connection === null) this.#dial();
    });
  }

  #dial(): void {
    const { hosts, timeline, history } = this.#world;
    const host = hosts.find(({ id }) => id === this.home) ?? this.#random.pick(hosts);
    if (host.state !== 'running') {
      const refused = host.state === 'dead';
      this.#dialAfter(refused ? this.#random.between(reconnectMsMin, reconnectMsMax) : dialMsMax);
      return;
    }
    const connection = new ClientConnection(this.#world.newConnectionId(), host, timeline, this.#random, {
      effect: (from, effect, isolated) => this.#handleEffect(from, effect, isolated),
      lost: () => this.#connectionEnded('lost', ''),
      endHandled: ({ id }) => {
        const record = history.connections.get(id);
        if (record !== undefined) record.endHandledAtMs = history.nowMs;
      },
    });
    this.connection = connection;
    this.#record = this.#openRecord(connection);
    this.#world.register(connection);
    const { clean, expirySeconds, receiveMaximum } = this.options;
    const will = this.#record.will?.will;
    const willNote = this.#record.will === null ? '' : ` with will #${this.#record.will.publication} `;
    history.log(() => `${this.id} -> ${host.id} CONNECT ${connection.id}${clean ? ' clean' : ''}${willNote}`);
    if (clean || !this.isPersistent) this.#endSession();
    connection.connect({
      client: this.id,
      clean,
      sessionExpirySeconds: expirySeconds,
      receiveMaximum,
      ...(will === undefined ? {} : { will }),
      ...(this.options.access === undefined ? {} : { access: this.options.access }),
    });
    timeline.after(connackMsMax, () => {
      if (this.connection === connection && !this.connected) this.#giveUp();
    });
  }

  #openRecord(connection: ClientConnection): ConnectionRecord {
    const { history } = this.#world;
    let will: ConnectionRecord['will'] = null;
    if (this.options.will !== null) {
      const { topic, qos, delaySeconds } = this.options.will;
      const publication = history.publication(this.id, topic, qos);
      const made: Will = { topic, qos, payload: payloadOf(publication), retain: false, delaySeconds };
      will = { will: made, publication: publication.id };
    }
    const record: ConnectionRecord = {
      id: connection.id,
      client: this.id,
      host: connection.host.id,
      openedAtMs: history.nowMs,
      clean: this.options.clean,
      expirySeconds: this.options.expirySeconds,
      will,
      access: this.options.access ?? null,
      connackAtMs: null,
      firstSlowAtMs: null,
      end: 'open',
      endReason: '',
      endedAtMs: null,
      connackIsolated: false,
      closedByHome: false,
      processEndedAtMs: null,
      disconnectHandledAtMs: null,
      endHandledAtMs: null,
      sessionPresent: null,
    };
    history.connections.set(connection.id, record);
    return record;
  }

  #giveUp(): void {
    this.connection?.close({ graceful: false }, () => undefined);
    this.#connectionEnded('lost', 'no CONNACK');
  }

  #drop(how: 'disconnect' | 'close' | 'vanish', sessionExpirySeconds?: number): void {
    const { connection } = this;
    const record = this.#record;
    this.#dialAttempt += 1;
    if (connection === null || record === null) return;
    this.#world.history.log(() => `${this.id} ends connection ${connection.id}: ${how}`);
    if (how === 'vanish') connection.vanish();
    else {
      const expiry = sessionExpirySeconds === undefined ? {} : { sessionExpirySeconds };
      connection.close({ graceful: how === 'disconnect', ...expiry }, () => {
        if (how === 'disconnect') record.disconnectHandledAtMs = this.#world.timeline.nowMs;
      });
    }
    this.#finishConnection(how === 'disconnect' ? 'disconnected' : 'lost', how);
  }

  #connectionEnded(end: ConnectionRecord['end'], reason: string): void {
    this.#finishConnection(end, reason);
    if (this.shouldBeConnected && this.options.reconnects) {
      this.home = this.options.home;
      this.#dialAfter(this.#random.between(reconnectMsMin, reconnectMsMax));
    } else this.shouldBeConnected = false;
  }

  #finishConnection(end: ConnectionRecord['end'], reason: string): void {
    const { history } = this.#world;
    const record = this.#record;
    if (record !== null) {
      // Without a CONNACK the client cannot determine whether the member opened the session.
      if (record.connackAtMs === null && this.session === null) this.#sessionUncertain = true;
      if (record.connackAtMs === null && reason !== refusedAtOnce) this.#unansweredAtMs = history.nowMs;
      record.end = end;
      record.endReason = reason;
      record.endedAtMs = history.nowMs;
      const cause = reason === '' ? '' : `: ${reason}`;
      history.log(() => `${this.id} connection ${record.id} to ${record.host} ended: ${end}${cause}`);
      history.count(`connections ${end}${cause}`);
    }
    if (this.session !== null) this.session.leftAtMs ??= history.nowMs;
    this.#record = null;
    this.connection = null;
    this.connected = false;
    this.outgoing.suspend();
    this.incoming.suspend();
    this.subscriptions.suspend();
    if (!this.isPersistent) this.#endSession();
  }

  #endSession(): void {
    if (this.session !== null) this.session.endedAtMs ??= this.#world.timeline.nowMs;
    if (!this.isPersistent || this.options.clean) this.session = null;
  }

  // ---- packets of the member ----

  #handleEffect(connection: ClientConnection, effect: ClientEffect, isolated: boolean): void {
    if (connection !== this.connection) return;
    if (effect.kind === 'connack') return this.#connack(effect.sessionPresent, isolated);
    if (effect.kind === 'refuse') return this.#closed(connection, 'refused', effect.reason);
    if (effect.kind === 'close') return this.#closed(connection, 'closedByMember', effect.reason);
    if (effect.kind === 'suback') return this.subscriptions.suback(effect.packetId, effect.codes);
    if (effect.kind === 'unsuback') return this.subscriptions.unsuback(effect.packetId);
    if (effect.kind === 'puback')
      return this.outgoing.puback(effect.packetId, effect.degraded === true, effect.result);
    if (effect.kind === 'pubrec') return this.outgoing.pubrec(effect.packetId, effect.result);
    if (effect.kind === 'pubcomp') return this.outgoing.pubcomp(effect.packetId);
    if (effect.kind === 'pubrel') return this.incoming.pubrel(effect.packetId);
    if (effect.kind === 'deliver' && this.session !== null) this.incoming.deliver(effect, this.session);
  }

  #closed(connection: ClientConnection, end: 'refused' | 'closedByMember', reason: string): void {
    connection.isOpen = false;
    this.#connectionEnded(end, reason);
  }

  #connack(sessionPresent: boolean, isolated: boolean): void {
    const { history } = this.#world;
    const connection = this.connection as ClientConnection;
    const record = this.#record as ConnectionRecord;
    if (this.connected)
      history.reportViolation({
        promise: 'MQTT',
        client: this.id,
        text: `${this.id} received two CONNACKs on one connection`,
      });
    this.connected = true;
    // The CONNACK counts as an arrival, because queued messages follow it.
    this.incoming.lastArrivalMs = history.nowMs;
    record.connackAtMs = history.nowMs;
    record.connackIsolated = isolated;
    history.log(
      () => `${this.id} <- ${connection.host.id} CONNACK ${connection.id} present ${sessionPresent}`,
    );
    const mayHaveEnded = this.#endedBy !== null || this.#mayHaveExpired(this.session);
    const mayBeNewer = mayHaveEnded && history.nowMs - this.#unansweredAtMs < openLateMsMax;
    if (mayBeNewer) {
      // The unanswered CONNECT may have opened a new session after the end of this one, even if it is older.
      this.#sessionUncertain = true;
      if (this.session !== null) this.session.endedAtMs ??= history.nowMs;
      this.session = null;
    }
    if (this.#endedBy === null) this.#checkPresence(sessionPresent);
    else {
      history.sessionEnds.push({ ended: this.#endedBy, next: record, sessionPresent, mayBeNewer });
      // The home did not receive the DISCONNECT, so the session goes on.
      if (sessionPresent && this.session !== null) this.session.endedAtMs = null;
    }
    this.#endedBy = null;
    if (!sessionPresent || this.session === null) this.#newSession();
    this.#sessionUncertain = false;
    const former = this.session?.homes.at(-1);
    if (former !== undefined && former !== connection.host.id && this.outgoing.hasUnfinishedQos2)
      history.mark('qos2-resumed-elsewhere');
    this.session?.homes.push(connection.host.id);
    if (this.session !== null) {
      this.session.leftAtMs = null;
      this.session.connectedAtMs = history.nowMs;
    }
    // A newer session may use the packet ids of open QoS 2 exchanges of the expired one for other messages.
    this.incoming.resume(connection, sessionPresent && !mayBeNewer);
    this.outgoing.resume(connection, sessionPresent);
    if (this.session !== null) this.subscriptions.resume(connection, this.session);
  }

  #checkPresence(sessionPresent: boolean): void {
    const { history } = this.#world;
    if (this.options.sharesClientId || this.#sessionUncertain) return;
    const expected = this.session !== null && this.isPersistent && this.session.endedAtMs === null;
    if (sessionPresent === expected) return;
    if (expected && this.#mayHaveExpired(this.session)) return history.mark('session-expired');
    const text = `${this.id} received Session Present ${sessionPresent} from ${this.connection?.host.id}`;
    history.reportViolation({
      promise: 'P3',
      client: this.id,
      text: `${text} at ${history.nowMs.toFixed(1)}`,
    });
  }

  /** Whether the client was away for as long as its Session Expiry Interval. */
  #mayHaveExpired(session: SessionRecord | null): boolean {
    if (session === null || session.leftAtMs === null) return false;
    const { history } = this.#world;
    // The cluster counts the connections of a silent member as ended, possibly before the client notices.
    const lost = history.disturbances.find(
      ({ member, atMs }) =>
        member === session.homes.at(-1) &&
        atMs > session.connectedAtMs - homeLostMsMax &&
        atMs < history.nowMs,
    );
    const endedAtMs = Math.min(session.leftAtMs, lost?.atMs ?? Infinity);
    return history.nowMs - endedAtMs >= session.expirySeconds * 1_000 - expiryEarlyMsMax(history);
  }

  #newSession(): void {
    const { history } = this.#world;
    if (this.session !== null) this.session.endedAtMs ??= history.nowMs;
    this.session = {
      client: this.id,
      number: history.sessions.length,
      persistent: this.isPersistent,
      expirySeconds: this.options.expirySeconds,
      startedAtMs: history.nowMs,
      endedAtMs: null,
      subscriptions: [],
      arrivals: [],
      homes: [],
      leftAtMs: null,
      connectedAtMs: history.nowMs,
    };
    history.sessions.push(this.session);
  }
}
