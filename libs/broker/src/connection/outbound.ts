import type { ClientEffect, ConnectionId, DeliverEffect } from '@mqtt-cluster/contracts';
import { generate } from 'mqtt-packet';
import type { BrokerContext } from '../context.ts';
import { protocolError } from '../codec/packet-error.ts';
import { acknowledgements, refusal } from '../codec/encode-publish.ts';
import type { Outgoing } from './socket-writer.ts';
import { failureReasonCodeMin, reasonCodes } from '../codec/reason-codes.ts';

/** Which packet the client owes for a packet id that we use. */
type Owed = 'puback' | 'pubrec' | 'pubcomp';

/** The broker's side of deliveries to one client: packets out, acknowledgements in. */
export class Outbound {
  readonly #connection: ConnectionId;
  readonly #version: number;
  readonly #packetBytesMax: number;
  readonly #context: BrokerContext;
  readonly #outgoing: Outgoing;
  readonly #owed = new Map<number, Owed>();

  /** `packetBytesMax`: the client's Maximum Packet Size. */
  constructor(
    connection: ConnectionId,
    version: number,
    packetBytesMax: number,
    context: BrokerContext,
    outgoing: Outgoing,
  ) {
    this.#connection = connection;
    this.#version = version;
    this.#packetBytesMax = packetBytesMax;
    this.#context = context;
    this.#outgoing = outgoing;
  }

  deliver(effect: DeliverEffect): void {
    const encoded = this.#context.encoder.encode(effect, this.#version);
    if (encoded.bytes.length > this.#packetBytesMax) {
      this.#tooLarge(effect);
      return;
    }
    if (effect.qos > 0) this.#owed.set(effect.packetId, effect.qos === 1 ? 'puback' : 'pubrec');
    const { counters } = this.#context;
    counters.publishesSent[effect.qos]++;
    counters.publishBytesSent += effect.message.payload.length;
    this.#outgoing.add(encoded, effect.packetId);
  }

  /** Not sent; the session goes on as if it had been delivered [MQTT-3.1.2-25]. */
  #tooLarge(effect: DeliverEffect): void {
    this.#context.counters.deliveriesTooLarge++;
    if (effect.qos === 1) this.#context.port.puback(this.#connection, effect.packetId);
    if (effect.qos === 2) this.#context.port.pubrec(this.#connection, effect.packetId, true);
  }

  pubrel(packetId: number): void {
    this.#owed.set(packetId, 'pubcomp');
    this.#outgoing.add(acknowledgements.pubrel, packetId);
  }

  acknowledge(effect: Extract<ClientEffect, { kind: 'puback' | 'pubrec' }>): void {
    const refused = effect.result !== 'ok';
    const { counters } = this.#context;
    if (!refused) counters.acks[effect.kind === 'puback' ? 1 : 2]++;
    if (effect.degraded === true) counters.degradedAcks++;
    this.#outgoing.add(
      refused ? refusal(effect.kind, reasonCodes.quotaExceeded) : acknowledgements[effect.kind],
      effect.packetId,
    );
  }

  refuse(kind: 'puback' | 'pubrec', packetId: number, reasonCode: number): void {
    this.#outgoing.add(refusal(kind, reasonCode), packetId);
  }

  pubcomp(packetId: number): void {
    this.#outgoing.add(acknowledgements.pubcomp, packetId);
  }

  suback(packetId: number, codes: readonly number[]): void {
    this.#addRare(
      generate(
        { cmd: 'suback', messageId: packetId, granted: [...codes] },
        { protocolVersion: this.#version },
      ),
    );
  }

  unsuback(packetId: number, codes: readonly number[]): void {
    this.#addRare(
      generate(
        { cmd: 'unsuback', messageId: packetId, granted: [...codes] },
        { protocolVersion: this.#version },
      ),
    );
  }

  #addRare(bytes: Buffer): void {
    this.#outgoing.add({ bytes, packetIdOffset: 0 }, 0);
  }

  /** @throws PacketError when the exchange is one of another kind [MQTT-4.3.2-2, MQTT-4.3.3-2] */
  onPuback(packetId: number): void {
    this.#expect(packetId, 'puback');
    this.#owed.delete(packetId);
    this.#context.port.puback(this.#connection, packetId);
  }

  onPubrec(packetId: number, reasonCode: number): void {
    // A second PUBREC while PUBCOMP is owed is answered again: its sender has not seen the PUBREL yet.
    if (this.#owed.get(packetId) === 'pubcomp') {
      this.#outgoing.add(acknowledgements.pubrel, packetId);
      return;
    }
    this.#expect(packetId, 'pubrec');
    if (reasonCode >= failureReasonCodeMin) {
      this.#owed.delete(packetId);
      this.#context.port.pubrec(this.#connection, packetId, true);
    } else {
      this.#context.port.pubrec(this.#connection, packetId);
    }
  }

  onPubcomp(packetId: number): void {
    this.#expect(packetId, 'pubcomp');
    this.#owed.delete(packetId);
    this.#context.port.pubcomp(this.#connection, packetId);
  }

  /** An id that nothing is known of here may belong to the session's past: the member decides. */
  #expect(packetId: number, packet: Owed): void {
    const owed = this.#owed.get(packetId);
    if (owed !== undefined && owed !== packet) {
      throw protocolError(`${packet} for an exchange that waits for ${owed}`);
    }
  }
}
