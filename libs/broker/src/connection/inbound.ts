import { adminTopicPrefix } from '@mqtt-cluster/contracts';
import type { ClientId, ConnectionId, PublishRequest, Subscription } from '@mqtt-cluster/contracts';
import type { BrokerContext } from '../context.ts';
import type { ByteReader } from '../codec/byte-reader.ts';
import {
  decodeAcknowledgement,
  decodePublish,
  decodeSubscribe,
  decodeUnsubscribe,
} from '../codec/decode-packets.ts';
import type { PublishPacket } from '../codec/decode-packets.ts';
import type { Outbound } from './outbound.ts';
import { malformed, PacketError, protocolError } from '../codec/packet-error.ts';
import { messageProperties } from '../codec/properties.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import { topicFilterFault, topicNameFault } from '../codec/topic-validation.ts';
import type { TopicFault } from '../codec/topic-validation.ts';

/** Control packet types (MQTT 3.1.1, table 2.1) that this class handles. */
const packetTypes = {
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
} as const;

/** A QoS 1 publish weighs 1 in the publish window, plus 1 for each of these payload bytes. */
const publishWeightBytes = 4_096;
/** SUBACK code of a failure in MQTT 3.1.1 (3.9.3). */
const subackFailure = 0x80;

export interface InboundHost {
  readonly client: ClientId;
  readonly version: number;
  /** The client may publish to the admin topics. */
  readonly isAdministrator: boolean;
  /** Asks to pause reading (true) or to resume (false), depending on the unacknowledged publishes. */
  onPublishWindow(full: boolean): void;
  /** Reports a publish, for the rate limit. */
  onPublish(): void;
}

interface HeldFrame {
  readonly first: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * Handles the packets of one connected client: decodes each packet strictly, checks it, and passes it to the
 * member in order.
 */
export class Inbound {
  readonly #connection: ConnectionId;
  readonly #host: InboundHost;
  readonly #context: BrokerContext;
  readonly #outbound: Outbound;
  readonly #reader: ByteReader;
  readonly #topicAliases = new Map<number, string>();
  /** Packet identifiers of QoS 2 publishes between PUBLISH and PUBCOMP. */
  readonly #openQos2 = new Set<number>();
  /** Packets that wait for room in the QoS 2 window. */
  #held: HeldFrame[] = [];
  #heldBytes = 0;
  /** Weights of the unacknowledged QoS 1 publishes, in the order of their PUBACKs. */
  #weights: number[] = [];
  #weightsHead = 0;
  #weight = 0;
  #windowFull = false;
  /**
   * SUBACK codes of each SUBSCRIBE that the guard rejected in part, by packet identifier. Null stands for a
   * code that the member decides.
   */
  readonly #partialSubacks = new Map<number, readonly (number | null)[]>();

  constructor(
    connection: ConnectionId,
    host: InboundHost,
    context: BrokerContext,
    outbound: Outbound,
    reader: ByteReader,
  ) {
    this.#connection = connection;
    this.#host = host;
    this.#context = context;
    this.#outbound = outbound;
    this.#reader = reader;
  }

  /** @throws PacketError */
  onFrame(first: number, bytes: Buffer, start: number, end: number): void {
    const type = first >> 4;
    if (
      this.#held.length > 0 &&
      (type === packetTypes.publish || type === packetTypes.subscribe || type === packetTypes.unsubscribe)
    ) {
      this.#hold({ first, bytes, start, end });
      return;
    }
    this.#handle(first, bytes, start, end);
  }

