import type { ClientEffect } from '@mqtt-cluster/contracts';
import { reasonCodes } from '../codec/reason-codes.ts';
import type { ClientLimit } from '@mqtt-cluster/metric-catalogue';
import type { BrokerCounters } from '../counters.ts';
import type { Inbound } from './inbound.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Outbound } from './outbound.ts';

/** An effect of the member for a connected client. */
export type OpenEffect = Exclude<ClientEffect, { kind: 'connack' | 'refuse' | 'close' }>;

/** The parts of a connected client that effects act on. */
export interface EffectTarget {
  readonly lifecycle: Lifecycle;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly counters: BrokerCounters;
  /** Runs code that parses packets, and handles its errors. */
  runGuarded(action: () => void): void;
  /** Counts and logs that a publish or a subscription of the client was rejected at a bound. */
  reportRefused(limit: ClientLimit, fields?: Readonly<Record<string, unknown>>): void;
}

/** Turns one effect into packets for a connected client. */
export function applyEffect(effect: OpenEffect, target: EffectTarget): void {
  const { inbound, outbound } = target;
  switch (effect.kind) {
    case 'deliver':
      return outbound.deliver(effect);
    case 'puback':
    case 'pubrec':
      return acknowledgePublish(effect, target);
    case 'pubcomp':
      outbound.pubcomp(effect.packetId);
      return target.runGuarded(() => inbound.onQos2Done(effect.packetId));
    case 'pubrel':
      return outbound.pubrel(effect.packetId);
    case 'suback':
      return acknowledgeSubscribe(effect, target);
    case 'unsuback':
      return outbound.unsuback(
        effect.packetId,
        effect.existed.map((existed) => (existed ? 0 : reasonCodes.noSubscriptionExisted)),
      );
  }
}

function acknowledgeSubscribe(
  { packetId, codes }: Extract<OpenEffect, { kind: 'suback' }>,
  target: EffectTarget,
): void {
  const filters = codes.filter((code) => code === reasonCodes.quotaExceeded).length;
  if (filters > 0) target.reportRefused('subscriptions', { filters });
  target.outbound.suback(packetId, target.inbound.subackCodes(packetId, codes));
}

function acknowledgePublish(
  effect: Extract<OpenEffect, { kind: 'puback' | 'pubrec' }>,
  target: EffectTarget,
): void {
  const { lifecycle, inbound, outbound, counters } = target;
  const rejected = effect.result === 'quotaExceeded';
  if (rejected) {
    counters.publishRefusals.quota++;
    target.reportRefused('stored_messages');
  }
  if (rejected && lifecycle.version < 5) {
    // Close the connection, because MQTT 3.1.1 has no negative acknowledgement.
    lifecycle.fail(reasonCodes.quotaExceeded, 'quota_exceeded', 'a publish exceeds a quota');
    return;
  }
  outbound.acknowledge(effect);
  if (effect.kind === 'puback') inbound.onPubackSent();
  else if (rejected) target.runGuarded(() => inbound.onQos2Done(effect.packetId));
  else inbound.onPubrecSent(effect.packetId);
}
