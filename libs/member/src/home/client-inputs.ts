import { conformanceSemantics } from '@mqtt-cluster/contracts';
import type {
  ClientId,
  ClientInput,
  ConnectionId,
  Message,
  PublishCommand,
  PublishRequest,
  ServingState,
} from '@mqtt-cluster/contracts';
import { messageBytes, parseSharedFilter } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Acknowledgements } from './delivery/acknowledgements.ts';
import type { ClientPacket, Connection, DeferredPacket, WaitingInputs } from './connections/connection.ts';
import type { Connections } from './connections/connections.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { Fanout } from './delivery/fanout.ts';
import type { EarlyRefusals } from './early-refusals.ts';
import type { SessionOpening } from './connections/session-opening.ts';
import { PublishOrder } from './live/publish-order.ts';
import type { Subscriptions } from './subscriptions.ts';
import { IsolatedRetained } from './isolated-retained.ts';

type SubscriptionChange = Extract<ClientInput, { kind: 'subscribe' | 'unsubscribe' }>;

/**
 * Upper bounds of the packets of one connection that wait for its earlier publishes, and of their payloads. At
 * a bound the packets are handled at once, and a subscription may overtake a publish.
 */
const waitingInputsMax = 1_000;
const waitingBytesMax = 1024 * 1024;

/**
 * Handles the inputs of clients: passes them to the parts of the home, or proposes commands to the cluster.
 */
export class ClientInputs {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #connections: Connections;
  readonly #delivery: Delivery;
  readonly #acknowledgements: Acknowledgements;
  readonly #subscriptions: Subscriptions;
  readonly #opening: SessionOpening;
  readonly #fanout: Fanout;
  readonly #refusals: EarlyRefusals;
  readonly #order: PublishOrder;
  readonly #isolatedRetained: IsolatedRetained;

