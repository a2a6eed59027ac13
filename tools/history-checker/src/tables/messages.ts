import type { QoS } from '../history/events.ts';
import { Column } from './column.ts';

const retainFlag = 4;
const clearFlag = 8;
const willFlag = 16;
const qosMask = 3;
/** Smallest reason code that is a rejection [MQTT5 2.4]. */
export const rejectionCodeMin = 0x80;

/** Largest time by which a message may expire before its interval ends, ms. */
const expirySlackMs = 500;

/**
 * The published messages and the wills, one row for each message id. Methods whose name begins with `first`
 * describe the first PUBLISH, or the CONNECT with the will. The position of an event that did not happen is
 * 0.
 */
export class Messages {
  readonly #rows = new Map<number, number>();
  readonly #ids = new Column('float64');
  readonly #topics = new Column('int32');
  readonly #flags = new Column('uint8');
  readonly #firstSequences = new Column('int32');
  readonly #firstTimes = new Column('float64');
  readonly #firstConnections = new Column('int32');
  readonly #ackSequences = new Column('int32');
  readonly #ackTimes = new Column('float64');
  readonly #ackConnections = new Column('int32');
  readonly #lastAckConnections = new Column('int32');
  readonly #rejections = new Column('uint8');
  /** Message Expiry Interval in seconds; -1: the message does not expire. */
  readonly #expiries = new Column('int32');
  /**
   * The connections on which a message was sent, in order; only for messages that were sent on several
   * connections.
   */
  readonly #sendConnections = new Map<number, number[]>();

  get count(): number {
    return this.#ids.length;
  }

  row(id: number): number | undefined {
    return this.#rows.get(id);
  }

  add(
    id: number,
    kind: {
      topic: number;
      qos: QoS;
      retain: boolean;
      clear: boolean;
      will: boolean;
      expirySeconds?: number | undefined;
    },
    sent: { sequence: number; at: number; connection: number },
  ): number {
    const row = this.#ids.length;
    this.#rows.set(id, row);
    this.#ids.push(id);
    this.#topics.push(kind.topic);
    this.#flags.push(
      kind.qos + (kind.retain ? retainFlag : 0) + (kind.clear ? clearFlag : 0) + (kind.will ? willFlag : 0),
    );
    this.#firstSequences.push(sent.sequence);
    this.#firstTimes.push(sent.at);
    this.#firstConnections.push(sent.connection);
    this.#ackSequences.push(0);
    this.#ackTimes.push(0);
    this.#ackConnections.push(-1);
    this.#lastAckConnections.push(-1);
    this.#rejections.push(0);
    this.#expiries.push(kind.expirySeconds ?? -1);
    return row;
  }

  resent(row: number, connection: number): void {
    const senders = this.#sendConnections.get(row);
    if (senders) {
      if (!senders.includes(connection)) senders.push(connection);
      return;
    }
    const first = this.#firstConnections.get(row);
    if (first !== connection) this.#sendConnections.set(row, [first, connection]);
  }

  /**
   * Records an acknowledgement. The table keeps the time and the connection of the first acknowledgement
   * without an error code.
   */
  acked(row: number, ack: { sequence: number; at: number; connection: number; code: number }): void {
    if (ack.code >= rejectionCodeMin) {
      this.#rejections.set(row, 1);
      return;
    }
    this.#lastAckConnections.set(row, ack.connection);
    if (this.#ackSequences.get(row) !== 0) return;
    this.#ackSequences.set(row, ack.sequence);
    this.#ackTimes.set(row, ack.at);
    this.#ackConnections.set(row, ack.connection);
  }

  id(row: number): number {
    return this.#ids.get(row);
  }

  topic(row: number): number {
    return this.#topics.get(row);
  }

  qos(row: number): QoS {
    return (this.#flags.get(row) & qosMask) as QoS;
  }

  isRetained(row: number): boolean {
    return (this.#flags.get(row) & retainFlag) !== 0;
  }

  isClear(row: number): boolean {
    return (this.#flags.get(row) & clearFlag) !== 0;
  }

  isWill(row: number): boolean {
    return (this.#flags.get(row) & willFlag) !== 0;
  }

  /** Message Expiry Interval in milliseconds, or null. */
  expiryMs(row: number): number | null {
    const seconds = this.#expiries.get(row);
    return seconds < 0 ? null : seconds * 1_000;
  }

  /** Whether the message may have expired at this time, because all clocks differ a little. */
  mayHaveExpired(row: number, atMs: number): boolean {
    const expiryMs = this.expiryMs(row);
    return expiryMs !== null && this.firstAt(row) + expiryMs - expirySlackMs < atMs;
  }

  firstSequence(row: number): number {
    return this.#firstSequences.get(row);
  }

  firstAt(row: number): number {
    return this.#firstTimes.get(row);
  }

  /** Index of the connection in the table of connections, not its id. */
  firstConnection(row: number): number {
    return this.#firstConnections.get(row);
  }

  sendConnectionCount(row: number): number {
    return this.#sendConnections.get(row)?.length ?? 1;
  }

  sendConnections(row: number): readonly number[] {
    return this.#sendConnections.get(row) ?? [this.#firstConnections.get(row)];
  }

  isAcked(row: number): boolean {
    return this.#ackSequences.get(row) !== 0;
  }

  /** Position of the first PUBACK or PUBREC without an error code; 0 if there is none. */
  ackSequence(row: number): number {
    return this.#ackSequences.get(row);
  }

  ackAt(row: number): number {
    return this.#ackTimes.get(row);
  }

  ackConnection(row: number): number {
    return this.#ackConnections.get(row);
  }

  /** Index of the connection of the last acknowledgement without an error code; -1 if there is none. */
  lastAckConnection(row: number): number {
    return this.#lastAckConnections.get(row);
  }

  wasRejected(row: number): boolean {
    return this.#rejections.get(row) === 1;
  }
}
