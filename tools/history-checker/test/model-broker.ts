import type { HistoryEvent, QoS, WillRecord } from '../src/history/events.ts';
import { FilterTrie } from '../src/tables/filters.ts';
import { HistoryBuilder } from './history-builder.ts';

export interface Actor {
  readonly name: string;
  readonly clean: boolean;
  readonly version: 4 | 5;
  readonly expirySeconds: number | null;
  readonly receiveMaximum?: number;
}

interface Queued {
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
}

interface ModelSession {
  readonly subscriptions: Map<string, QoS>;
  queue: Queued[];
  /**
   * Messages that the broker delivered to this client, and for which the client's acknowledgement was lost.
   */
  unacked: Queued[];
  /**
   * QoS 2 messages that the broker has received from this publisher, but for which the publisher has received
   * no acknowledgement.
   */
  readonly taken: Set<number>;
}

interface Pending {
  readonly message: number;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
}

interface ActorState {
  readonly actor: Actor;
  connection: number | null;
  will: WillRecord | null;
  session: ModelSession | null;
  diedAtMs: number;
  delayedWill: WillRecord | null;
  /** Messages that the client has sent and for which it has received no acknowledgement. */
  pending: Pending[];
}

const msPerSecond = 1_000;
/** Message Expiry Interval of every fourth message, seconds; longer than a history. */
const messageExpirySeconds = 1_000;

/** An in-memory model of a broker that keeps every promise. It also records the history of its clients. */
export class ModelBroker {
  readonly history = new HistoryBuilder({ willAtTakeover: true });
  readonly retained = new Map<string, number>();
  /** The time of the first PUBLISH of each message with an expiry. */
  readonly #expiring = new Map<number, number>();
  readonly #states: ActorState[];
  #servers = 0;

