import type { DeliverEffect } from '@mqtt-cluster/contracts';
import type { LinkDropReason } from '@mqtt-cluster/metric-catalogue';
import type { IPublishPacket } from 'mqtt-packet';
import { failureCodeMin, finalRefusals, reasonText } from '../remote/reasons.ts';
import type { RemoteLimits } from '../remote/remote-limits.ts';
import { shownTopic } from '../topics/topic-names.ts';
import { backOffMs, refusalsMax } from './back-off.ts';
import { FruitlessConnections, fruitlessConnectionsMax } from './fruitless-connections.ts';
import type { RemoteEnd } from './fruitless-connections.ts';
import type { OutgoingOptions } from './outgoing-types.ts';
import { OutgoingPackets } from './outgoing-packets.ts';
import { sizeFault } from './packet-bytes.ts';
import { deliveredPending, releasedPending } from './pending.ts';
import type { Pending } from './pending.ts';
import { RefusedTopics } from './refused-topics.ts';
import { SendRate } from './send-rate.ts';

/**
 * Sends the messages of the link's session to the other broker. The exchange with the cluster and the one with the other
 * broker have the same packet ids, and the cluster replicates these ids and the progress of QoS 2. So another member
 * continues each exchange where this one has ended: QoS 2 is exactly once while the other broker keeps its session.
 */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #packets: OutgoingPackets;
  /** In the order in which the cluster delivered the messages. */
  readonly #pending = new Map<number, Pending>();
  #limits: RemoteLimits | null = null;
  #hasProgress = false;
  readonly #fruitless = new FruitlessConnections();
  readonly #refusedTopics: RefusedTopics;
  readonly #rate: SendRate;
  /** Ends the pause after a refusal; null without a pause. */
  #endPause: (() => void) | null = null;
  /** True when the other broker has answered a QoS 2 PUBLISH of this connection with PUBACK. */
  #isDowngrading = false;
  /** True from a refusal that may pass until the other broker accepts a message. */
  #isRefused = false;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#refusedTopics = new RefusedTopics(options.now);
    this.#rate = new SendRate(options.definition.ratePerSecondMax, options.now, options.after);
    this.#packets = new OutgoingPackets(options.definition, options.mark, options.echoOf);
  }

  /** Time since the cluster delivered the oldest message without an acknowledgement, ms. */
  get lagMs(): number {
    for (const { sinceMs } of this.#pending.values()) return this.#options.now() - sinceMs;
    return 0;
  }

  // ---- the cluster ----

  onDeliver(effect: DeliverEffect): void {
    const mapped = this.#packets.map(effect);
    const { packet } = mapped;
    if (packet === null) {
      if (mapped.fault !== undefined) return this.#dropDelivery(effect, 'unmapped', mapped.fault);
      return this.#skip(effect, mapped.reason);
    }
    if (effect.qos === 0) return this.#sendUnacknowledged(packet);
    if (packet.qos === 0) {
      // The rule lowers the QoS, so the other broker does not acknowledge the message.
      this.#finish(effect);
      return this.#sendUnacknowledged(packet);
    }
    const { packetId } = effect;
    packet.messageId = packetId;
    const fault = this.#faultOf(packet);
    if (fault !== null) return this.#dropDelivery(effect, 'too_large', fault);
    this.#pending.set(packetId, deliveredPending(effect, packet, this.#options.now()));
    this.#pump();
  }

  /** The cluster has the PUBREC of a QoS 2 message. */
  onPubrel(packetId: number): void {
    let pending = this.#pending.get(packetId);
    if (pending === undefined) {
      pending = releasedPending(packetId, this.#options.now());
      this.#pending.set(packetId, pending);
    }
    pending.localPhase = 'released';
    // The other broker has lost its session, so the message is on its way again.
    if (pending.phase !== 'received') return;
    const hasExchange = pending.packet === null || pending.packet.qos === 2;
    if (!hasExchange || (this.#limits !== null && this.#limits.qosMax < 2)) {
      this.#complete(pending);
      return this.#pump();
    }
    pending.phase = 'released';
    if (this.#limits !== null) this.#release(pending);
  }

  // ---- the other broker ----

  onConnected(limits: RemoteLimits): void {
    this.#limits = limits;
    this.#hasProgress = false;
    this.#isDowngrading = false;
    let lost = 0;
    for (const pending of [...this.#pending.values()]) {
      if (pending.phase === 'sent') pending.phase = 'waiting';
      else if (pending.phase === 'waiting' || pending.phase === 'aside') continue;
      else if (limits.sessionPresent || pending.packet?.qos === 1) {
        if (pending.phase === 'released' && limits.qosMax < 2) this.#complete(pending);
        else if (pending.phase === 'released') this.#release(pending);
      } else if (pending.packet !== null) pending.phase = 'waiting';
      else {
        lost++;
        this.#complete(pending);
      }
    }
    if (lost > 0) {
      this.#options.counters.dropped.lost += lost;
      this.#options.onFault(
        `${lost} QoS 2 messages may be lost: the other broker has lost its session, which had received them`,
      );
    }
    this.#pump();
  }

  onDisconnected(end: RemoteEnd): void {
    if (this.#limits === null) return;
    this.#limits = null;
    this.#rate.cancel();
    this.#endPause?.();
    this.#endPause = null;
    if (this.#hasProgress) return;
    const active = [...this.#pending.values()].filter(isActive);
    const refused = this.#fruitless.onEnd(
      end,
      active.map(({ packetId }) => packetId),
    );
    const pending = refused === null ? undefined : this.#pending.get(refused);
    if (pending?.phase !== 'sent') return;
    this.#drop(
      pending,
      'refused',
      `message on ${shownTopic(pending.packet!.topic)} dropped: the other broker closed ${fruitlessConnectionsMax} connections ` +
        'in a row when only this message was sent',
    );
  }

  onPuback(packetId: number, reasonCode = 0): void {
    const pending = this.#pending.get(packetId);
    if (pending === undefined || pending.packet === null || pending.phase === 'aside') return;
    if (pending.packet.qos === 2) {
      if (pending.phase !== 'sent') return;
      this.#onDowngrade(pending.packet);
    }
    this.#progress();
    if (reasonCode >= failureCodeMin) this.#onRefused(pending, reasonCode);
    else {
      this.#sent(pending);
      if (pending.localQos === 1) this.#acknowledge(pending);
      else if (pending.localPhase === 'released') this.#complete(pending);
      else if (pending.localPhase === 'received') this.#receive(pending);
      // One step: another member that takes the link over between two steps would send PUBREL to a broker without QoS 2.
      else this.#refuse(pending);
    }
    this.#pump();
  }

  /** RabbitMQ 3 treats QoS 2 as QoS 1. Its PUBACK is the end of the exchange. */
  #onDowngrade(packet: IPublishPacket): void {
    packet.qos = 1;
    if (this.#isDowngrading) return;
    this.#isDowngrading = true;
    this.#options.onFault('the other broker acknowledges QoS 2 as QoS 1: set qosMax of the rule to 1');
  }

  onPubrec(packetId: number, reasonCode = 0): void {
    const pending = this.#pending.get(packetId);
    if (pending === undefined || pending.packet?.qos === 1 || pending.phase === 'aside') return;
    this.#progress();
    if (reasonCode >= failureCodeMin) {
      this.#onRefused(pending, reasonCode);
      return this.#pump();
    }
    const wasAlone = this.#isRefused;
    if (pending.phase === 'sent') this.#sent(pending);
    if (pending.localPhase === 'released') {
      pending.phase = 'released';
      this.#release(pending);
    } else this.#receive(pending);
    if (wasAlone) this.#pump();
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

  /** True while one message is sent alone, to find out which one ends the connections. */
  get #isSearching(): boolean {
    return this.#fruitless.sendsAlone && !this.#hasProgress && this.#pending.size > 0;
  }

  #pump(): void {
    const limits = this.#limits;
    if (limits === null || this.#endPause !== null) return;
    const isAlone = this.#isRefused || this.#isSearching;
    const room = isAlone ? 1 : Math.min(limits.receiveMaximum, this.#options.definition.inFlightMax);
    let used = 0;
    for (const pending of this.#pending.values()) if (isActive(pending)) used++;
    for (const pending of [...this.#pending.values()]) {
      if (used >= room) return;
      if (pending.phase !== 'waiting') continue;
      if (this.#rate.mustWait(() => this.#pump())) return;
      if (this.#transmit(pending, limits)) used++;
    }
  }

  /** @returns false if the message was dropped */
  #transmit(pending: Pending, limits: RemoteLimits): boolean {
    const { packet } = pending;
    if (packet === null) return false;
    const wasExactlyOnce = packet.qos === 2;
    // The other broker may hold the packet id of a QoS 2 exchange that has begun, so this one goes on [MQTT-4.4.0-1].
    const mustComplete = wasExactlyOnce && pending.wasSent && limits.sessionPresent;
    if (!pending.lifetime.setExpiryInterval(packet, this.#options.now()) && !mustComplete) {
      this.#options.counters.dropped.expired++;
      this.#refuse(pending);
      return false;
    }
    if (packet.qos > limits.qosMax) packet.qos = limits.qosMax;
    if (!limits.retains) packet.retain = false;
    if (packet.qos === 0) {
      this.#refuse(pending);
      this.#sendUnacknowledged(packet);
      return false;
    }
    const fault = this.#faultOf(packet);
    if (fault !== null) {
      this.#drop(pending, 'too_large', fault);
      return false;
    }
    if (pending.wasSent) {
      packet.dup = true;
      if (wasExactlyOnce && !limits.sessionPresent) this.#options.counters.possibleDuplicates++;
    }
    pending.phase = 'sent';
    pending.wasSent = true;
    this.#rate.tryTake();
    this.#options.send(packet);
    return true;
  }

  #sendUnacknowledged(packet: IPublishPacket): void {
    const { counters, send, isSlow } = this.#options;
    const limits = this.#limits;
    if (limits === null || this.#isSearching) counters.dropped.offline++;
    else if (isSlow()) counters.dropped.slow++;
    else if (this.#faultOf(packet) !== null) counters.dropped.too_large++;
    else if (this.#rate.isAwaited || !this.#rate.tryTake()) counters.dropped.slow++;
    else {
      counters.sent[0]++;
      send({ ...packet, qos: 0, dup: false, retain: packet.retain && limits.retains });
    }
  }

  #release({ packetId }: Pending): void {
    this.#options.send({ cmd: 'pubrel', messageId: packetId });
  }

  /** Returns why the link does not send the packet, or null. */
  #faultOf(packet: IPublishPacket): string | null {
    const { definition } = this.#options;
    return sizeFault(packet, definition.packetBytesMax, this.#limits?.packetBytesMax ?? Infinity);
  }

  // ---- ends of exchanges ----

  #progress(): void {
    this.#hasProgress = true;
    this.#fruitless.onProgress();
  }

  /** The other broker has accepted a message. Counts it once. */
  #sent(pending: Pending): void {
    this.#isRefused = false;
    if (pending.packet !== null) this.#refusedTopics.onAccepted(pending.packet.topic);
    if (pending.localPhase === 'open') this.#options.counters.sent[pending.packet?.qos ?? 2]++;
  }

  /** The other broker has the message: passes this on to the cluster, which answers with PUBREL. */
  #receive(pending: Pending): void {
    pending.phase = 'received';
    if (pending.localPhase !== 'open') return;
    pending.localPhase = 'received';
    this.#options.acknowledge({ kind: 'pubrec', packetId: pending.packetId });
  }

  #onRefused(pending: Pending, reasonCode: number): void {
    const { onFault, after } = this.#options;
    const topic = pending.packet?.topic ?? null;
    const text = `message on ${topic === null ? 'an unknown topic' : shownTopic(topic)}`;
    const reason = `the other broker refused it: ${reasonText(reasonCode)}`;
    const isTemporary = topic !== null && !finalRefusals.has(reasonCode);
    if (!isTemporary || this.#refusedTopics.has(topic) || ++pending.refusals >= refusalsMax) {
      if (isTemporary) this.#refusedTopics.onDropped(topic);
      return this.#drop(pending, 'refused', `${text} dropped: ${reason}`);
    }
    onFault(`${text} is sent again later: ${reason}`);
    pending.phase = 'waiting';
    // The other broker has ended the exchange, so the next PUBLISH is the first one of another exchange.
    pending.wasSent = false;
    pending.packet!.dup = false;
    this.#isRefused = true;
    this.#endPause ??= after(backOffMs(pending.refusals), () => {
      this.#endPause = null;
      this.#pump();
    });
  }

  /** Gives up a message that the other broker does not accept. */
  #drop(pending: Pending, reason: LinkDropReason, text: string): void {
    const { counters, onFault, aside, now } = this.#options;
    counters.dropped[reason]++;
    onFault(text);
    const { message, localQos, lifetime } = pending;
    if (message === null || !aside.keeps(localQos)) return this.#refuse(pending);
    pending.phase = 'aside';
    aside.keep(message, lifetime.remainingSeconds(now()), text, () => this.#refuse(pending));
  }

  /** Gives up a delivery that the other broker would not accept. */
  #dropDelivery(effect: DeliverEffect, reason: LinkDropReason, text: string): void {
    const { counters, onFault, aside } = this.#options;
    const { message, qos, expirySeconds = null } = effect;
    counters.dropped[reason]++;
    onFault(text);
    if (aside.keeps(qos)) aside.keep(message, expirySeconds, text, () => this.#finish(effect));
    else this.#finish(effect);
  }

  /** Ends an exchange that the other broker does not complete. */
  #refuse(pending: Pending): void {
    const { packetId, localQos, localPhase } = pending;
    if (localPhase === 'released') return this.#complete(pending);
    this.#pending.delete(packetId);
    if (localQos !== 2) this.#options.acknowledge({ kind: 'puback', packetId });
    else if (localPhase === 'open') this.#options.acknowledge({ kind: 'pubrec', packetId, refused: true });
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
}

/** Whether the other broker may have the message, or a part of its exchange. */
function isActive({ phase }: Pending): boolean {
  return phase !== 'waiting' && phase !== 'aside';
}
