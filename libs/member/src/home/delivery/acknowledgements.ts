import type { MemberContext } from '../../context.ts';
import type { Connection } from '../connections/connection.ts';
import { replicatedPacketIdMin } from '../connections/connection.ts';
import type { Delivery } from './delivery.ts';
import type { AckProgress } from './ack-progress.ts';

/**
 * Handles the acknowledgements of subscribers. Each method returns false for an acknowledgement that does not
 * fit the exchange, which is a protocol error (MQTT 5, 4.13). An unknown packet id is no error: a client that
 * resumes its session may send it.
 */
export class Acknowledgements {
  readonly #context: MemberContext;
  readonly #delivery: Delivery;
  readonly #progress: AckProgress;

  constructor(context: MemberContext, delivery: Delivery, progress: AckProgress) {
    this.#context = context;
    this.#delivery = delivery;
    this.#progress = progress;
  }

  puback(connection: Connection, packetId: number): boolean {
    const flight = connection.inFlight.get(packetId);
    if (flight === undefined) return true;
    if (flight.qos !== 1) return false;
    connection.inFlight.delete(packetId);
    if (flight.itemNumber !== null) this.#progress.done(connection, flight.itemNumber);
    else if (flight.early !== undefined) {
      connection.earlyInFlight.delete(flight.early);
      connection.earlyAcked.add(flight.early);
    }
    this.#delivery.pump(connection);
    return true;
  }

  pubrec(connection: Connection, packetId: number, refused: boolean): boolean {
    const flight = connection.inFlight.get(packetId);
    if (flight === undefined) {
      // The QoS 2 exchange ended before the client connected to this home. PUBREL lets the client finish it.
      if (!refused) this.#release(connection, packetId);
      return true;
    }
    if (flight.qos !== 2) return false;
    if (flight.itemNumber !== null) {
      if (refused) {
        connection.inFlight.delete(packetId);
        this.#progress.completed(connection, packetId);
      } else if (flight.received) this.#release(connection, packetId);
      else this.#progress.received(connection, packetId);
      return true;
    }
    if (refused) {
      connection.inFlight.delete(packetId);
      this.#delivery.pump(connection);
      return true;
    }
    flight.received = true;
    this.#release(connection, packetId);
    return true;
  }

  /** Sends PUBREL for messages whose PUBREC is part of the replicated state. */
  received(connection: Connection, packetIds: readonly number[]): void {
    for (const packetId of packetIds) {
      const flight = connection.inFlight.get(packetId);
      if (flight === undefined || flight.itemNumber === null) continue;
      flight.received = true;
      this.#release(connection, packetId);
    }
  }

  pubcomp(connection: Connection, packetId: number): boolean {
    const flight = connection.inFlight.get(packetId);
    if (flight === undefined) return true;
    if (flight.qos !== 2 || !flight.received) return false;
    connection.inFlight.delete(packetId);
    if (flight.itemNumber !== null && packetId >= replicatedPacketIdMin)
      this.#progress.completed(connection, packetId);
    this.#delivery.pump(connection);
    return true;
  }

  #release(connection: Connection, packetId: number): void {
    this.#context.effects.push({ kind: 'pubrel', connection: connection.id, packetId });
  }
}
