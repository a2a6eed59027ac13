import { adminTopicPrefix } from '@mqtt-cluster/contracts';
import type { ConnectionId, PublishRequest } from '@mqtt-cluster/contracts';
import {
  decodeAcknowledgement,
  decodePublish,
  decodeSubscribe,
  decodeUnsubscribe,
} from '../codec/decode-packets.ts';
import type { PublishPacket } from '../codec/decode-packets.ts';
import { copyOf } from '../codec/frame-reader.ts';
import { malformed, PacketError, protocolError } from '../codec/packet-error.ts';
import { messageProperties } from '../codec/properties.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import { topicNameFault } from '../codec/topic-validation.ts';
import type { TopicFault } from '../codec/topic-validation.ts';
import type { BrokerContext } from '../context.ts';
import type { ConnectionTap } from '../trace/connection-tap.ts';
import type { ClientAccess } from './client-access.ts';
import { IncomingExchanges } from './incoming-exchanges.ts';
import type { Outbound } from './outbound.ts';
import { PublishWindow } from '../flow-control/publish-window.ts';
import { Subscriptions } from './subscriptions.ts';
import { TopicAliases } from './topic-aliases.ts';

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

export interface InboundHost {
  readonly version: number;
  /** True if the client is a bridge of another broker. */
  readonly isBridge: boolean;
  /** The client's Maximum Packet Size, bytes. */
  readonly packetBytesMax: number;
  readonly access: ClientAccess;
  /** Receives the packets while a trace runs. */
  readonly tap: ConnectionTap | null;
  onPublishWindow(full: boolean): void;
  /** Reports a received publish, for the rate limits. `bytes`: topic and payload. */
  onPublish(bytes: number): void;
  /** Reports that a QoS 0 publish was rejected or dropped. */
  onQos0Refused(reasonCode: number): void;
  /** Reports the memory of the packets that wait for the QoS 2 window, bytes. */
  onHeld(bytes: number): void;
  /** Reports the payloads of the large publishes that the member has not answered, bytes. */
  onUnanswered(bytes: number): void;
}

