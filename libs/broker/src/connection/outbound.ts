import type { ClientEffect, ClientInput, ConnectionId, DeliverEffect } from '@mqtt-cluster/contracts';
import type { BrokerContext } from '../context.ts';
import { protocolError } from '../codec/packet-error.ts';
import {
  acknowledgements,
  encodeAcknowledgement,
  encodeSubscriptionAcknowledgement,
  unmatchedAcknowledgements,
} from '../codec/encode-control.ts';
import type { SocketWriter } from '../flow-control/socket-writer.ts';
import { failureReasonCodeMin, reasonCodes } from '../codec/reason-codes.ts';
import type { ClientAccess } from './client-access.ts';
import type { EncodedPacket } from '../codec/encode-publish.ts';
import { OutgoingTopicAliases } from './outgoing-topic-aliases.ts';

/** The acknowledgement that the client has to send next for a delivery. */
type AwaitedAck = 'puback' | 'pubrec' | 'pubcomp';

/** Limits of an MQTT 5 CONNECT for the packets to the client. */
export interface ClientLimits {
  /** Maximum Packet Size, bytes; Infinity if the client sets none. */
  readonly packetBytesMax: number;
  /** Topic Alias Maximum; 0 if the client accepts no topic aliases. */
  readonly topicAliasMaximum: number;
}

/**
 * Sends packets to one connected client, and passes the acknowledgements of its deliveries to the member.
 */
export class Outbound {
  readonly #connection: ConnectionId;
  readonly #version: number;
  readonly #packetBytesMax: number;
  readonly #access: ClientAccess;
  readonly #context: BrokerContext;
  readonly #writer: SocketWriter;
  /** The awaited acknowledgement of each unfinished delivery, by packet identifier; null until the first delivery. */
  #awaited: Map<number, AwaitedAck> | null = null;
  /** Deliveries that were skipped. */
  skipped = 0;
  /** Null if the client accepts no topic aliases. */
  readonly #topicAliases: OutgoingTopicAliases | null;

  constructor(
    connection: ConnectionId,
    version: number,
    client: ClientLimits,
    access: ClientAccess,
    context: BrokerContext,
    writer: SocketWriter,
  ) {
    this.#access = access;
    this.#connection = connection;
    this.#version = version;
    this.#packetBytesMax = client.packetBytesMax;
    const aliasMax = Math.min(client.topicAliasMaximum, context.limits.topicAliasMaximum);
    this.#topicAliases = aliasMax > 0 ? new OutgoingTopicAliases(aliasMax) : null;
    this.#context = context;
    this.#writer = writer;
  }

  /** Deliveries that the client has not acknowledged. */
  get inFlight(): number {
    return this.#awaited?.size ?? 0;
  }

  deliver(effect: DeliverEffect): void {
    const { topic } = effect.message;
    if (!this.#access.mayReceive(topic)) {
      this.#context.counters.deliveriesDenied++;
      this.#context.refusals.report('receive', this.#access.subject, { topic });
      return this.#skip(effect, 'not sent: no rule permits the client to receive the topic');
    }
    const encoded = this.#encode(effect);
    if (encoded === null) {
      this.#context.counters.deliveriesTooLarge++;
      return this.#skip(effect, 'not sent: the packet exceeds the Maximum Packet Size of the client');
    }
    if (effect.qos > 0) this.#await(effect.packetId, effect.qos === 1 ? 'puback' : 'pubrec');
    const { counters } = this.#context;
    counters.publishesSent[effect.qos]++;
    counters.publishBytesSent += effect.message.payload.length;
    if (this.#writer.tap !== null) this.#writer.tap.outgoingTopic = topic;
    this.#writer.add(encoded, effect.packetId);
  }

  /** Returns null if the packet exceeds the client's Maximum Packet Size [5.0 MQTT-3.1.2-24]. */
  #encode(effect: DeliverEffect): EncodedPacket | null {
    const aliased = this.#topicAliases === null ? null : this.#encodeWithAlias(effect, this.#topicAliases);
    if (aliased !== null) return aliased;
    const encoded = this.#context.encoder.encode(effect, this.#version);
    return encoded.bytes.length > this.#packetBytesMax ? null : encoded;
  }

