import type { ClientEffect, MemberId, QoS, Subscription, Will } from '@mqtt-cluster/contracts';
import { Incoming } from './incoming-messages.ts';
import { Outgoing } from './outgoing-messages.ts';
import { Subscriptions } from './subscriptions.ts';
import { payloadOf } from '../history/history.ts';
import type { ConnectionRecord, History, Publication, SessionRecord } from '../history/history.ts';
import type { Host } from '../world/host.ts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';
import { Wire } from './client-connection.ts';

export interface ClientOptions {
  readonly id: string;
  readonly clean: boolean;
  /** 0 ends the session with its connection. */
  readonly expirySeconds: number;
  readonly receiveMaximum: number;
  readonly windowMax: number;
  readonly ackDelayMsMax: number;
  readonly subscriptions: readonly Subscription[];
  /** A message of its own is made for each connection. */
  readonly will: { readonly topic: string; readonly qos: QoS; readonly delaySeconds: number } | null;
  /** Comes back by itself when its connection is lost. */
  readonly reconnects: boolean;
  /** Where to go; null for any member. */
  readonly home: MemberId | null;
  /** Another client of the same id may take the session at any moment: nothing is expected of it. */
  readonly contested: boolean;
}

/** A persistent session without a will, at any member, that comes back when it is lost. */
export const usualClient: Omit<ClientOptions, 'id'> = {
  clean: false,
  expirySeconds: 3_600,
  receiveMaximum: 20,
  windowMax: 8,
  ackDelayMsMax: 5,
  subscriptions: [],
  will: null,
  reconnects: true,
  home: null,
  contested: false,
};

export interface ClientWorld {
  readonly timeline: Timeline;
  readonly history: History;
  readonly hosts: readonly Host[];
  newConnectionId(): number;
  register(wire: Wire): void;
}

const connackMsMax = 4_000;
const reconnectMsMin = 20;
const reconnectMsMax = 500;
/** The dialling of a host that does not answer. */
const dialMsMax = 1_500;

/** One MQTT client: what it keeps over its connections, and the connection it has. */
export class SimulatedClient {
  readonly id: string;
  readonly options: ClientOptions;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  readonly subscriptions: Subscriptions;
  home: MemberId | null;
  session: SessionRecord | null = null;
  wire: Wire | null = null;
  connected = false;
  /** Wants to be connected. */
  wanted = false;
  readonly #world: ClientWorld;
  readonly #random: Random;
  #record: ConnectionRecord | null = null;
  /** Rises with every plan to connect; an older plan is void. */
  #plan = 0;
  #sessionUncertain = false;

  constructor(world: ClientWorld, random: Random, options: ClientOptions) {
    this.#world = world;
    this.#random = random;
    this.options = options;
    this.id = options.id;
    this.home = options.home;
    this.outgoing = new Outgoing(world.history, options.windowMax);
    this.incoming = new Incoming(options.id, world.history, world.timeline, random.fork(), options);
    this.subscriptions = new Subscriptions(options.id, world.history, options.subscriptions);
  }

  get isPersistent(): boolean {
    return this.options.expirySeconds > 0;
  }

  /** Subscribed to all it wants, nothing under way. */
  get isSettled(): boolean {
    if (this.outgoing.unfinished > 0 || (this.wanted && !this.connected)) return false;
    return this.subscriptions.isSettled;
  }

  /** Connects, to that member or to any. */
  connect(home: MemberId | null = this.home): void {
    this.wanted = true;
    this.home = home;
    this.#dialAfter(0);
  }

  /** Leaves and stays away. Without grace the will is due. */
  leave(how: 'disconnect' | 'close' | 'vanish'): void {
    this.wanted = false;
    this.#drop(how);
  }

  /** Goes to another member, as a roaming device does. */
  move(home: MemberId | null, how: 'disconnect' | 'close' | 'vanish'): void {
    this.#drop(how);
    this.connect(home);
  }

  publish(
    topic: string,
    qos: QoS,
    how: { readonly retain?: boolean; readonly clears?: boolean } = {},
  ): Publication {
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
    this.#plan += 1;
    const plan = this.#plan;
    this.#world.timeline.after(delayMs, () => {
      if (plan === this.#plan && this.wanted && this.wire === null) this.#dial();
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
    const wire = new Wire(this.#world.newConnectionId(), host, timeline, this.#random, {
      effect: (from, effect, isolated) => this.#hear(from, effect, isolated),
      lost: () => this.#ended('lost', ''),
    });
    this.wire = wire;
    this.#record = this.#openRecord(wire);
    this.#world.register(wire);
    const { clean, expirySeconds, receiveMaximum } = this.options;
    const will = this.#record.will?.will;
    const willNote = this.#record.will === null ? '' : ` with will #${this.#record.will.publication} `;
    history.note(() => `${this.id} -> ${host.id} CONNECT ${wire.id}${clean ? ' clean' : ''}${willNote}`);
    if (clean || !this.isPersistent) this.#endSession();
    wire.connect({
      client: this.id,
      clean,
      sessionExpirySeconds: expirySeconds,
      receiveMaximum,
      ...(will === undefined ? {} : { will }),
    });
    timeline.after(connackMsMax, () => {
      if (this.wire === wire && !this.connected) this.#giveUp();
    });
  }

