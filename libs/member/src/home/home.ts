import type {
  ClientId,
  ConnectionId,
  ConnectRequest,
  Message,
  PublishCommand,
  PublishRequest,
  RefusalReason,
  ServingState,
  Subscription,
  Will,
} from '@mqtt-cluster/contracts';
import { parseShare, TopicTree } from '@mqtt-cluster/mqtt-state';
import type { CommandResult, StateEffect } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Peers } from '../peers.ts';
import type { PendingBatch, PendingCommand, Proposer } from '../proposer.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { Connection } from './connection.ts';
import { Delivery, earlyKey } from './delivery.ts';
import { Live } from './live.ts';
import { Progress } from './progress.ts';
import type { Request } from './request.ts';
import { Router } from './router.ts';
import { retainedFor, Subscribing } from './subscribing.ts';

/** What one connection may have waiting for its epoch while there is no majority. */
const deferredMax = 1_000;

/** The connections of one member: turns what clients send into commands, and what was applied into answers. */
export class Home {
  readonly live: Live;
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #connections = new Map<ConnectionId, Connection>();
  /** The one connection of each client id here: open, or opening without a majority. */
  readonly #byClient = new Map<ClientId, Connection>();
  readonly #router = new Router();
  readonly #progress: Progress;
  readonly #delivery: Delivery;
  readonly #acknowledgements: Acknowledgements;
  readonly #subscribing: Subscribing;
  /** The member's own retained messages (`$SYS`); not replicated. */
  readonly #localRetained = new TopicTree<Message>();

  constructor(context: MemberContext, proposer: Proposer, peers: Peers) {
    this.#context = context;
    this.#proposer = proposer;
    this.#progress = new Progress(context);
    this.#delivery = new Delivery(context, this.#progress);
    this.#acknowledgements = new Acknowledgements(context, this.#delivery, this.#progress);
    this.#subscribing = new Subscribing(context, proposer, this.#router);
    this.live = new Live(context, peers, this.#router);
  }

  get connections(): number {
    return this.#connections.size;
  }

  get inFlight(): number {
    let count = 0;
    for (const connection of this.#connections.values()) count += connection.inFlight.size;
    return count;
  }

  // ---- clients ----

  connect(id: ConnectionId, request: ConnectRequest, serving: ServingState): void {
    const connection = new Connection(id, request, this.#context.options.limits.inFlightMax);
    this.#connections.set(id, connection);
    if (serving === 'joining') return this.#refuse(connection, 'notServing');
    if (serving === 'draining') return this.#refuse(connection, 'draining');
    const isolated = serving === 'isolated';
    if (isolated && !this.#mayServeIsolated(connection)) return this.#refuse(connection, 'isolated');
    this.#proposeOpen(connection, isolated);
    if (isolated) this.#openIsolated(connection);
  }

  disconnect(id: ConnectionId, how: { graceful: boolean; sessionExpirySeconds?: number }): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    const { phase } = connection;
    this.#forget(connection);
    if (phase === 'gone') return;
    if (connection.epoch === 0) connection.left = how;
    else this.#proposeClose(connection, how);
  }

  subscribe(id: ConnectionId, packetId: number, subscriptions: readonly Subscription[]): void {
    const connection = this.#open(id);
    if (connection === undefined) return;
    const waits = subscriptions.some((each) => !connection.clean || parseShare(each.filter) !== null);
    this.#whenEpoch(connection, waits, () => {
      const done = this.#subscribing.subscribe(connection, packetId, subscriptions);
      if (done !== null) this.#sendRetained(connection, subscriptions, done.codes, done.isNew);
    });
  }

  unsubscribe(id: ConnectionId, packetId: number, filters: readonly string[]): void {
    const connection = this.#open(id);
    if (connection === undefined) return;
    const waits = filters.some((filter) => !connection.clean || parseShare(filter) !== null);
    this.#whenEpoch(connection, waits, () => this.#subscribing.unsubscribe(connection, packetId, filters));
  }

  publish(id: ConnectionId, request: PublishRequest): void {
    const connection = this.#open(id);
    if (connection === undefined) return;
    const { topic, payload, qos, retain, properties } = request;
    const base: Message = { topic, payload, qos, retain, publisher: connection.client };
    const message: Message = properties === undefined ? base : { ...base, properties };
    if (qos === 0 && !retain) {
      this.#deliverUnacknowledged(message);
      this.live.forward(message);
      return;
    }
    this.#whenEpoch(connection, qos === 2, () =>
      this.#proposePublish(connection, message, request.packetId ?? 0),
    );
  }

