import type { ClientEffect, ClientInput, ConnectionId, DeliverEffect } from '@mqtt-cluster/contracts';
import type { BrokerContext } from '../context.ts';
import { protocolError } from '../codec/packet-error.ts';
import {
  acknowledgements,
  encodeNegativeAcknowledgement,
  encodeSubscriptionAcknowledgement,
} from '../codec/encode-control.ts';
import type { SocketWriter } from '../flow-control/socket-writer.ts';
import { failureReasonCodeMin, reasonCodes } from '../codec/reason-codes.ts';

/** The acknowledgement that the client has to send next for a delivery. */
type AwaitedAck = 'puback' | 'pubrec' | 'pubcomp';

/**
 * Sends packets to one connected client, and passes the acknowledgements of its deliveries to the member.
 */
export class Outbound {
  readonly #connection: ConnectionId;
  readonly #version: number;
  readonly #packetBytesMax: number;
  readonly #context: BrokerContext;
  readonly #writer: SocketWriter;
  /** The awaited acknowledgement of each unfinished delivery, by packet identifier. */
  readonly #awaited = new Map<number, AwaitedAck>();

  /** @param packetBytesMax the client's Maximum Packet Size, bytes */
  constructor(
    connection: ConnectionId,
    version: number,
    packetBytesMax: number,
    context: BrokerContext,
    writer: SocketWriter,
  ) {
    this.#connection = connection;
    this.#version = version;
    this.#packetBytesMax = packetBytesMax;
    this.#context = context;
    this.#writer = writer;
  }

  deliver(effect: DeliverEffect): void {
    const encoded = this.#context.encoder.encode(effect, this.#version);
    if (encoded.bytes.length > this.#packetBytesMax) {
      this.#skipTooLarge(effect);
      return;
    }
    if (effect.qos > 0) this.#awaited.set(effect.packetId, effect.qos === 1 ? 'puback' : 'pubrec');
    const { counters } = this.#context;
    counters.publishesSent[effect.qos]++;
    counters.publishBytesSent += effect.message.payload.length;
    this.#writer.add(encoded, effect.packetId);
  }

  /** Skips a delivery and completes its exchange, as if the client had received it [MQTT-3.1.2-25]. */
  #skipTooLarge(effect: DeliverEffect): void {
    this.#context.counters.deliveriesTooLarge++;
    const { qos, packetId } = effect;
    if (qos === 1) this.#input({ kind: 'puback', packetId });
    if (qos === 2) this.#input({ kind: 'pubrec', packetId, refused: true });
  }

  pubrel(packetId: number): void {
    this.#awaited.set(packetId, 'pubcomp');
    this.#writer.add(acknowledgements.pubrel, packetId);
  }

  acknowledge(effect: Extract<ClientEffect, { kind: 'puback' | 'pubrec' }>): void {
    const refused = effect.result !== 'ok';
    const { counters } = this.#context;
    if (!refused) counters.acks[effect.kind === 'puback' ? 1 : 2]++;
    if (effect.degraded === true) counters.degradedAcks++;
    this.#writer.add(
      refused
        ? encodeNegativeAcknowledgement(effect.kind, reasonCodes.quotaExceeded)
        : acknowledgements[effect.kind],
      effect.packetId,
    );
  }

  /** Rejects a publish of an MQTT 5 client with a negative PUBACK or PUBREC. */
  refuse(kind: 'puback' | 'pubrec', packetId: number, reasonCode: number): void {
    this.#writer.add(encodeNegativeAcknowledgement(kind, reasonCode), packetId);
  }

  pubcomp(packetId: number): void {
    this.#writer.add(acknowledgements.pubcomp, packetId);
  }

  suback(packetId: number, codes: readonly number[]): void {
    this.#acknowledgeSubscription('suback', packetId, codes);
  }

  unsuback(packetId: number, codes: readonly number[]): void {
    this.#acknowledgeSubscription('unsuback', packetId, codes);
  }

  #acknowledgeSubscription(kind: 'suback' | 'unsuback', packetId: number, codes: readonly number[]): void {
    const bytes = encodeSubscriptionAcknowledgement(kind, packetId, codes, this.#version);
    this.#writer.add({ bytes, packetIdOffset: 0 }, 0);
  }

  /** @throws PacketError if the delivery awaits another acknowledgement [MQTT-4.3.2-2, MQTT-4.3.3-2] */
  onPuback(packetId: number): void {
    this.#expect(packetId, 'puback');
    this.#awaited.delete(packetId);
    this.#input({ kind: 'puback', packetId });
  }

  /** @throws PacketError as {@link onPuback} does */
  onPubrec(packetId: number, reasonCode: number): void {
    // The client repeats PUBREC because it has not received PUBREL yet.
    if (this.#awaited.get(packetId) === 'pubcomp') {
      this.#writer.add(acknowledgements.pubrel, packetId);
      return;
    }
    this.#expect(packetId, 'pubrec');
    if (reasonCode >= failureReasonCodeMin) {
      this.#awaited.delete(packetId);
      this.#input({ kind: 'pubrec', packetId, refused: true });
    } else {
      this.#input({ kind: 'pubrec', packetId });
    }
  }

  /** @throws PacketError as {@link onPuback} does */
  onPubcomp(packetId: number): void {
    this.#expect(packetId, 'pubcomp');
    this.#awaited.delete(packetId);
    this.#input({ kind: 'pubcomp', packetId });
  }

  #input(input: ClientInput): void {
    this.#context.port.input(this.#connection, input);
  }

  /**
   * Accepts an acknowledgement if this connection awaits none for its packet identifier: the delivery may
   * belong to an earlier connection, and the member checks it.
   */
  #expect(packetId: number, packet: AwaitedAck): void {
    const awaited = this.#awaited.get(packetId);
    if (awaited !== undefined && awaited !== packet) {
      throw protocolError(`${packet} for an exchange that awaits ${awaited}`);
    }
  }
}
