import type {
  ClientInput,
  ConnectionId,
  Message,
  PublishCommand,
  PublishRequest,
  ServingState,
  Subscription,
} from '@mqtt-cluster/contracts';
import { parseSharedFilter } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Acknowledgements } from './delivery/acknowledgements.ts';
import type { Connection } from './connections/connection.ts';
import type { Connections } from './connections/connections.ts';
import type { Delivery } from './delivery/delivery.ts';
import type { Fanout } from './delivery/fanout.ts';
import type { SessionOpening } from './connections/session-opening.ts';
import type { Subscriptions } from './subscriptions.ts';

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
    },
  ) {
    this.#context = context;
    this.#proposer = parts.proposer;
    this.#connections = parts.connections;
    this.#delivery = parts.delivery;
    this.#acknowledgements = parts.acknowledgements;
    this.#subscriptions = parts.subscriptions;
    this.#opening = parts.opening;
    this.#fanout = parts.fanout;
  }

  /**
   * Handles one input of one connection. Ignores inputs of an unknown connection, which has just been closed.
   */
  handle(id: ConnectionId, input: ClientInput, serving: ServingState): void {
    switch (input.kind) {
      case 'connect':
        return this.#opening.connect(id, input.request, serving);
      case 'disconnect':
        return this.#opening.disconnect(id, input);
      case 'writable':
        return this.#writable(id, input.writable);
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return this.#acknowledge(id, input);
    }
    const connection = this.#connections.staying(id);
    if (connection === undefined) return;
    switch (input.kind) {
      case 'subscribe':
        return this.#subscribe(connection, input.packetId, input.subscriptions);
      case 'unsubscribe':
        return this.#unsubscribe(connection, input.packetId, input.filters);
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

  #subscribe(connection: Connection, packetId: number, subscriptions: readonly Subscription[]): void {
    const waits = subscriptions.some((each) => !connection.clean || parseSharedFilter(each.filter) !== null);
    this.#opening.whenEpoch(connection, waits, () => {
      const done = this.#subscriptions.subscribe(connection, packetId, subscriptions);
      if (done !== null) this.#fanout.retained(connection, subscriptions, done);
    });
  }

  #unsubscribe(connection: Connection, packetId: number, filters: readonly string[]): void {
    const waits = filters.some((filter) => !connection.clean || parseSharedFilter(filter) !== null);
    this.#opening.whenEpoch(connection, waits, () =>
      this.#subscriptions.unsubscribe(connection, packetId, filters),
    );
  }

  #pubrel(connection: Connection, packetId: number): void {
    this.#opening.whenEpoch(connection, true, () => {
      const { client, epoch } = connection;
      this.#proposer.add(
        { kind: 'release', client, epoch, packetId },
        { kind: 'release', connection, packetId },
      );
    });
  }

  #publish(connection: Connection, request: PublishRequest): void {
    const { topic, payload, qos, retain, properties, packetId = 0 } = request;
    const base: Message = { topic, payload, qos, retain, publisher: connection.client };
    const message: Message = properties === undefined ? base : { ...base, properties };
    if (qos === 0 && !retain) {
      this.#fanout.unacknowledged(message);
    } else if (this.#proposer.bytes > this.#context.options.limits.outboxBytesMax) {
      this.#refusePublish(connection, qos, packetId);
    } else {
      this.#opening.whenEpoch(connection, qos === 2, () => this.#propose(connection, message, packetId));
    }
  }

  #propose(connection: Connection, message: Message, packetId: number): void {
    const { client, epoch } = connection;
    const { qos } = message;
    // A QoS 1 publish is applied also when its epoch is no longer current. But a late QoS 1 publish from a
    // replaced connection must not change a retained message (P5).
    const named = epoch !== 0 && (qos === 2 || message.retain) ? { epoch } : {};
    const base: PublishCommand = { kind: 'publish', message, client, ...named };
    if (qos === 0) return this.#proposer.add(base);
    const command = qos === 2 ? { ...base, packetId } : base;
    this.#proposer.add(command, { kind: 'publish', connection, packetId, qos });
  }

  /** Rejects a publish because the number of commands that wait for the cluster has reached its bound. */
  #refusePublish(connection: Connection, qos: 0 | 1 | 2, packetId: number): void {
    this.#context.events.push({ kind: 'dropped', reason: 'noMajority', count: 1, counts: true });
    if (qos === 0) return;
    const kind = qos === 1 ? 'puback' : 'pubrec';
    this.#context.effects.push({ kind, connection: connection.id, packetId, result: 'quotaExceeded' });
  }
}
