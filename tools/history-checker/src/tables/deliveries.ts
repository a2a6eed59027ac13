import type { QoS } from '../history/events.ts';
import { Column } from './column.ts';

const retainFlag = 4;
const dupFlag = 8;
const qosMask = 3;

/** The deliveries of known messages, one row each, in the order of the history. */
export class Deliveries {
  readonly #connections = new Column('int32');
  readonly #messages = new Column('int32');
  readonly #sequences = new Column('int32');
  readonly #times = new Column('float64');
  readonly #flags = new Column('uint8');
  /** Message Expiry Interval as the server sent it, in seconds; -1: none. */
  readonly #expiries = new Column('int32');
  readonly #unacknowledged = new Column('int32');

  get count(): number {
    return this.#messages.length;
  }

  add(
    connection: number,
    message: number,
    sequence: number,
    how: {
      at: number;
      qos: QoS;
      retain: boolean;
      dup: boolean;
      expirySeconds?: number;
      unacknowledged?: number;
    },
  ): void {
    this.#connections.push(connection);
    this.#messages.push(message);
    this.#sequences.push(sequence);
    this.#times.push(how.at);
    this.#expiries.push(how.expirySeconds ?? -1);
    this.#unacknowledged.push(how.unacknowledged ?? 0);
    this.#flags.push(how.qos + (how.retain ? retainFlag : 0) + (how.dup ? dupFlag : 0));
  }

  /** Message Expiry Interval as the server sent it, in seconds, or null. */
  expirySeconds(row: number): number | null {
    const seconds = this.#expiries.get(row);
    return seconds < 0 ? null : seconds;
  }

  /** Number of messages that the client had not acknowledged, this one included; 0 if it was not recorded. */
  unacknowledged(row: number): number {
    return this.#unacknowledged.get(row);
  }

  /** Index of the connection in the table of connections. */
  connection(row: number): number {
    return this.#connections.get(row);
  }

  /** Row of the message in the table of messages. */
  message(row: number): number {
    return this.#messages.get(row);
  }

  sequence(row: number): number {
    return this.#sequences.get(row);
  }

  at(row: number): number {
    return this.#times.get(row);
  }

  qos(row: number): QoS {
    return (this.#flags.get(row) & qosMask) as QoS;
  }

  /** Whether the delivery is marked as retained: the server sent it for a new subscription [MQTT-3.3.1-8]. */
  isRetained(row: number): boolean {
    return (this.#flags.get(row) & retainFlag) !== 0;
  }

  isDup(row: number): boolean {
    return (this.#flags.get(row) & dupFlag) !== 0;
  }
}