  pubrel(id: ConnectionId, packetId: number): void {
    const connection = this.#open(id);
    if (connection === undefined) return;
    this.#whenEpoch(connection, true, () => {
      const { client, epoch } = connection;
      this.#proposer.add(
        { kind: 'release', client, epoch, packetId },
        { kind: 'release', connection, packetId },
      );
    });
  }

  puback(id: ConnectionId, packetId: number): void {
    const connection = this.#open(id);
    if (connection !== undefined && !this.#acknowledgements.puback(connection, packetId))
      this.#protocolError(connection);
  }

  pubrec(id: ConnectionId, packetId: number, refused: boolean): void {
    const connection = this.#open(id);
    if (connection === undefined) return;
    if (!this.#acknowledgements.pubrec(connection, packetId, refused)) this.#protocolError(connection);
  }

  pubcomp(id: ConnectionId, packetId: number): void {
    const connection = this.#open(id);
    if (connection !== undefined && !this.#acknowledgements.pubcomp(connection, packetId))
      this.#protocolError(connection);
  }

  writable(id: ConnectionId, writable: boolean): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.writable = writable;
    if (writable) this.#delivery.pump(connection);
  }

  publishLocal(message: Message): void {
    if (message.retain) {
      if (message.payload.length === 0) this.#localRetained.delete(message.topic);
      else this.#localRetained.set(message.topic, message);
    }
    this.#deliverUnacknowledged(message);
  }

  /** QoS 0 from a peer's clients. */
  onLive(messages: readonly Message[]): void {
    for (const message of messages) this.#deliverUnacknowledged(message);
  }

  // ---- what the cluster decided ----

  onEffect(effect: StateEffect, batch: PendingBatch | undefined): void {
    switch (effect.kind) {
      case 'published': {
        const early = batch?.commands[effect.command]?.deliveredEarly ?? false;
        if (!early) this.#deliverPublished(effect.message);
        return;
      }
      case 'queued': {
        const connection = this.#byClient.get(effect.client);
        if (connection !== undefined && connection.epoch !== 0) this.#delivery.pump(connection);
        return;
      }
      case 'outgoingReceived': {
        const connection = this.#byClient.get(effect.client);
        if (connection !== undefined) this.#acknowledgements.received(connection, effect.packetIds);
        return;
      }
      case 'connectionEnded': {
        const { id, recovered } = this.#context.options;
        if (effect.home === id && effect.incarnation === recovered.incarnation)
          this.#onConnectionEnded(effect);
        return;
      }
      default:
        return;
    }
  }

  /** The command was applied; its client hears what it came to, unless it has heard already. */
  answer(pending: PendingCommand, result: CommandResult): void {
    const request = pending.request;
    if (request === null) return;
    if (request.kind === 'open') return this.#answerOpen(request.connection, result);
    if (request.kind === 'recover') return;
    const connection = request.connection;
    if (request.kind === 'publish') connection.unanswered--;
    if (connection.phase !== 'open') return;
    if (result.kind === 'void') return this.#close(connection, 'takenOver');
    if (!pending.answered) this.#answerOpenConnection(connection, request, result);
  }

  /** Acks what this member alone has on its disk, and delivers it to its own clients (design, section 6). */
  answerDegraded(batch: PendingBatch): number {
    let count = 0;
    const { incarnation } = this.#context.options.recovered;
    batch.commands.forEach((pending, position) => {
      const { command, request } = pending;
      if (command.kind !== 'publish' || command.message.qos !== 1 || pending.answered) return;
      pending.answered = true;
      pending.deliveredEarly = true;
      this.#deliverEarly(command.message, earlyKey(incarnation, batch.sequence, position));
      if (request?.kind !== 'publish' || request.connection.phase !== 'open') return;
      count++;
      const { connection, packetId } = request;
      this.#context.effects.push({ kind: 'puback', connection: connection.id, packetId, result: 'ok' });
    });
    return count;
  }

  /** No majority: what was being opened is served without one, or sent elsewhere. */
  onIsolated(accept: boolean): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.phase !== 'opening' || this.#byClient.get(connection.client) === connection) continue;
      if (accept && this.#mayServeIsolated(connection)) this.#openIsolated(connection);
      else this.#refuse(connection, 'isolated');
    }
  }

  /** Everything this home knew of its clients is void: they come back at once. */
  closeAll(reason: RefusalReason): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.phase === 'opening') this.#refuse(connection, reason);
      else if (connection.phase === 'open') {
        if (connection.epoch !== 0) this.#proposeClose(connection, { graceful: false });
        else connection.left = { graceful: false };
        this.#close(connection, reason);
      }
    }
    this.#progress.clear();
  }

  /** Closes up to `count` connections; their sessions stay. @returns how many are left. */
  closeSome(count: number, reason: RefusalReason): number {
    let closed = 0;
    for (const connection of [...this.#connections.values()]) {
      if (closed >= count) break;
      if (connection.phase !== 'open') continue;
      closed++;
      // The server ends the connection on purpose: no will (the client is being moved, it did not die).
      if (connection.epoch !== 0) this.#proposeClose(connection, { graceful: true });
      else connection.left = { graceful: true };
      this.#close(connection, reason);
    }
    return this.#connections.size;
  }

  flush(): void {
    const progress = this.#progress.takeDue();
    if (progress !== null) this.#proposer.add(progress);
    this.#delivery.takeDrops();
    this.live.flush();
  }

  // ---- opening ----

  #proposeOpen(connection: Connection, adopt: boolean): void {
    const { client, clean, sessionExpirySeconds, will } = connection.request;
    const base = { kind: 'open' as const, client, clean, expirySeconds: sessionExpirySeconds };
    const command = { ...base, receiveMaximum: connection.receiveMaximum, ...optionalWill(will) };
    this.#proposer.add(adopt ? { ...command, adopt } : command, { kind: 'open', connection });
  }

  #mayServeIsolated(connection: Connection): boolean {
    const accept = this.#context.options.whenIsolated === 'accept';
    return accept && connection.clean && connection.request.clean;
  }

  /** Served on this member's own word until the cluster can say. */
  #openIsolated(connection: Connection): void {
    const former = this.#byClient.get(connection.client);
    if (former !== undefined) this.#close(former, 'takenOver');
    connection.phase = 'open';
    this.#byClient.set(connection.client, connection);
    this.#context.effects.push({ kind: 'connack', connection: connection.id, sessionPresent: false });
  }

  #answerOpen(connection: Connection, result: CommandResult): void {
    if (result.kind === 'refused') {
      const reason = result.reason === 'elsewhere' ? 'takenOver' : 'quotaExceeded';
      if (connection.phase === 'opening') this.#refuse(connection, reason);
      else if (connection.phase === 'open') this.#close(connection, reason);
      return;
    }
    if (result.kind !== 'opened') return;
    connection.epoch = result.epoch;
    // A later opening in the same batch may already have taken over.
    const session = this.#context.state.session(connection.client);
    const current = session?.epoch === result.epoch && session.home !== null;
    if (connection.phase === 'gone') {
      // Left, or was refused, before the cluster answered: a client without CONNACK has no will to fire.
      if (current) this.#proposeClose(connection, connection.left ?? { graceful: true });
      return;
    }
    if (!current) {
      if (connection.phase === 'opening') return this.#refuse(connection, 'takenOver');
      return this.#close(connection, 'takenOver');
    }
    if (connection.phase === 'opening') this.#welcome(connection, result.sessionPresent);
    for (const deferred of connection.deferred.splice(0)) deferred();
    this.#delivery.pump(connection);
  }

  #welcome(connection: Connection, sessionPresent: boolean): void {
    const former = this.#byClient.get(connection.client);
    if (former !== undefined && former !== connection) this.#close(former, 'takenOver');
    connection.phase = 'open';
    connection.clean &&= !sessionPresent;
    this.#byClient.set(connection.client, connection);
    const session = this.#context.state.session(connection.client)!;
    for (const subscription of session.subscriptions.values()) {
      if (parseShare(subscription.filter) === null) this.#router.add(connection, subscription);
    }
    connection.resumedBelow = sessionPresent ? (session.sentBelow ?? 0) : 0;
    this.#context.effects.push({ kind: 'connack', connection: connection.id, sessionPresent });
  }

  // ---- answers ----

  #answerOpenConnection(
    connection: Connection,
    request: Exclude<Request, { kind: 'open' | 'recover' }>,
    result: CommandResult,
  ): void {
    const { effects } = this.#context;
    const id = connection.id;
    switch (request.kind) {
      case 'publish': {
        const outcome =
          result.kind === 'published' && result.outcome === 'quotaExceeded' ? 'quotaExceeded' : 'ok';
        const kind = request.qos === 1 ? 'puback' : 'pubrec';
        effects.push({ kind, connection: id, packetId: request.packetId, result: outcome });
        return;
      }
      case 'release':
        effects.push({ kind: 'pubcomp', connection: id, packetId: request.packetId });
        return;
      case 'subscribe': {
        if (result.kind !== 'subscribed') return;
        const { codes, isNew } = this.#subscribing.subscribed(connection, request, result);
        this.#sendRetained(connection, request.subscriptions, codes, isNew);
        return;
      }
      case 'unsubscribe':
        if (result.kind === 'unsubscribed') this.#subscribing.unsubscribed(connection, request, result);
        return;
    }
  }

  #proposePublish(connection: Connection, message: Message, packetId: number): void {
    const { client, epoch } = connection;
    const base: PublishCommand = { kind: 'publish', message, client };
    const { qos } = message;
    if (qos === 0) return this.#proposer.add(base);
    connection.unanswered++;
    const command = qos === 2 ? { ...base, epoch, packetId } : base;
    this.#proposer.add(command, { kind: 'publish', connection, packetId, qos });
  }

  #proposeClose(connection: Connection, how: { graceful: boolean; sessionExpirySeconds?: number }): void {
    const { client, epoch } = connection;
    const progress = this.#progress.takeOne(connection);
    if (progress !== null) this.#proposer.add(progress);
    const expiry = how.sessionExpirySeconds === undefined ? {} : { expirySeconds: how.sessionExpirySeconds };
    this.#proposer.add({ kind: 'close', client, epoch, graceful: how.graceful, ...expiry });
  }

  // ---- delivery ----

  #deliverUnacknowledged(message: Message): void {
    for (const connection of this.#router.match(message)) {
      this.#delivery.sendUnacknowledged(connection, matchedItem(connection, message));
    }
  }

  #deliverPublished(message: Message): void {
    for (const connection of this.#router.match(message)) {
      const item = matchedItem(connection, message);
      // What a persistent session gets with QoS 1 or 2 is in its queue; QoS 0 is never queued.
      if (connection.clean || item.qos === 0) this.#delivery.enqueue(connection, item);
    }
  }

  #deliverEarly(message: Message, early: string): void {
    for (const connection of this.#router.match(message)) {
      const item = matchedItem(connection, message);
      if (connection.clean || item.qos === 0) this.#delivery.enqueue(connection, item);
      // Only behind everything it has: nothing may overtake what its queue still holds.
      else if (this.#delivery.isLevel(connection)) this.#delivery.enqueue(connection, { ...item, early });
    }
  }

  #sendRetained(
    connection: Connection,
    subscriptions: readonly Subscription[],
    codes: readonly number[],
    isNew: readonly boolean[],
  ): void {
    for (const item of retainedFor(this.#context.state, this.#localRetained, subscriptions, codes, isNew)) {
      this.#delivery.enqueue(connection, item);
    }
  }

  // ---- endings ----

  #onConnectionEnded(effect: Extract<StateEffect, { kind: 'connectionEnded' }>): void {
    const connection = this.#byClient.get(effect.client);
    if (connection === undefined || connection.epoch !== effect.epoch || effect.reason === 'closed') return;
    if (effect.reason === 'takenOver') this.#context.events.push({ kind: 'takeover', client: effect.client });
    if (effect.reason === 'homeLost' && connection.clean && connection.request.clean) {
      // The others gave this home up, but the client never left: its session goes on unless it is elsewhere now.
      connection.epoch = 0;
      this.#proposeOpen(connection, true);
      return;
    }
    this.#close(connection, effect.reason);
  }

  #whenEpoch(connection: Connection, needed: boolean, act: () => void): void {
    if (!needed || connection.epoch !== 0) return act();
    if (connection.deferred.length < deferredMax) connection.deferred.push(act);
    else this.#close(connection, 'isolated');
  }

  #open(id: ConnectionId): Connection | undefined {
    const connection = this.#connections.get(id);
    return connection?.phase === 'open' ? connection : undefined;
  }

  #protocolError(connection: Connection): void {
    if (connection.epoch !== 0) this.#proposeClose(connection, { graceful: false });
    else connection.left = { graceful: false };
    this.#close(connection, 'protocolError');
  }

  #refuse(connection: Connection, reason: RefusalReason): void {
    this.#forget(connection);
    this.#context.effects.push({ kind: 'refuse', connection: connection.id, reason });
  }

  #close(connection: Connection, reason: RefusalReason): void {
    if (connection.phase === 'gone') return;
    this.#forget(connection);
    this.#context.effects.push({ kind: 'close', connection: connection.id, reason });
  }

  #forget(connection: Connection): void {
    connection.phase = 'gone';
    this.#router.removeAll(connection);
    this.#connections.delete(connection.id);
    if (this.#byClient.get(connection.client) === connection) this.#byClient.delete(connection.client);
  }
}

function matchedItem(connection: Connection, message: Message) {
  const qos = Math.min(connection.matchQoS, message.qos) as 0 | 1 | 2; // [MQTT-3.8.4-6]
  // [MQTT-3.3.1-9]: RETAIN is 0 for an established subscription, unless it asked to keep it (MQTT 5).
  const item = { message, qos, retain: message.retain && connection.matchRetainAsPublished };
  const subscriptionIdentifiers = connection.matchIdentifiers;
  return subscriptionIdentifiers === undefined ? item : { ...item, subscriptionIdentifiers };
}

function optionalWill(will: Will | undefined): { will?: Will } {
  return will === undefined ? {} : { will };
}
