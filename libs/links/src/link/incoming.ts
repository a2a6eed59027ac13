import type { ClientInput, LinkDefinition, LinkRule, QoS } from '@mqtt-cluster/contracts';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import type { SkippedPublish } from '../remote/packet-frames.ts';
import { hopsOf, toLocal } from '../remote/properties.ts';
import { TopicMap } from '../topics/topic-map.ts';
import { shownTopic } from '../topics/topic-names.ts';
import type { LinkCounters, PublishAnswer } from '../types.ts';
import type { After } from './back-off.ts';
import { HeldPublishes } from './held-publishes.ts';
import type { PublishInput } from './held-publishes.ts';
import { RetainedRepeats } from './retained-repeats.ts';

export interface IncomingOptions {
  readonly definition: LinkDefinition;
  readonly mark: string;
  /** The largest message that the cluster accepts, bytes. */
  readonly packetBytesMax: number;
  readonly counters: LinkCounters;
  /** Passes a packet to the session that publishes the messages in the cluster. */
  readonly input: (input: ClientInput) => void;
  /** Returns the payload that the cluster retains for a topic. */
  readonly retained: (topic: string) => Uint8Array | undefined;
  readonly send: (packet: Packet) => void;
  readonly onFault: (text: string) => void;
  /** This member cannot acknowledge messages now: the connection to the other broker must end. */
  readonly onRefused: (text: string) => void;
  readonly now: () => number;
  readonly after: After;
}

/**
 * Publishes the messages of the other broker in the cluster. The other broker receives its acknowledgement after the commit.
 * The publishing session has the packet ids of the other broker, and the cluster replicates those of QoS 2: so a message
 * that the other broker sends again through another member is recognised.
 */
export class Incoming {
  readonly #options: IncomingOptions;
  readonly #map: TopicMap;
  readonly #held: HeldPublishes;
  readonly #repeats: RetainedRepeats;

  constructor(options: IncomingOptions) {
    this.#options = options;
    this.#map = new TopicMap(options.definition.rules, 'in');
    this.#held = new HeldPublishes(options.input, options.after, options.now);
    this.#repeats = new RetainedRepeats(options.retained);
  }

  onPublish(packet: IPublishPacket): void {
    const { messageId: packetId, topic: remoteTopic, properties } = packet;
    const { definition, mark, counters, onFault } = this.#options;
    const payload = packet.payload as Buffer;
    const mapped = this.#map.map(remoteTopic);
    if (mapped === null || mapped.fault !== null) {
      if (mapped !== null)
        onFault(
          `message on ${shownTopic(remoteTopic)} of the other broker dropped: ` +
            `the rule makes a topic that members do not accept: ${mapped.fault}`,
        );
      counters.dropped.unmapped++;
      return this.#acknowledgeUnpublished(packet);
    }
    const fault = this.#faultOf(mapped.topic, payload);
    if (fault !== null) {
      counters.dropped.too_large++;
      onFault(fault);
      return this.#acknowledgeUnpublished(packet);
    }
    if (this.#isKnown(packet, mapped)) return this.#acknowledgeUnpublished(packet);
    const local = toLocal(properties, mark);
    // Links with rules for messages that come in would pass a message round a ring for ever.
    if (hopsOf(local) > definition.hopsMax) {
      counters.dropped.loop++;
      return this.#acknowledgeUnpublished(packet);
    }
    const qos = packet.qos;
    const input: PublishInput = {
      kind: 'publish',
      request: {
        topic: mapped.topic,
        // The parser's buffer is a view of all bytes that were read.
        payload: Uint8Array.from(payload),
        qos,
        retain: packet.retain && mapped.rule.retained === 'live',
        ...(packetId !== undefined && qos > 0 && { packetId }),
        properties: local,
      },
    };
    if (qos === 0 || packetId === undefined) {
      counters.received[0]++;
      return this.#options.input(input);
    }
    if (!this.#held.add(packetId, input))
      this.#options.onRefused(
        'the other broker has sent more messages without an acknowledgement than this member keeps in memory',
      );
  }

  /** The other broker has sent a message above the bound of the link. It must not send it again. */
  onSkipped(publish: SkippedPublish): void {
    const { counters, onFault, definition } = this.#options;
    counters.dropped.too_large++;
    onFault(
      `message on ${shownTopic(publish.topic)} of the other broker dropped: it has ${publish.bytes} bytes, ` +
        `and the link accepts ${definition.packetBytesMax} (packetBytesMax)`,
    );
    this.#acknowledgeUnpublished(publish);
  }

  /** The other broker sends its unacknowledged messages again. */
  onDisconnected(): void {
    this.#held.clear();
    this.#repeats.clear();
  }

  onPubrel(packetId: number): void {
    this.#held.onPubrel(packetId);
    this.#options.input({ kind: 'pubrel', packetId });
  }

  /** The cluster has handled a packet of the publishing session. */
  onAnswer(answer: PublishAnswer): void {
    const { counters, send, onRefused } = this.#options;
    const { kind, packetId: messageId } = answer;
    if (kind === 'pubcomp') {
      send({ cmd: 'pubcomp', messageId });
      return this.#held.onCompleted(messageId);
    }
    if (answer.degraded === true)
      return onRefused(
        'this member has lost its majority, so it acknowledges no message of the other broker',
      );
    if (answer.result === 'quotaExceeded') return this.#onQuotaExceeded(kind, messageId);
    this.#held.onAccepted(messageId);
    counters.received[kind === 'puback' ? 1 : 2]++;
    send({ cmd: kind, messageId });
  }

  /** Whether a SUBSCRIBE of the link caused the message, and the cluster has it already or the rule does not want it. */
  #isKnown(
    packet: IPublishPacket,
    { rule, topic }: { readonly rule: LinkRule; readonly topic: string },
  ): boolean {
    const { protocol, bridge } = this.#options.definition;
    if (protocol === '5.0' || !packet.retain) return false;
    if (rule.retained === 'live')
      return this.#repeats.isRepeat({ ...packet, topic, payload: packet.payload as Buffer });
    // Without the bridge bit only messages for a new subscription have RETAIN [MQTT-3.3.1-9].
    return !bridge;
  }

  #onQuotaExceeded(cmd: 'puback' | 'pubrec', messageId: number): void {
    const { counters, send, onFault } = this.#options;
    const isKept = this.#held.onRefused(messageId);
    if (isKept === true)
      onFault(
        'the cluster has no room for messages of the other broker: the link publishes them again later',
      );
    if (isKept !== false) return;
    counters.dropped.quota++;
    onFault('message of the other broker dropped: the cluster has had no room for its topic for minutes');
    send({ cmd, messageId });
  }

  #faultOf(topic: string, payload: Buffer): string | null {
    const { packetBytesMax } = this.#options;
    const bytes = Buffer.byteLength(topic) + payload.length;
    if (bytes <= packetBytesMax) return null;
    return `message on ${shownTopic(topic)} of the other broker dropped: it has ${bytes} bytes, and members accept ${packetBytesMax}`;
  }

  #acknowledgeUnpublished({ qos, messageId }: Pick<IPublishPacket, 'qos' | 'messageId'>): void {
    const cmds: Readonly<Record<QoS, 'puback' | 'pubrec' | null>> = { 0: null, 1: 'puback', 2: 'pubrec' };
    const cmd = cmds[qos];
    if (cmd !== null && messageId !== undefined) this.#options.send({ cmd, messageId });
  }
}
