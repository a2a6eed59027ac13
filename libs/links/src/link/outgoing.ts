import type { ClientInput, DeliverEffect, LinkDefinition, QoS } from '@mqtt-cluster/contracts';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { hopsOf, toRemote } from '../remote/properties.ts';
import { reasonText } from '../remote/reasons.ts';
import { TopicMap } from '../topics/topic-map.ts';
import { shownTopic } from '../topics/topic-names.ts';
import type { LinkCounters, LinkDropReason } from '../types.ts';

/** Reason codes of MQTT 5 from this value on mean a failure. */
const failureCodeMin = 0x80;
/**
 * Connections in a row that the other broker ends while it has not acknowledged the one message that is in flight. Then
 * the message is dropped: 3.1.1 has no other way to refuse it. More attempts delay the messages behind it for longer.
 */
export const fruitlessConnectionsMax = 5;
/** Fruitless connections after which the first message is sent alone. */
const fruitlessBeforeAlone = 2;
/** Bytes of the header of a PUBLISH without its topic, properties and payload. */
const headerBytesMax = 16;

/** What the other broker accepts, from its CONNACK. */
export interface RemoteLimits {
  readonly sessionPresent: boolean;
  readonly receiveMaximum: number;
  readonly qosMax: QoS;
  readonly packetBytesMax: number;
  readonly retains: boolean;
}

export interface OutgoingOptions {
  readonly definition: LinkDefinition;
  /** The mark of this link in the messages that pass it. */
  readonly mark: string;
  /** Client id whose messages the link has received from the other broker. */
  readonly echoOf: string;
  readonly counters: LinkCounters;
  /** Passes an acknowledgement of the other broker to the session of the cluster. */
  readonly acknowledge: (input: ClientInput) => void;
  /** Sends a packet to the other broker. */
  readonly send: (packet: Packet) => void;
  readonly isSlow: () => boolean;
  readonly onFault: (text: string) => void;
  readonly now: () => number;
}

/**
 * `waiting`: not sent on this connection. `sent`: PUBLISH is sent. `received`: PUBREC is with the cluster. `released`:
 * PUBREL is sent.
 */
type Phase = 'waiting' | 'sent' | 'received' | 'released';

interface Pending {
  readonly packetId: number;
  /** The QoS of the exchange with the cluster. */
  readonly localQos: QoS;
  /** Null: this process has only the PUBREL of the exchange. */
  readonly packet: IPublishPacket | null;
  readonly sinceMs: number;
  phase: Phase;
  /** True if this process or the one before it may have sent the message. */
  wasSent: boolean;
}

