import { adminTopicPrefix } from '@mqtt-cluster/contracts';
import type { ClientId, ConnectionId, PublishRequest, Subscription } from '@mqtt-cluster/contracts';
import type { BrokerContext } from '../context.ts';
import type { ByteReader } from '../codec/byte-reader.ts';
import { messageProperties } from '../codec/decode-connect.ts';
import {
  decodeAcknowledgement,
  decodePublish,
  decodeSubscribe,
  decodeUnsubscribe,
} from '../codec/decode-packets.ts';
import type { PublishPacket } from '../codec/decode-packets.ts';
import type { Outbound } from './outbound.ts';
import { malformed, PacketError, protocolError } from '../codec/packet-error.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import { topicFilterFault, topicNameFault } from '../codec/topic-validation.ts';
import type { TopicFault } from '../codec/topic-validation.ts';

/** Control packet types (MQTT 3.1.1, table 2.1) that a connected client may send to the guard. */
const types = {
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
} as const;

/** Payload bytes that weigh as much as one publish in the window of unacknowledged ones. */
const windowUnitBytes = 4_096;
const refusedSubscription = 0x80;

export interface InboundHost {
  readonly client: ClientId;
  readonly version: number;
  /** It may publish to the admin topics. */
  readonly administers: boolean;
  /** Stop reading the socket, or go on, because of unacknowledged publishes. */
  onWindow(full: boolean): void;
  /** A publish has come, for the rate limit. */
  onPublish(): void;
}

interface HeldFrame {
  readonly first: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A SUBSCRIBE of which some filters were refused here: where the member's codes go between them. */
interface PartlyRefused {
  readonly codes: (number | null)[];
}

/**
 * What one connected client publishes and subscribes to, strictly checked and handed to the member in
 * order.
 */
export class Inbound {
  readonly #connection: ConnectionId;
  readonly #host: InboundHost;
  readonly #context: BrokerContext;
  readonly #outbound: Outbound;
  readonly #reader: ByteReader;
  readonly #aliases = new Map<number, string>();
  /** QoS 2 packet ids between PUBLISH and PUBCOMP. */
  readonly #openQos2 = new Set<number>();
  #held: HeldFrame[] = [];
  #heldBytes = 0;
  /** What each unacknowledged QoS 1 publish weighs, in their order, which is that of their PUBACKs. */
  #weights: number[] = [];
  #weightsHead = 0;
  #weight = 0;
  #windowFull = false;
  readonly #partlyRefused = new Map<number, PartlyRefused>();

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
      (type === types.publish || type === types.subscribe || type === types.unsubscribe)
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
    if (type === types.publish) {
      const packet = decodePublish(reader, first, this.#host.version);
      if (!this.#mustWait(packet)) this.#publish(packet);
      else this.#hold({ first, bytes, start, end });
      return;
    }
    checkFlags(first);
    switch (type) {
      case types.puback:
        return this.#outbound.onPuback(decodeAcknowledgement(reader, this.#host.version).packetId);
      case types.pubrec: {
        const { packetId, reasonCode } = decodeAcknowledgement(reader, this.#host.version);
        return this.#outbound.onPubrec(packetId, reasonCode);
      }
      case types.pubrel:
        return this.#context.port.pubrel(
          this.#connection,
          decodeAcknowledgement(reader, this.#host.version).packetId,
        );
      case types.pubcomp:
        return this.#outbound.onPubcomp(decodeAcknowledgement(reader, this.#host.version).packetId);
      case types.subscribe: {
        const { packetId, subscriptions } = decodeSubscribe(reader, this.#host.version);
        return this.#subscribe(packetId, subscriptions);
      }
      case types.unsubscribe: {
        const { packetId, filters } = decodeUnsubscribe(reader, this.#host.version);
        for (const filter of filters) checkFilter(topicFilterFault(filter));
        return this.#context.port.unsubscribe(this.#connection, packetId, filters);
      }
      default:
        throw protocolError(`packet type ${type} from a client`);
    }
  }

  /**
   * A new QoS 2 publish beyond the window. MQTT 5 clients know the window (Receive Maximum); those of
   * 3.1.1 can't, so theirs wait, with what follows them, until PUBREL makes room.
   */
  #mustWait(packet: PublishPacket): boolean {
    if (packet.qos !== 2 || this.#openQos2.has(packet.packetId)) return false;
    if (this.#openQos2.size < this.#context.limits.receiveMaximum) return false;
    if (this.#host.version === 5) {
      throw new PacketError(reasonCodes.receiveMaximumExceeded, 'more QoS 2 publishes than Receive Maximum');
    }
    return true;
  }

  #hold(frame: HeldFrame): void {
    this.#held.push(frame);
    this.#heldBytes += frame.end - frame.start;
    if (this.#heldBytes > this.#context.limits.heldBytesMax) {
      throw new PacketError(reasonCodes.quotaExceeded, 'too many QoS 2 publishes beyond the window');
    }
  }

  /** @throws PacketError what was held may turn out to be malformed */
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

  /** DISCONNECT comes after all that waits; QoS 2 beyond the window is lost with it, unacknowledged. */
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
    const fault = command === null || this.#host.administers ? topicNameFault(topic) : 'reserved';
    if (fault === 'malformed') throw new PacketError(reasonCodes.topicNameInvalid, 'topic name');
    if (fault !== null || !(this.#context.options.authorizePublish?.(this.#host.client, topic) ?? true)) {
      this.#refusePublish(packet, fault);
      return;
    }
    // A repeat comes to the next home of a client whose member was told to drain: it must not drain that one as well.
    if (command !== null && !packet.dup && !this.#openQos2.has(packetId)) {
      this.#context.options.administration?.onCommand(command, payload);
    }
    // A command is for now, not for whoever subscribes later.
    const retain = packet.retain && command === null;
    const properties = packet.properties && messageProperties(packet.properties);
    if (qos === 1) this.#addWeight(payload.length);
    else if (qos === 2) this.#openQos2.add(packetId);
    const request: PublishRequest =
      qos === 0 ? { topic, payload, qos, retain } : { topic, payload, qos, retain, packetId };
    this.#context.port.publish(this.#connection, properties ? { ...request, properties } : request);
    this.#host.onPublish();
  }

  #topicOf(packet: PublishPacket): string {
    const alias = packet.properties?.topicAlias;
    if (alias === undefined) {
      if (packet.topic.length === 0) throw protocolError('PUBLISH without a topic'); // [MQTT-4.7.3-1]
      return packet.topic;
    }
    if (alias === 0 || alias > this.#context.limits.topicAliasMaximum) {
      throw new PacketError(reasonCodes.topicAliasInvalid, `topic alias ${alias}`); // [MQTT-3.3.2-8, -9]
    }
    if (packet.topic.length > 0) {
      this.#aliases.set(alias, packet.topic);
      return packet.topic;
    }
    const topic = this.#aliases.get(alias);
    if (topic === undefined) throw protocolError(`topic alias ${alias} stands for nothing yet`);
    return topic;
  }

  /** 3.1.1 can only acknowledge or close [MQTT-3.3.5-2], and an acknowledgement would be a promise. */
  #refusePublish(packet: PublishPacket, fault: TopicFault | null): void {
    this.#context.counters.publishRefusals[fault === null ? 'not_authorized' : 'topic']++;
    const reasonCode = fault === 'tooManyLevels' ? reasonCodes.topicNameInvalid : reasonCodes.notAuthorized;
    if (this.#host.version < 5) throw new PacketError(reasonCode, 'publish refused');
    if (packet.qos > 0)
      this.#outbound.refuse(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId, reasonCode);
  }

  #addWeight(payloadBytes: number): void {
    const weight = 1 + Math.floor(payloadBytes / windowUnitBytes);
    this.#weights.push(weight);
    this.#weight += weight;
    if (!this.#windowFull && this.#weight >= this.#context.limits.unacknowledgedMax) {
      this.#windowFull = true;
      this.#host.onWindow(true);
    }
  }

  /** The member has answered a QoS 1 publish. */
  onPubackSent(): void {
    this.#weight -= this.#weights[this.#weightsHead] ?? 0;
    this.#weightsHead++;
    if (this.#weightsHead === this.#weights.length) {
      this.#weights = [];
      this.#weightsHead = 0;
    }
    if (this.#windowFull && this.#weight <= this.#context.limits.unacknowledgedMax / 2) {
      this.#windowFull = false;
      this.#host.onWindow(false);
    }
  }

  /** A QoS 2 publish is over: released, or refused. @throws PacketError */
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
        codes.map((code) => code ?? refusedSubscription),
      );
      return;
    }
    if (allowed.length < subscriptions.length) this.#partlyRefused.set(packetId, { codes });
    this.#context.port.subscribe(this.#connection, packetId, allowed);
  }