  constructor(actors: readonly Actor[]) {
    this.history.probe();
    this.#states = actors.map((actor) => ({
      actor,
      connection: null,
      will: null,
      session: null,
      diedAtMs: 0,
      delayedWill: null,
      pending: [],
    }));
  }

  get actorCount(): number {
    return this.#states.length;
  }

  connect(index: number, willDelaySeconds: number | null = null): void {
    const state = this.#state(index);
    const { actor } = state;
    this.pass(0);
    const former = state.connection;
    const kept = actor.clean ? null : state.session;
    this.#endFormer(state);
    const will = willDelaySeconds === null ? null : this.#will(actor, willDelaySeconds);
    const server = this.history.header.servers[this.#servers++ % 3] ?? 'A';
    const { version, clean, expirySeconds, receiveMaximum } = actor;
    const limited = receiveMaximum === undefined ? {} : { receiveMaximum };
    const session = { version, clean, expirySeconds, will, ...limited };
    const options = { server, ...session, sessionPresent: kept !== null };
    const connection = this.history.connect(actor.name, options);
    if (former !== null) this.history.close(former, 'server');
    state.connection = connection;
    state.will = will;
    state.session = kept ?? { subscriptions: new Map(), queue: [], unacked: [], taken: new Set() };
    this.#redeliver(state);
    this.#pump(state);
    const { pending } = state;
    state.pending = [];
    for (const one of pending) {
      if (kept) this.#send(state, one, true, true);
    }
  }

  /**
   * Publishes the will of a client that connects again, unless the will has a delay and the session goes on
   * [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.3-9].
   */
  #endFormer(state: ActorState): void {
    const { actor, delayedWill } = state;
    const will = state.connection === null ? delayedWill : state.will;
    state.delayedWill = null;
    state.will = null;
    if (actor.clean) state.session = null;
    if (will && (actor.clean || (state.connection !== null && will.delaySeconds === 0))) this.#fire(will);
  }

  close(index: number, graceful: boolean): void {
    const state = this.#state(index);
    if (state.connection === null) return;
    this.history.close(state.connection, graceful ? 'disconnect' : 'dropped');
    state.connection = null;
    state.diedAtMs = this.history.atMs;
    const { will, actor } = state;
    state.will = null;
    if (actor.expirySeconds === 0) state.session = null;
    if (!will || graceful) return;
    if (Math.min(will.delaySeconds, actor.expirySeconds ?? Infinity) === 0) this.#fire(will);
    else state.delayedWill = will;
  }

  subscribe(index: number, filter: string, qos: QoS): void {
    const { connection, session, actor } = this.#state(index);
    if (connection === null || !session) return;
    this.history.subscribe(connection, filter, qos);
    session.subscriptions.set(filter, qos);
    const trie = new FilterTrie<true>();
    trie.add(filter, true);
    for (const [topic, message] of this.retained) {
      if (trie.match(topic).length === 0) continue;
      const granted = Math.min(qos, this.#qosOf(message)) as QoS;
      this.#deliver(connection, actor, { message, topic, qos: granted }, { retain: true });
    }
  }

  unsubscribe(index: number, filter: string): void {
    const { connection, session } = this.#state(index);
    if (connection === null || !session?.subscriptions.delete(filter)) return;
    this.history.unsubscribe(connection, filter);
  }

  publish(
    index: number,
    topic: string,
    qos: QoS,
    how: 'plain' | 'retain' | 'clear',
    ackArrives: boolean,
  ): void {
    const state = this.#state(index);
    if (state.connection === null) return;
    if (how === 'clear') {
      this.history.publish(state.connection, topic, { qos, retain: true, clear: true });
      this.retained.delete(topic);
      return;
    }
    const message = this.history.nextMessage();
    this.#send(state, { message, topic, qos, retain: how === 'retain' }, false, ackArrives);
    if (!ackArrives && qos > 0) this.close(index, false);
  }

  /** Advances the time, publishes delayed wills and expires sessions. */
  pass(ms: number): void {
    this.history.wait(ms);
    for (const state of this.#states) {
      if (state.connection !== null) continue;
      const awayMs = this.history.atMs - state.diedAtMs;
      const { delayedWill, actor } = state;
      const expiryMs = (actor.expirySeconds ?? Infinity) * msPerSecond;
      if (delayedWill && awayMs >= Math.min(delayedWill.delaySeconds * msPerSecond, expiryMs)) {
        state.delayedWill = null;
        this.#fire(delayedWill);
      }
      if (awayMs >= expiryMs) state.session = null;
    }
  }

  /** Waits for all delayed wills and reconnects all clients. @returns the whole history */
  end(): HistoryEvent[] {
    const stepMs = 100;
    const longestDelayMs = 10_000;
    for (let passedMs = 0; passedMs < longestDelayMs; passedMs += stepMs) this.pass(stepMs);
    this.#states.forEach((state, index) => {
      if (state.connection === null && !state.actor.clean) this.connect(index);
    });
    this.history.settle();
    this.history.retained(Object.fromEntries(this.retained));
    return [...this.history.events, { type: 'end', at: this.history.now(), crashes: [] }];
  }

  #state(index: number): ActorState {
    const state = this.#states[index % this.#states.length];
    if (!state) throw new Error('the model broker has no clients');
    return state;
  }

  #will({ name, version }: Actor, delaySeconds: number): WillRecord {
    return this.history.will(`wills/${name}`, { qos: 1, delaySeconds: version === 5 ? delaySeconds : 0 });
  }

  #qosOf(message: number): QoS {
    const sent = this.history.events.find((event) => event.type === 'publish' && event.message === message);
    return sent?.type === 'publish' ? sent.qos : 0;
  }

  #send(state: ActorState, one: Pending, dup: boolean, ackArrives: boolean): void {
    const { connection, session } = state;
    if (connection === null || !session) return;
    const { message, topic, qos, retain } = one;
    const isRepeat = qos === 2 && session.taken.has(message);
    const ack = ackArrives && qos > 0 ? 0 : null;
    const expires = message % 4 === 0 && !retain;
    if (expires && !this.#expiring.has(message)) this.#expiring.set(message, this.history.atMs);
    const expiring = expires ? { expirySeconds: messageExpirySeconds } : {};
    this.history.send(connection, message, topic, { qos, retain, dup, ack, ...expiring });
    if (ack === null && qos > 0) {
      state.pending.push(one);
      if (qos === 2) session.taken.add(message);
    }
    if (isRepeat) return;
    if (retain) this.retained.set(topic, message);
    this.#route(message, topic, qos);
  }

  #fire({ message, topic, qos }: WillRecord): void {
    this.#route(message, topic, qos);
  }

  #route(message: number, topic: string, qos: QoS): void {
    for (const state of this.#states) {
      if (!state.session) continue;
      const trie = new FilterTrie<QoS>();
      for (const [filter, granted] of state.session.subscriptions) trie.add(filter, granted);
      const granted = trie.match(topic);
      if (granted.length === 0) continue;
      const effective = Math.min(qos, Math.max(...granted)) as QoS;
      if (effective === 0 && state.connection === null) continue;
      state.session.queue.push({ message, topic, qos: effective });
      this.#pump(state);
    }
  }

  /**
   * Delivers the queued messages. The acknowledgement of every third QoS 1 message is lost, so the broker
   * redelivers that message before all others after a reconnect.
   */
  #pump({ connection, session, actor }: ActorState): void {
    if (connection === null || !session) return;
    for (const one of session.queue) {
      this.#deliver(connection, actor, one, {});
      if (one.qos === 1 && one.message % 3 === 0 && !actor.clean) session.unacked.push(one);
    }
    session.queue = [];
  }

  #deliver(
    connection: number,
    actor: Actor,
    { message, topic, qos }: Queued,
    how: { readonly retain?: boolean; readonly dup?: boolean },
  ): void {
    const sentAtMs = actor.version === 5 ? this.#expiring.get(message) : undefined;
    const waitedMs = this.history.atMs - (sentAtMs ?? 0);
    const expirySeconds = Math.ceil(messageExpirySeconds - waitedMs / msPerSecond);
    this.history.deliver(connection, message, topic, {
      qos,
      ...how,
      ...(sentAtMs === undefined ? {} : { expirySeconds }),
      ...(actor.receiveMaximum === undefined || qos === 0 ? {} : { unacknowledged: 1 }),
    });
  }

  #redeliver({ connection, session, actor }: ActorState): void {
    if (connection === null || !session) return;
    for (const one of session.unacked) this.#deliver(connection, actor, one, { dup: true });
    session.unacked = [];
  }
}