/**
 * Sends the messages of the link's session to the other broker. The exchange with the cluster and the one with the other
 * broker have the same packet ids, and the cluster replicates these ids and the progress of QoS 2. So another member
 * continues each exchange where this one has ended: QoS 2 is exactly once while the other broker keeps its session.
 */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #map: TopicMap;
  /** In the order in which the cluster delivered the messages. */
  readonly #pending = new Map<number, Pending>();
  #limits: RemoteLimits | null = null;
  #hasProgress = false;
  /** Connections in a row without an acknowledgement, although a message was sent. */
  #fruitless = 0;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#map = new TopicMap(options.definition.rules, 'out');
  }

  /** Time since the cluster delivered the oldest message without an acknowledgement, ms. */
  get lagMs(): number {
    for (const { sinceMs } of this.#pending.values()) return this.#options.now() - sinceMs;
    return 0;
  }

  // ---- the cluster ----

  onDeliver(effect: DeliverEffect): void {
    const { definition, counters, echoOf } = this.#options;
    const { message } = effect;
    if (message.publisher === echoOf) return this.#skip(effect, null);
    if (hopsOf(message.properties) >= definition.hopsMax) return this.#skip(effect, 'loop');
    const mapped = this.#map.map(message.topic);
    if (mapped === null) return this.#skip(effect, 'unmapped');
    if (mapped.fault !== null) {
      this.#options.onFault(
        `message on ${shownTopic(message.topic)} dropped: ` +
          `the rule makes a topic that other brokers do not accept: ${mapped.fault}`,
      );
      return this.#skip(effect, 'unmapped');
    }
    const qos = Math.min(effect.qos, mapped.rule.qosMax) as QoS;
    const packet: IPublishPacket = {
      cmd: 'publish',
      topic: mapped.topic,
      payload: Buffer.from(message.payload.buffer, message.payload.byteOffset, message.payload.byteLength),
      qos,
      dup: false,
      retain: effect.retain && mapped.rule.retained === 'live',
      ...(definition.protocol === '5.0' && {
        properties: toRemote(message.properties, this.#options.mark, effect.expirySeconds),
      }),
    };
    if (effect.qos === 0) return this.#sendUnacknowledged(packet);
    if (qos === 0) {
      // The rule lowers the QoS, so the other broker does not acknowledge the message.
      this.#finish(effect);
      return this.#sendUnacknowledged(packet);
    }
    const { packetId } = effect;
    packet.messageId = packetId;
    const fault = this.#faultOf(packet);
    if (fault !== null) {
      counters.dropped.too_large++;
      this.#options.onFault(fault);
      return this.#finish(effect);
    }
    this.#pending.set(packetId, {
      packetId,
      localQos: effect.qos,
      packet,
      sinceMs: this.#options.now(),
      phase: 'waiting',
      wasSent: effect.dup,
    });
    this.#pump();
  }

  /** The cluster has the PUBREC of a QoS 2 message. */
  onPubrel(packetId: number): void {
    let pending = this.#pending.get(packetId);
    if (pending === undefined) {
      const sinceMs = this.#options.now();
      pending = { packetId, localQos: 2, packet: null, sinceMs, phase: 'received', wasSent: true };
      this.#pending.set(packetId, pending);
    }
    const hasExchange = pending.packet === null || pending.packet.qos === 2;
    if (!hasExchange || (this.#limits !== null && this.#limits.qosMax < 2)) return this.#complete(pending);
    pending.phase = 'released';
    if (this.#limits !== null) this.#release(pending);
  }

  // ---- the other broker ----

  onConnected(limits: RemoteLimits): void {
    this.#limits = limits;
    this.#hasProgress = false;
    for (const pending of [...this.#pending.values()]) {
      if (pending.phase === 'released') this.#release(pending);
      else if (pending.phase === 'sent') pending.phase = 'waiting';
    }
    this.#pump();
  }

  /** @param byRemote true if the other broker has ended the connection */
  onDisconnected(byRemote: boolean): void {
    if (this.#limits === null) return;
    this.#limits = null;
    if (!byRemote) return;
    const first = this.#first((each) => each.phase === 'sent');
    if (this.#hasProgress || first === undefined) this.#fruitless = 0;
    else if (++this.#fruitless >= fruitlessConnectionsMax) {
      this.#fruitless = 0;
      this.#options.counters.dropped.refused++;
      this.#options.onFault(
        `message on ${first.packet!.topic} dropped: the other broker closed ${fruitlessConnectionsMax} connections ` +
          'in a row when it was sent',
      );
      this.#refuse(first);
    }
  }

  onPuback(packetId: number, reasonCode = 0): void {
    const pending = this.#pending.get(packetId);
    if (pending?.packet?.qos !== 1) return;
    this.#progress();
    if (reasonCode >= failureCodeMin) this.#onRefused(pending, reasonCode);
    else this.#sent(pending);
    if (pending.localQos === 2) {
      pending.phase = 'received';
      this.#options.acknowledge({ kind: 'pubrec', packetId });
    } else this.#acknowledge(pending);
    this.#pump();
  }

  onPubrec(packetId: number, reasonCode = 0): void {
    const pending = this.#pending.get(packetId);
    if (pending === undefined || pending.packet?.qos === 1) return;
    this.#progress();
    if (reasonCode >= failureCodeMin) {
      this.#onRefused(pending, reasonCode);
      this.#refuse(pending);
      return this.#pump();
    }
    if (pending.phase === 'released') return this.#release(pending);
    if (pending.phase === 'sent') this.#sent(pending);
    pending.phase = 'received';
    this.#options.acknowledge({ kind: 'pubrec', packetId });
  }

  /** A reason code of PUBCOMP says that the other broker has no such exchange: then it has completed it before. */
  onPubcomp(packetId: number): void {
    const pending = this.#pending.get(packetId);
    if (pending?.phase !== 'released') return;
    this.#progress();
    this.#complete(pending);
    this.#pump();
  }

  // ---- sending ----

  #pump(): void {
    const limits = this.#limits;
    if (limits === null) return;
    const isAlone = this.#fruitless >= fruitlessBeforeAlone && !this.#hasProgress;
    const room = isAlone ? 1 : Math.min(limits.receiveMaximum, this.#options.definition.inFlightMax);
    let used = 0;
    for (const { phase } of this.#pending.values()) if (phase !== 'waiting') used++;
    for (const pending of [...this.#pending.values()]) {
      if (used >= room) return;
      if (pending.phase !== 'waiting') continue;
      if (this.#transmit(pending, limits)) used++;
    }
  }

  /** @returns false if the message was dropped */
  #transmit(pending: Pending, limits: RemoteLimits): boolean {
    const { packet } = pending;
    if (packet === null) return false;
    if (packet.qos > limits.qosMax) packet.qos = limits.qosMax;
    if (!limits.retains) packet.retain = false;
    if (packet.qos === 0) {
      this.#refuse(pending);
      this.#sendUnacknowledged(packet);
      return false;
    }
    const fault = this.#faultOf(packet);
    if (fault !== null) {
      this.#options.counters.dropped.too_large++;
      this.#options.onFault(fault);
      this.#refuse(pending);
      return false;
    }
    if (pending.wasSent) {
      packet.dup = true;
      if (packet.qos === 2 && !limits.sessionPresent) this.#options.counters.possibleDuplicates++;
    }
    pending.phase = 'sent';
    pending.wasSent = true;
    this.#options.send(packet);
    return true;
  }

  #sendUnacknowledged(packet: IPublishPacket): void {
    const { counters, send, isSlow } = this.#options;
    const limits = this.#limits;
    if (limits === null) counters.dropped.offline++;
    else if (isSlow()) counters.dropped.slow++;
    else if (this.#faultOf(packet) !== null) counters.dropped.too_large++;
    else {
      counters.sent[0]++;
      const { topic, payload, properties } = packet;
      const retain = packet.retain && limits.retains;
      send({
        cmd: 'publish',
        topic,
        payload,
        qos: 0,
        dup: false,
        retain,
        ...(properties && { properties }),
      });
    }
  }

  #release({ packetId }: Pending): void {
    this.#options.send({ cmd: 'pubrel', messageId: packetId });
  }

  /** Returns why the other broker would not accept the packet, or null. */
  #faultOf({ topic, payload, properties }: IPublishPacket): string | null {
    const { definition } = this.#options;
    const max = Math.min(definition.packetBytesMax, this.#limits?.packetBytesMax ?? Infinity);
    const bytes =
      headerBytesMax + Buffer.byteLength(topic) + (payload as Buffer).length + propertyBytes(properties);
    if (bytes <= max) return null;
    return `message on ${topic} dropped: it has ${bytes} bytes, and the other broker accepts ${max}`;
  }

  // ---- ends of exchanges ----

  #progress(): void {
    this.#hasProgress = true;
    this.#fruitless = 0;
  }

  #sent(pending: Pending): void {
    this.#options.counters.sent[pending.packet?.qos ?? 2]++;
  }

  #onRefused({ packet }: Pending, reasonCode: number): void {
    this.#options.counters.dropped.refused++;
    this.#options.onFault(
      `message on ${packet?.topic ?? 'an unknown topic'} dropped: the other broker refused it: ${reasonText(reasonCode)}`,
    );
  }

  /** Ends an exchange that the other broker does not complete. */
  #refuse(pending: Pending): void {
    const { packetId, localQos } = pending;
    this.#pending.delete(packetId);
    if (localQos === 2) this.#options.acknowledge({ kind: 'pubrec', packetId, refused: true });
    else this.#options.acknowledge({ kind: 'puback', packetId });
  }

  #acknowledge({ packetId }: Pending): void {
    this.#pending.delete(packetId);
    this.#options.acknowledge({ kind: 'puback', packetId });
  }

  #complete({ packetId }: Pending): void {
    this.#pending.delete(packetId);
    this.#options.acknowledge({ kind: 'pubcomp', packetId });
  }

  /** Acknowledges a delivery that the other broker does not receive. */
  #finish({ qos, packetId }: DeliverEffect): void {
    if (qos === 1) this.#options.acknowledge({ kind: 'puback', packetId });
    else if (qos === 2) this.#options.acknowledge({ kind: 'pubrec', packetId, refused: true });
  }

  #skip(effect: DeliverEffect, reason: LinkDropReason | null): void {
    if (reason !== null) this.#options.counters.dropped[reason]++;
    this.#finish(effect);
  }

  #first(accept: (pending: Pending) => boolean): Pending | undefined {
    for (const pending of this.#pending.values()) if (accept(pending)) return pending;
    return undefined;
  }
}

/** Returns at least the bytes of the properties of a PUBLISH. */
function propertyBytes(properties: IPublishPacket['properties']): number {
  if (properties === undefined) return 0;
  const { contentType = '', responseTopic = '', correlationData, userProperties = {} } = properties;
  let bytes =
    32 + Buffer.byteLength(contentType) + Buffer.byteLength(responseTopic) + (correlationData?.length ?? 0);
  for (const [name, value] of Object.entries(userProperties))
    for (const each of Array.isArray(value) ? value : [value])
      bytes += 5 + Buffer.byteLength(name) + Buffer.byteLength(each);
  return bytes;
}
