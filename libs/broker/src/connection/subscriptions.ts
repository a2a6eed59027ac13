import type { ConnectionId, QoS, Subscription } from '@mqtt-cluster/contracts';
import { malformed, PacketError } from '../codec/packet-error.ts';
import { subscriptionAcknowledgementBytes } from '../codec/encode-control.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import { isSharedSubscription, topicFilterFault } from '../codec/topic-validation.ts';
import type { TopicFault } from '../codec/topic-validation.ts';
import type { BrokerContext } from '../context.ts';
import type { ClientAccess } from './client-access.ts';
import type { Outbound } from './outbound.ts';

/** SUBACK code of a failure in MQTT 3.1.1 (3.9.3). */
const subackFailure = 0x80;

interface Subscriber {
  readonly version: number;
  readonly isBridge: boolean;
  /** The client's Maximum Packet Size, bytes. */
  readonly packetBytesMax: number;
  readonly access: ClientAccess;
}

/** A SUBSCRIBE that awaits the answer of the member. */
interface PendingSubscribe {
  /** SUBACK codes of the filters. Null stands for a code that the member decides. */
  readonly codes: readonly (number | null)[];
  /** The filters that the member received. */
  readonly subscriptions: readonly Subscription[];
}

/**
 * Handles SUBSCRIBE and UNSUBSCRIBE: checks and authorizes each filter, and passes the permitted filters to
 * the member.
 */
export class Subscriptions {
  readonly #connection: ConnectionId;
  readonly #subscriber: Subscriber;
  readonly #context: BrokerContext;
  readonly #outbound: Outbound;
  /** By packet identifier; null while none waits. */
  #pending: Map<number, PendingSubscribe> | null = null;

  constructor(connection: ConnectionId, subscriber: Subscriber, context: BrokerContext, outbound: Outbound) {
    this.#connection = connection;
    this.#subscriber = subscriber;
    this.#context = context;
    this.#outbound = outbound;
  }

  /** @throws PacketError for a malformed filter, or if SUBACK exceeds the client's Maximum Packet Size */
  subscribe(packetId: number, subscriptions: readonly Subscription[]): void {
    this.#checkAcknowledgementFits(subscriptions.length);
    const allowed: Subscription[] = [];
    const codes: (number | null)[] = [];
    // An MQTT 5 bridge states the options itself.
    const lacksOptions = this.#subscriber.isBridge && this.#subscriber.version < 5;
    for (const subscription of subscriptions) {
      const fault = checkFilter(subscription.filter);
      const qos = fault === null ? this.#authorizedQos(subscription) : null;
      if (qos !== null) {
        const granted = qos === subscription.qos ? subscription : { ...subscription, qos };
        allowed.push(lacksOptions ? withBridgeOptions(granted) : granted);
        codes.push(null);
      } else {
        codes.push(this.#rejectionCode(fault));
      }
    }
    if (allowed.length === 0) {
      this.#outbound.suback(
        packetId,
        codes.map((code) => code ?? subackFailure),
      );
      return;
    }
    this.#pending ??= new Map();
    this.#pending.set(packetId, { codes, subscriptions: allowed });
    const refuses = this.#context.clientLimits.refusedFilters;
    this.#context.port.input(this.#connection, {
      kind: 'subscribe',
      packetId,
      subscriptions: allowed,
      ...(refuses && { refuses }),
    });
  }

  /** @throws PacketError as {@link subscribe} does */
  unsubscribe(packetId: number, filters: readonly string[]): void {
    this.#checkAcknowledgementFits(filters.length);
    for (const filter of filters) checkFilter(filter);
    for (const filter of filters) this.#subscriber.access.onUnsubscribed(filter);
    this.#context.port.input(this.#connection, { kind: 'unsubscribe', packetId, filters });
  }

  /**
   * Rejects a packet whose SUBACK or UNSUBACK the client could not receive [5.0 MQTT-3.1.2-24]. The reason codes
   * are mandatory, so nothing can be left out. The check precedes all effects of the packet.
   */
  #checkAcknowledgementFits(filters: number): void {
    if (subscriptionAcknowledgementBytes(filters) <= this.#subscriber.packetBytesMax) return;
    throw new PacketError(
      reasonCodes.packetTooLarge,
      `the acknowledgement of ${filters} filters exceeds the Maximum Packet Size of the client`,
    );
  }

  #authorizedQos({ filter, qos }: Subscription): QoS | null {
    const { access } = this.#subscriber;
    const granted = access.grantedQos(filter, qos);
    if (granted === null) {
      this.#context.counters.subscriptionsDenied++;
      this.#context.refusals.report('subscribe', access.subject, { filter });
    }
    return granted;
  }

  #rejectionCode(fault: TopicFault | null): number {
    if (this.#subscriber.version < 5) return subackFailure; // [MQTT-3.9.3-2]
    return fault === 'tooManyLevels' ? reasonCodes.topicFilterInvalid : reasonCodes.notAuthorized;
  }

  /**
   * Merges the member's codes with the codes of the filters that the guard rejected [MQTT-3.8.4-5]. MQTT 3.1.1 has
   * one code for all failures [3.1.1 MQTT-3.9.3-2].
   */
  subackCodes(packetId: number, granted: readonly number[]): readonly number[] {
    const merged = this.#merged(packetId, granted);
    if (this.#subscriber.version >= 5 || !merged.some((code) => code > subackFailure)) return merged;
    return merged.map((code) => Math.min(code, subackFailure));
  }

  #merged(packetId: number, granted: readonly number[]): readonly number[] {
    const pending = this.#pending?.get(packetId);
    if (!pending) return granted;
    this.#pending?.delete(packetId);
    if (this.#pending?.size === 0) this.#pending = null;
    for (const [index, { filter, qos }] of pending.subscriptions.entries()) {
      if ((granted[index] ?? subackFailure) < subackFailure)
        this.#subscriber.access.onSubscribed(filter, qos);
    }
    let next = 0;
    return pending.codes.map((code) => code ?? granted[next++] ?? subackFailure);
  }
}

/**
 * Adds the options that SUBSCRIBE of MQTT 3.1 and 3.1.1 cannot express and that a bridge needs: its own
 * messages do not return to it, and it receives RETAIN as the publisher set it.
 */
function withBridgeOptions(subscription: Subscription): Subscription {
  const noLocal = !isSharedSubscription(subscription.filter); // [MQTT-3.8.3-4]
  return { ...subscription, noLocal, retainAsPublished: true };
}

function checkFilter(filter: string): TopicFault | null {
  const fault = topicFilterFault(filter);
  if (fault !== 'malformed') return fault;
  throw malformed('the topic filter is malformed');
}