  #openRecord(wire: Wire): ConnectionRecord {
    const { history } = this.#world;
    let will: ConnectionRecord['will'] = null;
    if (this.options.will !== null) {
      const { topic, qos, delaySeconds } = this.options.will;
      const publication = history.publication(this.id, topic, qos);
      const made: Will = { topic, qos, payload: payloadOf(publication), retain: false, delaySeconds };
      will = { will: made, publication: publication.id };
    }
    const record: ConnectionRecord = {
      id: wire.id,
      client: this.id,
      host: wire.host.id,
      openedAtMs: history.nowMs,
      will,
      connackAtMs: null,
      end: 'open',
      endReason: '',
      endedAtMs: null,
      connackIsolated: false,
      closedByHome: false,
      disconnectHandledAtMs: null,
    };
    history.connections.set(wire.id, record);
    return record;
  }

  #giveUp(): void {
    this.wire?.close(false, () => undefined);
    this.#ended('lost', 'no CONNACK');
  }

  #drop(how: 'disconnect' | 'close' | 'vanish'): void {
    const { wire } = this;
    const record = this.#record;
    this.#plan += 1;
    if (wire === null || record === null) return;
    this.#world.history.note(() => `${this.id} ${how} ${wire.id}`);
    if (how === 'vanish') wire.vanish();
    else {
      wire.close(how === 'disconnect', () => {
        if (how === 'disconnect') record.disconnectHandledAtMs = this.#world.timeline.nowMs;
      });
    }
    this.#finish(how === 'disconnect' ? 'disconnected' : 'lost', how);
  }

  #ended(end: ConnectionRecord['end'], reason: string): void {
    this.#finish(end, reason);
    if (this.wanted && this.options.reconnects) {
      this.home = this.options.home;
      this.#dialAfter(this.#random.between(reconnectMsMin, reconnectMsMax));
    } else this.wanted = false;
  }

  #finish(end: ConnectionRecord['end'], reason: string): void {
    const { history } = this.#world;
    const record = this.#record;
    if (record !== null) {
      // Without a CONNACK nobody can tell whether the session was opened.
      if (record.connackAtMs === null && this.session === null) this.#sessionUncertain = true;
      record.end = end;
      record.endReason = reason;
      record.endedAtMs = history.nowMs;
      history.note(() => `${this.id} ${end} ${reason} ${record.id} of ${record.host}`);
      history.count(`connections ${end}${reason === '' ? '' : `: ${reason}`}`);
    }
    this.#record = null;
    this.wire = null;
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

  // ---- what it hears ----

  #hear(wire: Wire, effect: ClientEffect, isolated: boolean): void {
    if (wire !== this.wire) return;
    if (effect.kind === 'connack') return this.#connack(effect.sessionPresent, isolated);
    if (effect.kind === 'refuse') return this.#closed(wire, 'refused', effect.reason);
    if (effect.kind === 'close') return this.#closed(wire, 'closedByMember', effect.reason);
    if (effect.kind === 'suback') return this.subscriptions.suback(effect.packetId, effect.codes);
    if (effect.kind === 'unsuback') return this.subscriptions.unsuback(effect.packetId);
    if (effect.kind === 'puback')
      return this.outgoing.puback(effect.packetId, effect.degraded === true, effect.result);
    if (effect.kind === 'pubrec') return this.outgoing.pubrec(effect.packetId, effect.result);
    if (effect.kind === 'pubcomp') return this.outgoing.pubcomp(effect.packetId);
    if (effect.kind === 'pubrel') return this.incoming.pubrel(effect.packetId);
    if (effect.kind === 'deliver' && this.session !== null) this.incoming.deliver(effect, this.session);
  }

  #closed(wire: Wire, end: 'refused' | 'closedByMember', reason: string): void {
    wire.isOpen = false;
    this.#ended(end, reason);
  }

  #connack(sessionPresent: boolean, isolated: boolean): void {
    const { history } = this.#world;
    const wire = this.wire as Wire;
    const record = this.#record as ConnectionRecord;
    if (this.connected)
      history.violate({ promise: 'MQTT', client: this.id, text: `${this.id} got two CONNACKs` });
    this.connected = true;
    // What waits for it comes after the CONNACK.
    this.incoming.lastArrivalMs = history.nowMs;
    record.connackAtMs = history.nowMs;
    record.connackIsolated = isolated;
    history.note(() => `${this.id} <- ${wire.host.id} CONNACK ${wire.id} present ${sessionPresent}`);
    this.#checkPresence(sessionPresent);
    if (!sessionPresent || this.session === null) this.#newSession();
    this.#sessionUncertain = false;
    const former = this.session?.homes.at(-1);
    if (former !== undefined && former !== wire.host.id && this.outgoing.hasExactlyOnceUnderWay)
      history.mark('qos2-resumed-elsewhere');
    this.session?.homes.push(wire.host.id);
    this.incoming.resume(wire, sessionPresent);
    this.outgoing.resume(wire, sessionPresent);
    if (this.session !== null) this.subscriptions.resume(wire, this.session);
  }

  #checkPresence(sessionPresent: boolean): void {
    const { history } = this.#world;
    if (this.options.contested || this.#sessionUncertain) return;
    const expected = this.session !== null && this.isPersistent && this.session.endedAtMs === null;
    if (sessionPresent === expected) return;
    const text = `${this.id} was told session present ${sessionPresent} at ${this.wire?.host.id}`;
    history.violate({ promise: 'P3', client: this.id, text: `${text} at ${history.nowMs.toFixed(1)}` });
  }

  #newSession(): void {
    const { history } = this.#world;
    if (this.session !== null) this.session.endedAtMs ??= history.nowMs;
    this.session = {
      client: this.id,
      number: history.sessions.length,
      persistent: this.isPersistent,
      startedAtMs: history.nowMs,
      endedAtMs: null,
      subscriptions: [],
      arrivals: [],
      homes: [],
    };
    history.sessions.push(this.session);
  }
}
