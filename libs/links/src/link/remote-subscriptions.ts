import type { LinkDefinition, Logger, QoS } from '@mqtt-cluster/contracts';
import type { ISubackPacket, Packet } from 'mqtt-packet';
import type { LocalSession } from '../local/local-session.ts';
import { markedRemoteFilter, remoteFilterMark } from '../names.ts';
import { failureCodeMin } from '../remote/reasons.ts';
import { remoteFilter } from '../topics/topic-map.ts';

export interface RemoteSubscriptionsOptions {
  readonly name: string;
  readonly definition: LinkDefinition;
  readonly send: (packet: Packet) => void;
  readonly logger: Logger;
}

/** The subscriptions of a link at the other broker. */
export class RemoteSubscriptions {
  readonly #options: RemoteSubscriptionsOptions;
  #lastPacketId = 0;
  /** Filters of the SUBSCRIBE packets without SUBACK. */
  readonly #subscribing = new Map<number, string>();
  /** Filters that the other broker refuses, with the reason. */
  readonly #refused = new Map<string, string>();

  constructor(options: RemoteSubscriptionsOptions) {
    this.#options = options;
  }

  /** Which subscription the other broker refuses, in one sentence, or null. */
  get fault(): string | null {
    const [first] = this.#refused;
    return first === undefined
      ? null
      : `the other broker refuses the subscription to ${first[0]}: ${first[1]}`;
  }

  onConnected(): void {
    this.#refused.clear();
  }

  onDisconnected(): void {
    this.#subscribing.clear();
  }

  /**
   * Subscribes to the filters of the incoming rules, and ends the subscriptions of former rules.
   *
   * @param session holds the filters of former rules as marks
   */
  subscribe(session: LocalSession | null): void {
    const { definition, send } = this.#options;
    const wanted = this.#wanted();
    const marks = session?.detail?.subscriptionList ?? [];
    const former = marks.map(({ filter }) => markedRemoteFilter(filter)).filter((filter) => filter !== null);
    const ended = former.filter((filter) => !wanted.has(filter));
    if (ended.length > 0) {
      send({ cmd: 'unsubscribe', messageId: this.#packetId(), unsubscriptions: ended });
      session?.unsubscribe(ended.map(remoteFilterMark));
    }
    for (const [filter, { qos, isLive }] of wanted) {
      const messageId = this.#packetId();
      this.#subscribing.set(messageId, filter);
      const options = { nl: true, rap: isLive, rh: isLive ? 1 : 2 };
      const subscription = { topic: filter, qos, ...(definition.protocol === '5.0' && options) };
      send({ cmd: 'subscribe', messageId, subscriptions: [subscription] });
    }
    session?.subscribe(
      [...wanted.keys()].map((filter) => ({ filter: remoteFilterMark(filter), qos: 0, retainHandling: 2 })),
    );
  }

  onSuback({ messageId = 0, granted }: ISubackPacket): void {
    const filter = this.#subscribing.get(messageId);
    this.#subscribing.delete(messageId);
    const code = Number(granted[0] ?? failureCodeMin);
    if (filter === undefined || code < failureCodeMin) return;
    const reason = code === failureCodeMin ? 'it gives no reason' : `reason code 0x${code.toString(16)}`;
    this.#refused.set(filter, reason);
    const { logger, name } = this.#options;
    logger.warn(
      { link: name, filter, code },
      `link receives nothing for ${filter}: the other broker refuses the subscription`,
    );
  }

  #wanted(): Map<string, { readonly qos: QoS; readonly isLive: boolean }> {
    const wanted = new Map<string, { qos: QoS; isLive: boolean }>();
    for (const rule of this.#options.definition.rules) {
      if (rule.direction !== 'in') continue;
      const filter = remoteFilter(rule);
      const former = wanted.get(filter);
      wanted.set(filter, {
        qos: Math.max(rule.qosMax, former?.qos ?? 0) as QoS,
        isLive: rule.retained === 'live' || former?.isLive === true,
      });
    }
    return wanted;
  }

  #packetId(): number {
    this.#lastPacketId = (this.#lastPacketId % 65_535) + 1;
    return this.#lastPacketId;
  }
}
