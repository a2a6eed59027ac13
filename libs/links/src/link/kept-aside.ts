import type { LinkDefinition, Message, QoS } from '@mqtt-cluster/contracts';
import type { CopyAnswer, MessageCopy } from '../local/local-session.ts';
import type { After } from './back-off.ts';
import { backOffMs } from './back-off.ts';
import { shownTopic, topicFault } from '../topics/topic-names.ts';
import type { LinkCounters } from '../types.ts';

/** User properties of a copy: the name of the link, and why the other end did not get the message. */
const asideLinkProperty = 'mqtt-cluster-kept-aside-by';
const asideReasonProperty = 'mqtt-cluster-kept-aside-because';

/** Attempts to publish a copy that the bounds of the cluster refuse: less than eight seconds, because messages wait behind it. */
export const copyAttemptsMax = 5;

export interface KeptAsideOptions {
  readonly link: string;
  readonly definition: LinkDefinition;
  readonly counters: LinkCounters;
  /** Publishes a message with QoS 1 in the cluster, and calls back with the answer. */
  readonly publish: (copy: MessageCopy, onAnswer: (answer: CopyAnswer) => void) => void;
  readonly onFault: (text: string) => void;
  readonly after: After;
}

/**
 * Copies of messages that the other end does not accept, below the topic `keptAside` of the definition. The link acknowledges
 * such a message to its own session only after the cluster has answered the copy. Another member that takes the link over in
 * between publishes the copy again.
 */
export class KeptAside {
  readonly #options: KeptAsideOptions;

  constructor(options: KeptAsideOptions) {
    this.#options = options;
  }

  /** Returns whether the link keeps copies of messages of this QoS. QoS 0 promises nothing. */
  keeps(qos: QoS): boolean {
    return this.#options.definition.keptAside !== undefined && qos > 0;
  }

  /**
   * Publishes a copy, and calls back when the cluster has it or will not get it.
   *
   * @param expirySeconds what is left of the Message Expiry Interval; null: the message never expires
   * @param reason why the other end did not get the message, one sentence
   */
  keep(message: Message, expirySeconds: number | null, reason: string, onDone: () => void): void {
    const { definition, link, onFault } = this.#options;
    const { userProperties = [], ...properties } = message.properties ?? {};
    const fail = (cause: string): void => {
      onFault(`message on ${shownTopic(message.topic)} is not kept aside: ${cause}`);
      onDone();
    };
    if (expirySeconds === 0) return fail('it has expired');
    // Otherwise two links with the filter # would copy the copies of each other without an end.
    if (userProperties.some(([name]) => name === asideLinkProperty)) return fail('it is a copy itself');
    const topic = `${definition.keptAside}/${message.topic}`;
    const fault = topicFault(topic);
    if (fault !== null) return fail(`the topic of the copy is not valid: ${fault}`);
    const copy: MessageCopy = {
      topic,
      payload: message.payload,
      properties: {
        ...properties,
        ...(expirySeconds !== null && { messageExpiryInterval: expirySeconds }),
        userProperties: [...userProperties, [asideLinkProperty, link], [asideReasonProperty, reason]],
      },
    };
    this.#publish(copy, 1, (answer) => {
      if (answer === 'quotaExceeded') return fail('the bounds of the cluster refuse the copy');
      if (answer === 'noSubscribers') return fail(`no session is subscribed to ${shownTopic(topic)}`);
      this.#options.counters.keptAside++;
      onDone();
    });
  }

  #publish(copy: MessageCopy, attempt: number, onAnswer: (answer: CopyAnswer) => void): void {
    const { publish, after } = this.#options;
    publish(copy, (answer) => {
      // A degraded answer of this member counts as no attempt: either its session ends, or the cluster answers again soon.
      const isDegraded = answer === 'degraded';
      if (!isDegraded && (answer !== 'quotaExceeded' || attempt >= copyAttemptsMax)) return onAnswer(answer);
      after(backOffMs(attempt), () => this.#publish(copy, isDegraded ? attempt : attempt + 1, onAnswer));
    });
  }
}
