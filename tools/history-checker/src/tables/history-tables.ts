import type {
  CompletedEvent,
  DeliveryEvent,
  Header,
  HistoryEvent,
  ProbeEvent,
  PublishEvent,
  RetainedViewEvent,
} from '../history/events.ts';
import { HistoryError } from '../history/history-error.ts';
import type { RecordedConnection, Sequence } from './clients.ts';
import { Deliveries } from './deliveries.ts';
import { Faults } from './faults.ts';
import { Messages } from './messages.ts';
import { Sessions } from './sessions.ts';
import { Topics } from './topics.ts';

/**
 * Default of the limit `healMsMax`: the longest time from the end of a fault until all members serve together
 * again, ms (P7).
 */
const healMsMaxDefault = 10_000;
const packetIdentifierNotFound = 0x92;

/** A delivery whose message id is unknown or belongs to another topic, or whose payload is empty. */
export interface UnexpectedDelivery {
  readonly connection: RecordedConnection;
  readonly sequence: Sequence;
  readonly event: DeliveryEvent;
}

/** A PUBCOMP with code 0x92 on the connection of the PUBREC: the server had lost the packet id. */
export interface RejectedPubrel {
  readonly connection: RecordedConnection;
  readonly message: number;
  readonly at: number;
}

/**
 * The history as tables, the only input of the rules. A message takes about 134 bytes, and a delivery takes
 * 29 bytes.
 */
export class HistoryTables {
  readonly header: Header;
  readonly topics = new Topics();
  readonly messages = new Messages();
  readonly deliveries = new Deliveries();
  readonly sessions = new Sessions();
  readonly faults: Faults;
  /** For the row of each will, the connections whose CONNECT contained the will. */
  readonly wills = new Map<number, RecordedConnection[]>();
  /** Deliveries with an empty payload. */
  readonly emptyDeliveries: UnexpectedDelivery[] = [];
  readonly unknownDeliveries: UnexpectedDelivery[] = [];
  readonly wrongTopicDeliveries: UnexpectedDelivery[] = [];
  readonly rejectedPubrels: RejectedPubrel[] = [];
  completedCount = 0;
  readonly probes: ProbeEvent[] = [];
  readonly views: RetainedViewEvent[] = [];
  settledSequence: Sequence | null = null;
  settledAt: number | null = null;
  endAt: number | null = null;
  crashes: readonly string[] = [];
  #sequence: Sequence = 0;

  constructor(header: Header) {
    this.header = header;
    this.faults = new Faults(header.servers, header.limits.healMsMax ?? healMsMaxDefault, header.remotes);
  }

  /** Adds the next event. @throws {HistoryError} when the event contradicts the events before it */
  add(event: HistoryEvent): void {
    if (this.endAt !== null) throw new HistoryError('there is an event after the `end`');
    const sequence = ++this.#sequence;
    switch (event.type) {
      case 'connect': {
        const connection = this.sessions.connect(event, sequence);
        if (event.will) this.#addWill(connection, sequence);
        return;
      }
      case 'connected':
        return this.sessions.connected(event, sequence);
      case 'closed':
        return this.sessions.closed(event, sequence);
      case 'publish':
        return this.#publish(event, sequence);
      case 'acked': {
        const { index } = this.sessions.connection(event.connection);
        return this.messages.acked(this.#messageRow(event.message), {
          sequence,
          at: event.at,
          connection: index,
          code: event.code,
        });
      }
      case 'completed':
        return this.#complete(event);
      case 'subscribe':
      case 'unsubscribe':
        return this.sessions.subscribe(event, sequence);
      case 'subscribed':
      case 'unsubscribed':
        return this.sessions.subscribed(event, sequence);
      case 'delivery':
        return this.#deliver(event, sequence);
      default:
        this.#addRunEvent(event, sequence);
    }
  }

  #addRunEvent(
    event: Extract<HistoryEvent, { type: 'fault' | 'phase' | 'probe' | 'retained' | 'end' }>,
    sequence: Sequence,
  ): void {
    if (event.type === 'fault') this.faults.add(event);
    else if (event.type === 'probe') this.probes.push(event);
    else if (event.type === 'retained') this.views.push(event);
    else if (event.type === 'end') {
      this.endAt = event.at;
      this.crashes = event.crashes;
    } else if (event.phase === 'healed') this.faults.healed(event.at);
    else if (event.phase === 'settled') {
      this.settledSequence = sequence;
      this.settledAt = event.at;
    }
  }

  #addWill(connection: RecordedConnection, sequence: Sequence): void {
    const { will, at } = connection.connect;
    if (!will) return;
    const known = this.messages.row(will.message);
    const row =
      known ??
      this.messages.add(
        will.message,
        {
          topic: this.topics.index(will.topic),
          qos: will.qos,
          retain: will.retain,
          clear: false,
          will: true,
        },
        { sequence, at, connection: connection.index },
      );
    this.wills.set(row, [...(this.wills.get(row) ?? []), connection]);
  }

  #publish(event: PublishEvent, sequence: Sequence): void {
    const { index } = this.sessions.connection(event.connection);
    const known = this.messages.row(event.message);
    if (known !== undefined) {
      this.messages.resent(known, index);
      return;
    }
    const { qos, clear, at, expirySeconds } = event;
    const retain = event.retain || clear;
    const kind = { topic: this.topics.index(event.topic), qos, retain, clear, will: false, expirySeconds };
    this.messages.add(event.message, kind, { sequence, at, connection: index });
  }

  #complete(event: CompletedEvent): void {
    const connection = this.sessions.connection(event.connection);
    const message = this.#messageRow(event.message);
    this.completedCount++;
    // After a reconnect 0x92 is no error, because the earlier PUBCOMP may have been lost [MQTT5 3.7.2.1].
    // Here the PUBREC arrived on the same connection, so 0x92 is an error.
    if (
      event.code === packetIdentifierNotFound &&
      this.messages.lastAckConnection(message) === connection.index
    ) {
      this.rejectedPubrels.push({ connection, message, at: event.at });
    }
  }

  #deliver(event: DeliveryEvent, sequence: Sequence): void {
    const connection = this.sessions.connection(event.connection);
    const unexpected = { connection, sequence, event };
    if (event.message === 0) {
      this.emptyDeliveries.push(unexpected);
      return;
    }
    const message = this.messages.row(event.message);
    if (message === undefined) this.unknownDeliveries.push(unexpected);
    else if (this.topics.name(this.messages.topic(message)) !== event.topic)
      this.wrongTopicDeliveries.push(unexpected);
    else this.deliveries.add(connection.index, message, sequence, event);
  }

  #messageRow(id: number): number {
    const row = this.messages.row(id);
    if (row === undefined) throw new HistoryError(`message ${id} was never published`);
    return row;
  }
}