  /** Returns null if the topic has no alias, or if the packet that introduces the alias is too large. */
  #encodeWithAlias(effect: DeliverEffect, aliases: OutgoingTopicAliases): EncodedPacket | null {
    const { topic } = effect.message;
    const known = aliases.known(topic);
    const alias = known > 0 ? known : aliases.free(topic);
    if (alias === 0) return null;
    const encoded = this.#context.encoder.encode(effect, this.#version, alias, known === 0);
    if (encoded.bytes.length > this.#packetBytesMax) return null;
    if (known === 0) aliases.assign(topic, alias);
    return encoded;
  }

  /** Skips a delivery and completes its exchange, as if the client had received it [MQTT-3.1.2-25]. */
  #skip(effect: DeliverEffect, decision: string): void {
    const { qos, packetId } = effect;
    this.skipped++;
    this.#writer.tap?.skipped(effect, decision);
    if (qos === 1) this.#input({ kind: 'puback', packetId });
    if (qos === 2) this.#input({ kind: 'pubrec', packetId, refused: true });
  }

  pubrel(packetId: number): void {
    this.#await(packetId, 'pubcomp');
    this.#writer.add(acknowledgements.pubrel, packetId);
  }

  acknowledge(effect: Extract<ClientEffect, { kind: 'puback' | 'pubrec' }>): void {
    const { kind, result, packetId } = effect;
    const { counters } = this.#context;
    if (result !== 'quotaExceeded') counters.acks[kind === 'puback' ? 1 : 2]++;
    if (effect.degraded === true) counters.degradedAcks++;
    if (result === 'quotaExceeded') this.refuse(kind, packetId, reasonCodes.quotaExceeded);
    else if (result === 'noSubscribers' && this.#version === 5) {
      this.#writer.add(unmatchedAcknowledgements[kind], packetId);
    } else this.#writer.add(acknowledgements[kind], packetId);
  }

  /** Rejects a publish of an MQTT 5 client with a negative PUBACK or PUBREC. */
  refuse(kind: 'puback' | 'pubrec', packetId: number, reasonCode: number): void {
    this.#writer.add(encodeAcknowledgement(kind, reasonCode), packetId);
  }

  /** Sends PUBREC again for a publish that the member has received. */
  repeatPubrec(packetId: number): void {
    this.#writer.add(acknowledgements.pubrec, packetId);
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
    this.#awaited?.delete(packetId);
    this.#input({ kind: 'puback', packetId });
  }

  /** @throws PacketError as {@link onPuback} does */
  onPubrec(packetId: number, reasonCode: number): void {
    // The client repeats PUBREC because it has not received PUBREL yet.
    if (this.#awaited?.get(packetId) === 'pubcomp') {
      this.#writer.add(acknowledgements.pubrel, packetId);
      return;
    }
    this.#expect(packetId, 'pubrec');
    if (reasonCode >= failureReasonCodeMin) {
      this.#awaited?.delete(packetId);
      this.#input({ kind: 'pubrec', packetId, refused: true });
    } else {
      this.#input({ kind: 'pubrec', packetId });
    }
  }

  /** @throws PacketError as {@link onPuback} does */
  onPubcomp(packetId: number): void {
    this.#expect(packetId, 'pubcomp');
    this.#awaited?.delete(packetId);
    this.#input({ kind: 'pubcomp', packetId });
  }

  #await(packetId: number, ack: AwaitedAck): void {
    this.#awaited ??= new Map();
    this.#awaited.set(packetId, ack);
  }

  #input(input: ClientInput): void {
    this.#context.port.input(this.#connection, input);
  }

  /**
   * Accepts an acknowledgement if this connection awaits none for its packet identifier: the delivery may
   * belong to an earlier connection, and the member checks it.
   */
  #expect(packetId: number, packet: AwaitedAck): void {
    const awaited = this.#awaited?.get(packetId);
    if (awaited !== undefined && awaited !== packet) {
      throw protocolError(`${packet} for an exchange that awaits ${awaited}`);
    }
  }
}
