import type { DeliverEffect } from '@mqtt-cluster/contracts';
import type { IPublishPacket } from 'mqtt-packet';

/**
 * The time that is left to a message with a Message Expiry Interval. The member stops counting when it has delivered the
 * message to the link, and the message may wait in the link for hours.
 */
export class MessageLifetime {
  readonly #endsAtMs: number;

  /** @param nowMs time of the delivery */
  constructor({ expirySeconds = Infinity }: Pick<DeliverEffect, 'expirySeconds'>, nowMs: number) {
    this.#endsAtMs = nowMs + expirySeconds * 1_000;
  }

  /** Returns the rest of the interval: null for a message that never expires, 0 for one that has expired [MQTT-3.3.2-6]. */
  remainingSeconds(nowMs: number): number | null {
    if (this.#endsAtMs === Infinity) return null;
    return Math.max(0, Math.ceil((this.#endsAtMs - nowMs) / 1_000));
  }

  /**
   * Sets the Message Expiry Interval of a packet to what is left of it. The least one is 1: the standard permits 0, but
   * mosquitto takes it for a message that never expires.
   *
   * @returns false if the message has expired [MQTT-3.3.2-5]
   */
  setExpiryInterval({ properties }: IPublishPacket, nowMs: number): boolean {
    const seconds = this.remainingSeconds(nowMs);
    if (seconds === null) return true;
    if (properties !== undefined) properties.messageExpiryInterval = Math.max(1, seconds);
    return seconds > 0;
  }
}