  #refusalCode(fault: TopicFault | null): number {
    if (this.#host.version < 5) return refusedSubscription; // [MQTT-3.9.3-2]
    return fault === 'tooManyLevels' ? reasonCodes.topicFilterInvalid : reasonCodes.notAuthorized;
  }

  /** The member's codes, with those of filters refused here in their places [MQTT-3.8.4-5]. */
  subackCodes(packetId: number, granted: readonly number[]): readonly number[] {
    const partlyRefused = this.#partlyRefused.get(packetId);
    if (!partlyRefused) return granted;
    this.#partlyRefused.delete(packetId);
    let next = 0;
    return partlyRefused.codes.map((code) => code ?? granted[next++] ?? refusedSubscription);
  }
}

/** Null for a topic that is none of a command. */
function adminCommandOf(topic: string): string | null {
  return topic.startsWith(adminTopicPrefix) ? topic.slice(adminTopicPrefix.length) : null;
}

/** [MQTT-2.2.2-2], in MQTT 5 [MQTT-2.1.3-1]: reserved flags. */
function checkFlags(first: number): void {
  const type = first >> 4;
  const required = type === types.pubrel || type === types.subscribe || type === types.unsubscribe ? 2 : 0;
  if ((first & 0x0f) !== required) throw malformed('reserved flags');
}

function checkFilter(fault: TopicFault | null): TopicFault | null {
  if (fault === 'malformed') throw new PacketError(reasonCodes.topicFilterInvalid, 'topic filter');
  return fault;
}