  #handle(first: number, bytes: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    const type = first >> 4;
    if (type === packetTypes.publish) {
      const packet = decodePublish(reader, first, this.#host.version);
      if (!this.#mustWait(packet)) this.#publish(packet);
      else this.#hold({ first, bytes, start, end });
      return;
    }
    checkFlags(first);
    switch (type) {
      case packetTypes.puback:
        return this.#outbound.onPuback(decodeAcknowledgement(reader, this.#host.version).packetId);
      case packetTypes.pubrec: {
        const { packetId, reasonCode } = decodeAcknowledgement(reader, this.#host.version);
        return this.#outbound.onPubrec(packetId, reasonCode);
      }
      case packetTypes.pubrel:
        return this.#context.port.input(this.#connection, {
          kind: 'pubrel',
          packetId: decodeAcknowledgement(reader, this.#host.version).packetId,
        });
      case packetTypes.pubcomp:
        return this.#outbound.onPubcomp(decodeAcknowledgement(reader, this.#host.version).packetId);
      case packetTypes.subscribe: {
        const { packetId, subscriptions } = decodeSubscribe(reader, this.#host.version);
        return this.#subscribe(packetId, subscriptions);
      }
      case packetTypes.unsubscribe: {
        const { packetId, filters } = decodeUnsubscribe(reader, this.#host.version);
        for (const filter of filters) checkFilter(topicFilterFault(filter));
        return this.#context.port.input(this.#connection, { kind: 'unsubscribe', packetId, filters });
      }
      default:
        throw protocolError(`a client may not send packet type ${type}`);
    }
  }

  /**
   * Returns whether a new QoS 2 publish exceeds the window. An MQTT 5 client violates Receive Maximum then. An
   * MQTT 3.1.1 client does not learn the window: its publish, and all later packets, wait until PUBREL makes
   * room.
   */
  #mustWait(packet: PublishPacket): boolean {
    if (packet.qos !== 2 || this.#openQos2.has(packet.packetId)) return false;
    if (this.#openQos2.size < this.#context.limits.receiveMaximum) return false;
    if (this.#host.version === 5) {
      throw new PacketError(
        reasonCodes.receiveMaximumExceeded,
        'the client sent more QoS 2 publishes than Receive Maximum',
      );
    }
    return true;
  }

  #hold(frame: HeldFrame): void {
    this.#held.push(frame);
    this.#heldBytes += frame.end - frame.start;
    if (this.#heldBytes > this.#context.limits.heldBytesMax) {
      throw new PacketError(
        reasonCodes.quotaExceeded,
        'too many bytes of QoS 2 publishes wait for the window',
      );
    }
  }

  /**
   * Handles the held packets until the window is full again, or, with `regardless`, all of them.
   *
   * @throws PacketError if a held packet is malformed
   */
  #releaseHeld(regardless: boolean): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const [index, frame] of held.entries()) {
      this.#handle(frame.first, frame.bytes, frame.start, frame.end);
      if (this.#held.length > 0 && !regardless) {
        for (const later of held.slice(index + 1)) this.#hold(later);
        return;
      }
    }
  }

  /**
   * Handles all held packets, because they precede DISCONNECT. A QoS 2 publish that still exceeds the window is
   * dropped without an acknowledgement.
   */
  onDisconnect(): void {
    this.#releaseHeld(true);
  }

  #publish(packet: PublishPacket): void {
    const { counters } = this.#context;
    counters.publishesReceived[packet.qos]++;
    counters.publishBytesReceived += packet.payload.length;
    const topic = this.#topicOf(packet);
    const { qos, packetId, payload } = packet;
    const command = adminCommandOf(topic);
    const fault = command === null || this.#host.isAdministrator ? topicNameFault(topic) : 'reserved';
    if (fault === 'malformed')
      throw new PacketError(reasonCodes.topicNameInvalid, 'the topic name is malformed');
    if (fault !== null || !(this.#context.options.authorizePublish?.(this.#host.client, topic) ?? true)) {
      this.#refusePublish(packet, fault);
      return;
    }
    // A drain command disconnects its own client, which repeats the command at its next home. That home must
    // not drain as well.
    if (command !== null && !packet.dup && !this.#openQos2.has(packetId)) {
      this.#context.options.administration?.onCommand(command, payload);
    }
    // An admin command must not run again for a later subscriber.
    const retain = packet.retain && command === null;
    const properties = packet.properties && messageProperties(packet.properties);
    if (qos === 1) this.#addWeight(payload.length);
    else if (qos === 2) this.#openQos2.add(packetId);
    const base: PublishRequest =
      qos === 0 ? { topic, payload, qos, retain } : { topic, payload, qos, retain, packetId };
    const request = properties ? { ...base, properties } : base;
    this.#context.port.input(this.#connection, { kind: 'publish', request });
    this.#host.onPublish();
  }

  #topicOf(packet: PublishPacket): string {
    const alias = packet.properties?.topicAlias;
    if (alias === undefined) {
      if (packet.topic.length === 0) throw protocolError('PUBLISH has neither a topic nor a topic alias'); // [MQTT-4.7.3-1]
      return packet.topic;
    }
    if (alias === 0 || alias > this.#context.limits.topicAliasMaximum) {
      throw new PacketError(reasonCodes.topicAliasInvalid, `topic alias ${alias} is out of range`); // [MQTT-3.3.2-8, -9]
    }
    if (packet.topic.length > 0) {
      this.#topicAliases.set(alias, packet.topic);
      return packet.topic;
    }
    const topic = this.#topicAliases.get(alias);
    if (topic === undefined) throw protocolError(`topic alias ${alias} has no topic yet`);
    return topic;
  }