  constructor(
    context: MemberContext,
    parts: {
      proposer: Proposer;
      connections: Connections;
      delivery: Delivery;
      acknowledgements: Acknowledgements;
      subscriptions: Subscriptions;
      opening: SessionOpening;
      fanout: Fanout;
      refusals: EarlyRefusals;
    },
  ) {
    this.#context = context;
    this.#isolatedRetained = new IsolatedRetained(context);
    this.#proposer = parts.proposer;
    this.#connections = parts.connections;
    this.#delivery = parts.delivery;
    this.#acknowledgements = parts.acknowledgements;
    this.#subscriptions = parts.subscriptions;
    this.#opening = parts.opening;
    this.#fanout = parts.fanout;
    this.#refusals = parts.refusals;
    this.#order = new PublishOrder(context, (connection, message) =>
      this.#publishUnacknowledged(connection, message),
    );
  }

  /**
   * Handles one input of one connection. Ignores inputs of an unknown connection, which has just been closed.
   */
  handle(id: ConnectionId, input: ClientInput, serving: ServingState): void {
    switch (input.kind) {
      case 'connect':
        return this.#opening.connect(id, input.request, serving);
      case 'disconnect':
        this.#finishWaiting(id);
        return this.#opening.disconnect(id, input);
      case 'writable':
        return this.#writable(id, input.writable);
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return this.#acknowledge(id, input);
    }
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    if (connection.phase === 'opening') {
      // The client did not wait for CONNACK (3.1.1: 3.1.4; 5.0: 3.1.4).
      this.#opening.deferEarly(connection, this.#packet(connection, input));
    } else if (connection.drainingSinceMs !== null) return;
    else if (connection.waitingInputs !== null) this.#wait(connection, connection.waitingInputs, input);
    else this.#handlePacket(connection, input);
  }

  /** Continues the packets that waited for an applied publish of this connection. */
  publishApplied(connection: Connection, message: Message): void {
    if (message.qos === 0) this.#order.applied(connection, message.topic);
    connection.unappliedPublishes--;
    if (this.#isSmallRetained(message)) connection.unappliedSmallRetained--;
    if (connection.unappliedPublishes === 0) this.#continue(connection);
  }

  /** The QoS 1 publish with this number has its answer, from the log or degraded. */
  publishAnswered(connection: Connection, number: number): void {
    connection.answeredPublish = Math.max(connection.answeredPublish, number);
    this.#answerRefused(connection);
  }

  /** Ends all waits for the log, because it may not advance. */
  onIsolated(): void {
    this.#isolatedRetained.clear();
    this.#order.onIsolated();
    for (const connection of this.#connections.all()) this.#continue(connection);
  }

  /** Ends the waits for entries that a snapshot has replaced. */
  onRestored(): void {
    this.#order.onRestored();
  }

  #handlePacket(connection: Connection, input: ClientPacket): void {
    switch (input.kind) {
      case 'subscribe':
      case 'unsubscribe':
        if (this.#mustWait(connection)) connection.waitingInputs = { packets: [input], bytes: 0 };
        else this.#changeSubscriptions(connection, input);
        return;
      case 'publish':
        return this.#publish(connection, input.request);
      case 'pubrel':
        return this.#pubrel(connection, input.packetId);
    }
  }

  #writable(id: ConnectionId, writable: boolean): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.writable = writable;
    if (writable) this.#delivery.pump(connection);
  }

  /**
   * Handles an acknowledgement of a subscriber. An acknowledgement that does not match the QoS of the message
   * is a protocol error (MQTT 5, 4.13), and the member closes the connection.
   */
  #acknowledge(
    id: ConnectionId,
    input: Extract<ClientInput, { kind: 'puback' | 'pubrec' | 'pubcomp' }>,
  ): void {
    const connection = this.#connections.open(id);
    if (connection === undefined) return;
    if (!this.#isExpected(connection, input)) this.#opening.end(connection, 'protocolError', false);
  }

  #isExpected(
    connection: Connection,
    input: Extract<ClientInput, { kind: 'puback' | 'pubrec' | 'pubcomp' }>,
  ): boolean {
    const { packetId } = input;
    if (input.kind === 'puback') return this.#acknowledgements.puback(connection, packetId);
    if (input.kind === 'pubcomp') return this.#acknowledgements.pubcomp(connection, packetId);
    return this.#acknowledgements.pubrec(connection, packetId, input.refused === true);
  }

  #packet(connection: Connection, input: ClientPacket): DeferredPacket {
    const act = (): void => {
      if (connection.waitingInputs === null) this.#handlePacket(connection, input);
      else this.#wait(connection, connection.waitingInputs, input);
    };
    const bytes = inputBytes(input);
    return input.kind === 'publish' ? { act, qos: input.request.qos, bytes } : { act, bytes };
  }

  // ---- order of subscriptions and publishes of one connection ----

  /**
   * Returns whether SUBSCRIBE or UNSUBSCRIBE of a clean session has to wait for earlier publishes, which are
   * in the log. Those of persistent sessions are in the log themselves, behind the publishes. The packets of a
   * client that has left do not wait, because the end of its session is proposed behind them.
   */
  #mustWait({ clean, unappliedPublishes, phase }: Connection): boolean {
    return clean && unappliedPublishes > 0 && phase !== 'gone' && !this.#context.isolated;
  }

  #wait(connection: Connection, waiting: WaitingInputs, input: ClientPacket): void {
    waiting.packets.push(input);
    waiting.bytes += inputBytes(input);
    if (waiting.packets.length >= waitingInputsMax || waiting.bytes >= waitingBytesMax)
      this.#continue(connection);
  }

  /** Handles the packets that wait. The first one waits no longer. */
  #continue(connection: Connection): void {
    const waiting = connection.waitingInputs;
    if (waiting === null) return;
    connection.waitingInputs = null;
    for (const [position, input] of waiting.packets.entries()) {
      if (position === 0 && (input.kind === 'subscribe' || input.kind === 'unsubscribe'))
        this.#changeSubscriptions(connection, input);
      else this.#packet(connection, input).act();
    }
  }

  /** Handles all packets that a connection sent before its end. */
  #finishWaiting(id: ConnectionId): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    while (connection.waitingInputs !== null) this.#continue(connection);
  }

  #changeSubscriptions(connection: Connection, input: SubscriptionChange): void {
    // The subscriptions of a clean session end with its connection.
    if (connection.clean && connection.phase === 'gone') return;
    const filters =
      input.kind === 'subscribe' ? input.subscriptions.map(({ filter }) => filter) : input.filters;
    const needsEpoch = filters.some((filter) => !connection.clean || parseSharedFilter(filter) !== null);
    this.#opening.whenEpoch(connection, needsEpoch, {
      bytes: filters.reduce((bytes, filter) => bytes + filter.length, 0),
      act: () => {
        const { packetId } = input;
        if (input.kind === 'unsubscribe')
          return this.#subscriptions.unsubscribe(connection, packetId, input.filters);
        const done = this.#subscriptions.subscribe(connection, packetId, input.subscriptions, input.refuses);
        if (done !== null) this.#fanout.retained(connection, input.subscriptions, done);
      },
    });
  }

  // ---- publishes ----

  #pubrel(connection: Connection, packetId: number): void {
    const act = (): void => {
      const { client, epoch } = connection;
      this.#proposer.add(
        { kind: 'release', client, epoch, packetId },
        { kind: 'release', connection, packetId },
      );
    };
    this.#opening.whenEpoch(connection, true, { act });
  }

  #publish(connection: Connection, request: PublishRequest): void {
    const { topic, payload, qos, retain, properties, packetId = 0 } = request;
    const base: Message = { topic, payload, qos, retain, publisher: connection.client };
    const message: Message =
      properties === undefined ? base : { ...base, properties, ...this.#expiryOf(request) };
    if (qos === 0) {
      if (!this.#order.hold(connection, message)) this.#publishUnacknowledged(connection, message);
    } else if (
      this.#proposer.isFull(connection.client, messageBytes(message)) ||
      (qos === 1 && retain && !this.#mayRetain(connection.client, message))
    ) {
      this.#refusePublish(connection, qos, packetId);
    } else if (qos === 1 && this.#refusals.refusesRetained(connection, message)) {
      connection.refusedPublishes.push({ packetId, after: connection.lastPublish });
      this.#answerRefused(connection);
    } else if (qos === 1) {
      this.#propose(connection, message, packetId);
    } else {
      const act = (): void => this.#propose(connection, message, packetId);
      this.#opening.whenEpoch(connection, true, { act, qos, bytes: messageBytes(message) });
    }
  }

  /**
   * Returns when a message of the log expires. The expiry also counts the time for which the message waits at
   * this home [5.0 MQTT-3.3.2-6]. Older semantics versions count from the entry.
   */
  #expiryOf({ qos, retain, properties }: PublishRequest): Pick<Message, 'expiresAt'> {
    const { clock, state } = this.#context;
    const interval = properties?.messageExpiryInterval;
    const isLogged = qos > 0 || retain;
    if (interval === undefined || !isLogged || !clock.isContinuous) return {};
    if (state.semantics < conformanceSemantics) return {};
    return { expiresAt: Math.floor(clock.nowMs) + interval * 1_000 };
  }

  #publishUnacknowledged(connection: Connection, message: Message): void {
    if (!message.retain) this.#fanout.unacknowledged(message);
    else if (this.#proposer.isFull(connection.client, messageBytes(message)))
      this.#refusePublish(connection, 0, 0);
    else {
      this.#order.proposed(connection, message.topic);
      this.#propose(connection, message, 0);
    }
  }

  /** Returns false for a retained message that would get a degraded acknowledgement beyond the bounds of the cluster. */
  #mayRetain(client: ClientId, message: Message): boolean {
    if (this.#context.acceptsIsolated) return this.#isolatedRetained.accept(client, message);
    this.#isolatedRetained.clear();
    return true;
  }

  #propose(connection: Connection, message: Message, packetId: number): void {
    const { client, epoch } = connection;
    const { qos } = message;
    // A QoS 1 publish is applied also when its epoch is no longer current. But a late QoS 1 publish from a
    // replaced connection must not change a retained message (P5).
    const named = epoch !== 0 && (qos === 2 || message.retain) ? { epoch } : {};
    const base: PublishCommand = { kind: 'publish', message, client, ...named };
    connection.unappliedPublishes++;
    if (this.#isSmallRetained(message)) connection.unappliedSmallRetained++;
    const command = qos === 2 ? { ...base, packetId } : base;
    const number = qos === 1 ? ++connection.lastPublish : 0;
    this.#proposer.add(command, { kind: 'publish', connection, packetId, qos, number });
  }

  #isSmallRetained({ retain, payload }: Message): boolean {
    return retain && !this.#refusals.isLarge(payload.length);
  }

  /** Sends PUBACK for the publishes that this home has refused, in the order of the connection's QoS 1 publishes. */
  #answerRefused(connection: Connection): void {
    const { refusedPublishes, answeredPublish, phase, id } = connection;
    for (;;) {
      const first = refusedPublishes.peek();
      if (first === undefined || first.after > answeredPublish) return;
      refusedPublishes.shift();
      if (phase !== 'open') continue;
      const answer = { connection: id, packetId: first.packetId, result: 'quotaExceeded' as const };
      this.#context.effects.push({ kind: 'puback', ...answer });
    }
  }

  /** Rejects a publish because the number of commands that wait for the cluster has reached its bound. */
  #refusePublish(connection: Connection, qos: 0 | 1 | 2, packetId: number): void {
    this.#context.events.push({ kind: 'dropped', reason: 'noMajority', count: 1, counts: true });
    if (qos === 0) return;
    const kind = qos === 1 ? 'puback' : 'pubrec';
    this.#context.effects.push({ kind, connection: connection.id, packetId, result: 'quotaExceeded' });
  }
}

/** Returns the size of the parts of a packet that have no small bound. */
function inputBytes(input: ClientPacket): number {
  switch (input.kind) {
    case 'publish':
      return messageBytes({ ...input.request });
    case 'subscribe':
      return input.subscriptions.reduce((bytes, { filter }) => bytes + filter.length, 0);
    case 'unsubscribe':
      return input.filters.reduce((bytes, filter) => bytes + filter.length, 0);
    case 'pubrel':
      return 0;
  }
}
