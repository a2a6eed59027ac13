import type { LinkDefinition, Logger, QoS } from '@mqtt-cluster/contracts';
import type { ISubackPacket, IUnsubackPacket, Packet } from 'mqtt-packet';
import type { LocalSession } from '../local/local-session.ts';
import { markedRemoteFilter, remoteFilterMark } from '../names.ts';
import { failureCodeMin } from '../remote/reasons.ts';
import { remoteFilter } from '../topics/topic-map.ts';

/** The codes are only in packets of MQTT 5. */
type UnsubackPacket = Omit<IUnsubackPacket, 'granted'> & Partial<Pick<IUnsubackPacket, 'granted'>>;

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
  /** Filters of the UNSUBSCRIBE packets without UNSUBACK. */
  readonly #unsubscribing = new Map<number, readonly string[]>();
  /** What the other broker refuses, in one sentence, by filter. */
  readonly #refused = new Map<string, string>();

  constructor(options: RemoteSubscriptionsOptions) {
    this.#options = options;
  }

  /** What the other broker refuses, in one sentence, or null. */
  get fault(): string | null {
    const [first] = this.#refused.values();
    return first ?? null;
  }

  onConnected(): void {
    this.#refused.clear();
  }

  onDisconnected(): void {
    this.#subscribing.clear();
    this.#unsubscribing.clear();
  }

  /**
   * Subscribes to the filters of the incoming rules, and ends the subscriptions of former rules. The mark of a
   * filter stays until UNSUBACK: the connection may end before.
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
      const messageId = this.#packetId();
      this.#unsubscribing.set(messageId, ended);
      send({ cmd: 'unsubscribe', messageId, unsubscriptions: ended });
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
    this.#onRefusal(filter, code, `the other broker refuses the subscription to ${filter}`);
  }

  /** Removes the marks of the subscriptions that the other broker has ended. It gives no codes with MQTT 3.1.1. */
  onUnsuback({ messageId = 0, granted = [] }: UnsubackPacket, session: LocalSession | null): void {
    const filters = this.#unsubscribing.get(messageId) ?? [];
    this.#unsubscribing.delete(messageId);
    const ended = filters.filter((filter, position) => {
      const code = granted[position] ?? 0;
      if (code < failureCodeMin) return true;
      this.#onRefusal(filter, code, `the other broker does not end the subscription to ${filter}`);
      return false;
    });
    session?.unsubscribe(ended.map(remoteFilterMark));
  }

  #onRefusal(filter: string, code: number, text: string): void {
    const reason = code === failureCodeMin ? 'it gives no reason' : `reason code 0x${code.toString(16)}`;
    this.#refused.set(filter, `${text}: ${reason}`);
    const { logger, name } = this.#options;
    logger.warn({ link: name, filter, code }, `link ${name}: ${text}`);
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