  /**
   * MQTT 3.1.1 has no negative acknowledgement, and a positive one would promise a delivery: the guard closes
   * the connection [MQTT-3.3.5-2].
   */
  #refusePublish(packet: PublishPacket, fault: TopicFault | null): void {
    this.#context.counters.publishRefusals[fault === null ? 'not_authorized' : 'topic']++;
    const reasonCode = fault === 'tooManyLevels' ? reasonCodes.topicNameInvalid : reasonCodes.notAuthorized;
    if (this.#host.version < 5) throw new PacketError(reasonCode, 'publish rejected');
    if (packet.qos > 0)
      this.#outbound.refuse(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId, reasonCode);
  }

  #addWeight(payloadBytes: number): void {
    const weight = 1 + Math.floor(payloadBytes / publishWeightBytes);
    this.#weights.push(weight);
    this.#weight += weight;
    if (!this.#windowFull && this.#weight >= this.#context.limits.unacknowledgedMax) {
      this.#windowFull = true;
      this.#host.onPublishWindow(true);
    }
  }

  /** The member has acknowledged or rejected a QoS 1 publish. */
  onPubackSent(): void {
    this.#weight -= this.#weights[this.#weightsHead] ?? 0;
    this.#weightsHead++;
    if (this.#weightsHead === this.#weights.length) {
      this.#weights = [];
      this.#weightsHead = 0;
    }
    if (this.#windowFull && this.#weight <= this.#context.limits.unacknowledgedMax / 2) {
      this.#windowFull = false;
      this.#host.onPublishWindow(false);
    }
  }

  /**
   * A QoS 2 exchange has ended with PUBCOMP or a rejection.
   *
   * @throws PacketError if a packet that waited for the window is malformed
   */
  onQos2Done(packetId: number): void {
    this.#openQos2.delete(packetId);
    this.#releaseHeld(false);
  }

  #subscribe(packetId: number, subscriptions: readonly Subscription[]): void {
    const allowed: Subscription[] = [];
    const codes: (number | null)[] = [];
    for (const subscription of subscriptions) {
      const fault = checkFilter(topicFilterFault(subscription.filter));
      const authorized =
        this.#context.options.authorizeSubscribe?.(this.#host.client, subscription.filter) ?? true;
      if (fault === null && authorized) {
        allowed.push(subscription);
        codes.push(null);
      } else {
        codes.push(this.#refusalCode(fault));
      }
    }
    if (allowed.length === 0) {
      this.#outbound.suback(
        packetId,
        codes.map((code) => code ?? subackFailure),
      );
      return;
    }
    if (allowed.length < subscriptions.length) this.#partialSubacks.set(packetId, codes);
    this.#context.port.input(this.#connection, { kind: 'subscribe', packetId, subscriptions: allowed });
  }

  #refusalCode(fault: TopicFault | null): number {
    if (this.#host.version < 5) return subackFailure; // [MQTT-3.9.3-2]
    return fault === 'tooManyLevels' ? reasonCodes.topicFilterInvalid : reasonCodes.notAuthorized;
  }

  /** Merges the member's codes with those of filters that the guard rejected [MQTT-3.8.4-5]. */
  subackCodes(packetId: number, granted: readonly number[]): readonly number[] {
    const codes = this.#partialSubacks.get(packetId);
    if (!codes) return granted;
    this.#partialSubacks.delete(packetId);
    let next = 0;
    return codes.map((code) => code ?? granted[next++] ?? subackFailure);
  }
}

/** Returns the command of an admin topic, or null for another topic. */
function adminCommandOf(topic: string): string | null {
  return topic.startsWith(adminTopicPrefix) ? topic.slice(adminTopicPrefix.length) : null;
}

/** Checks the reserved flags of the fixed header [MQTT-2.2.2-2], in MQTT 5 [MQTT-2.1.3-1]. */
function checkFlags(first: number): void {
  const type = first >> 4;
  const required =
    type === packetTypes.pubrel || type === packetTypes.subscribe || type === packetTypes.unsubscribe ? 2 : 0;
  if ((first & 0x0f) !== required) throw malformed('reserved flags of the fixed header are wrong');
}

function checkFilter(fault: TopicFault | null): TopicFault | null {
  if (fault === 'malformed')
    throw new PacketError(reasonCodes.topicFilterInvalid, 'the topic filter is malformed');
  return fault;
}