/** Memory of a held frame beside its bytes. */
const heldFrameOverheadBytes = 256;

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
  readonly #topicAliases: TopicAliases;
  readonly #publishWindow: PublishWindow;
  readonly #subscriptions: Subscriptions;
  readonly #openQos2 = new IncomingExchanges();
  /** Packets that wait for room in the QoS 2 window. */
  #held: HeldFrame[] = [];
  #heldBytes = 0;
  /** Payload bytes of the large publishes that the member has not answered, as last reported. */
  #unansweredBytes = 0;

  constructor(connection: ConnectionId, host: InboundHost, context: BrokerContext, outbound: Outbound) {
    this.#connection = connection;
    this.#host = host;
    this.#context = context;
    this.#outbound = outbound;
    const { topicAliasMaximum, unacknowledgedMax } = context.limits;
    this.#topicAliases = new TopicAliases(topicAliasMaximum);
    this.#publishWindow = new PublishWindow(unacknowledgedMax, host);
    this.#subscriptions = new Subscriptions(connection, host, context, outbound);
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
    const { reader } = this.#context;
    reader.reset(bytes, start, end);
    const type = first >> 4;
    if (type === packetTypes.publish) {
      const packet = decodePublish(reader, first, this.#host.version);
      if (!this.#mustWait(packet)) this.#publish(packet);
      else this.#hold({ first, bytes, start, end });
      return;
    }
    // MQTT 3.1 uses no flags here, but allows DUP in PUBREL, SUBSCRIBE and UNSUBSCRIBE.
    if (this.#host.version > 3) checkFlags(first);
    switch (type) {
      case packetTypes.puback:
        return this.#outbound.onPuback(decodeAcknowledgement(reader, this.#host.version, 'receipt').packetId);
      case packetTypes.pubrec: {
        const { packetId, reasonCode } = decodeAcknowledgement(reader, this.#host.version, 'receipt');
        return this.#outbound.onPubrec(packetId, reasonCode);
      }
      case packetTypes.pubrel: {
        const { packetId } = decodeAcknowledgement(reader, this.#host.version, 'release');
        this.#openQos2.onPubrel(packetId);
        return this.#context.port.input(this.#connection, { kind: 'pubrel', packetId });
      }
      case packetTypes.pubcomp:
        return this.#outbound.onPubcomp(
          decodeAcknowledgement(reader, this.#host.version, 'release').packetId,
        );
      case packetTypes.subscribe: {
        const { packetId, subscriptions } = decodeSubscribe(reader, this.#host.version);
        return this.#subscriptions.subscribe(packetId, subscriptions);
      }
      case packetTypes.unsubscribe: {
        const { packetId, filters } = decodeUnsubscribe(reader, this.#host.version);
        return this.#subscriptions.unsubscribe(packetId, filters);
      }
      default:
        throw protocolError(`a client may not send packet type ${type}`);
    }
  }

  /**
   * Returns whether a new QoS 2 publish exceeds the window and must wait. An MQTT 5 client that exceeds the
   * window violates Receive Maximum. An MQTT 3.1.1 client does not receive the size of the window: its
   * publish, and all later packets, wait until PUBREL makes room.
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
    this.#host.tap?.decided('waits for room in the QoS 2 window');
    this.#held.push(withOwnMemory(frame));
    this.#heldBytes += frame.end - frame.start + heldFrameOverheadBytes;
    this.#host.onHeld(this.#heldBytes);
    if (this.#heldBytes > this.#context.limits.heldBytesMax) {
      throw new PacketError(
        reasonCodes.quotaExceeded,
        'too many bytes of QoS 2 publishes wait for the window',
      );
    }
  }

  /**
   * Handles the held packets until the window is full again. With `regardless`, handles all held packets.
   *
   * @throws PacketError if a held packet is malformed
   */
  #releaseHeld(regardless: boolean): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    this.#host.onHeld(0);
    for (const [index, frame] of held.entries()) {
      this.#handle(frame.first, frame.bytes, frame.start, frame.end);
      if (this.#held.length > 0 && !regardless) {
        for (const later of held.slice(index + 1)) this.#hold(later);
        return;
      }
    }
  }

  /**
   * Handles all held packets, because they precede DISCONNECT. A QoS 2 publish that still exceeds the window
   * is dropped without an acknowledgement.
   */
  onDisconnect(): void {
    this.#releaseHeld(true);
  }

  #publish(packet: PublishPacket): void {
    const { counters } = this.#context;
    counters.publishesReceived[packet.qos]++;
    counters.publishBytesReceived += packet.payload.length;
    const topic = this.#topicAliases.resolve(packet);
    const { tap } = this.#host;
    if (tap !== null) tap.resolved(topic);
    const { qos, packetId, payload } = packet;
    const command = adminCommandOf(topic);
    const fault = command === null || this.#mayRun(command) ? topicNameFault(topic) : 'reserved';
    if (fault === 'malformed') {
      throw malformed('the topic name is malformed');
    }
    const isPermitted =
      fault === null && (command !== null || this.#host.access.mayPublish(topic, qos, packet.retain));
    if (!isPermitted) {
      if (fault !== null || !this.#answerRepetition(packet)) {
        tap?.decided(
          fault === null ? 'rejected: no rule permits the topic' : `rejected: the topic is ${fault}`,
        );
        this.#rejectPublish(packet, topic, fault);
      } else tap?.decided('repetition of a publish that the member has accepted');
      return;
    }
    // Do not run a retransmitted command. A drain command disconnects the client that sent it, and the client
    // retransmits the command to its next home, which must not drain as well.
    if (command !== null && !packet.dup && !this.#openQos2.has(packetId)) {
      this.#context.options.administration?.onCommand(command, payload, this.#host.access.subject);
    }
    // An admin command must not be retained: a later subscriber would receive an old command.
    const retain = packet.retain && command === null;
    if (qos === 0 && this.#context.clientLimits.memoryPressure === 'dropQos0') {
      counters.droppedForMemory++;
      tap?.decided('dropped: the process of the member uses too much memory');
      this.#host.onQos0Refused(reasonCodes.quotaExceeded);
      return;
    }
    if (qos > 0 && this.#context.clientLimits.refusesPublishes && command === null) {
      return this.#refuseForMemory(packet);
    }
    const properties = packet.properties && messageProperties(packet.properties);
    if (qos === 1) this.#publishWindow.add(payload.length);
    else if (qos === 2) this.#openQos2.onPublish(packetId, payload.length);
    const base: PublishRequest =
      qos === 0 ? { topic, payload, qos, retain } : { topic, payload, qos, retain, packetId };
    const request = properties ? { ...base, properties } : base;
    this.#context.port.input(this.#connection, { kind: 'publish', request });
    this.#host.onPublish(payload.length + topic.length);
    this.countUnanswered();
  }

  /**
   * Reports the bytes of the large publishes that the member has not answered. The QoS 2 publishes of an isolated
   * member do not count: they wait until it has a majority again, and a client that is not read for so long can publish
   * nothing else and gets no PINGRESP. The bound of the commands that wait in the member limits them.
   */
  countUnanswered(): void {
    const qos2Bytes = this.#context.clientLimits.isIsolated ? 0 : this.#openQos2.largeBytes;
    const bytes = this.#publishWindow.largeBytes + qos2Bytes;
    if (bytes === this.#unansweredBytes) return;
    this.#unansweredBytes = bytes;
    this.#host.onUnanswered(bytes);
  }

  /** The rules do not apply to the admin topics: the role of the client decides. */
  #mayRun(command: string): boolean {
    const { administration } = this.#context.options;
    const { role } = this.#host.access.subject;
    if (administration === undefined || role === undefined) return false;
    return administration.mayRun?.(command, role) ?? role !== 'viewer';
  }

  /**
   * Answers a publish that the rules deny if it repeats a publish that they permitted. The member has accepted that
   * one: a rejection would free the packet identifier for the client only, and the next publish with it would pass for
   * a repetition. The content is not passed on, because a client may put another topic into it. Returns false if the
   * publish is no repetition.
   */
  #answerRepetition({ qos, packetId }: PublishPacket): boolean {
    const state = qos === 2 ? this.#openQos2.repeated(packetId) : null;
    if (state === 'received') this.#outbound.repeatPubrec(packetId);
    // In the state `sent`, the PUBREC of the first PUBLISH answers both.
    return state !== null;
  }

  /**
   * Rejects a publish. For MQTT 3.1.1 the guard closes the connection, because there is no negative
   * acknowledgement, and a positive acknowledgement would promise a delivery [MQTT-3.3.5-2].
   */
  #rejectPublish(packet: PublishPacket, topic: string, fault: TopicFault | null): void {
    const { qos, retain } = packet;
    this.#context.refusals.report('publish', this.#host.access.subject, { topic, qos, retain });
    this.#context.counters.publishRefusals[fault === null ? 'not_authorized' : 'topic']++;
    const reasonCode = fault === 'tooManyLevels' ? reasonCodes.topicNameInvalid : reasonCodes.notAuthorized;
    if (this.#host.version < 5)
      throw new PacketError(
        reasonCode,
        fault === null ? 'the client may not publish to this topic' : `the topic is rejected: ${fault}`,
      );
    if (qos === 0) this.#host.onQos0Refused(reasonCode);
    else this.#outbound.refuse(qos === 1 ? 'puback' : 'pubrec', packet.packetId, reasonCode);
  }

  /** Rejects a publish that would enlarge the replicated state, unless it repeats a publish that the member has accepted. */
  #refuseForMemory(packet: PublishPacket): void {
    if (this.#answerRepetition(packet)) return;
    this.#context.counters.publishRefusals.quota++;
    this.#host.tap?.decided('rejected: the process of the member uses too much memory');
    if (this.#host.version < 5) {
      throw new PacketError(reasonCodes.quotaExceeded, 'the process of the member uses too much memory');
    }
    const kind = packet.qos === 1 ? 'puback' : 'pubrec';
    this.#outbound.refuse(kind, packet.packetId, reasonCodes.quotaExceeded);
  }

  /** The member has acknowledged or rejected a QoS 1 publish. */
  onPubackSent(): void {
    this.#publishWindow.removeOldest();
    this.countUnanswered();
  }

  onPubrecSent(packetId: number): void {
    this.#openQos2.onPubrec(packetId);
    this.countUnanswered();
  }

  /**
   * A QoS 2 exchange has ended with PUBCOMP or a rejection.
   *
   * @throws PacketError if a packet that waited for the window is malformed
   */
  onQos2Done(packetId: number): void {
    this.#openQos2.onEnd(packetId);
    this.countUnanswered();
    this.#releaseHeld(false);
  }

  /** Returns the codes of a SUBACK, given the codes of the filters that the member received. */
  subackCodes(packetId: number, granted: readonly number[]): readonly number[] {
    return this.#subscriptions.subackCodes(packetId, granted);
  }
}

/** Returns a frame that does not keep the memory of the packets around it. */
function withOwnMemory(frame: HeldFrame): HeldFrame {
  const { first, bytes, start, end } = frame;
  const length = end - start;
  if (length * 2 >= bytes.buffer.byteLength) return frame;
  return { first, bytes: copyOf(bytes.subarray(start, end)), start: 0, end: length };
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
