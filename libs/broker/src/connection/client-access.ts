import type { AccessDecisions, AccessSubject, ConnectionAccess, QoS, Will } from '@mqtt-cluster/contracts';

/** A right that a connected client uses and has lost. */
export type LostRight = 'user' | 'will' | 'subscription';

/**
 * What one authenticated client may do. The object keeps the rights that the client uses, so that the guard can check
 * them again after a change of the rules.
 */
export class ClientAccess {
  readonly subject: AccessSubject;
  readonly #decisions: AccessDecisions | undefined;
  readonly #will: Will | undefined;
  /** Granted QoS of each filter that the client has subscribed to on this connection; null before the first one. */
  #filters: Map<string, QoS> | null = null;
  /** Version of the decisions at the last check of the rights in use. */
  #checkedVersion: number;

  /** @param version version of the decisions before the authentication began */
  constructor(
    subject: AccessSubject,
    decisions: AccessDecisions | undefined,
    will: Will | undefined,
    version: number,
  ) {
    this.subject = subject;
    this.#decisions = decisions;
    this.#will = will;
    this.#checkedVersion = version;
  }

  mayPublish(topic: string, qos: QoS, retain: boolean): boolean {
    return this.#decisions === undefined || this.#decisions.mayPublish(this.subject, topic, qos, retain);
  }

  mayReceive(topic: string): boolean {
    return this.#decisions === undefined || this.#decisions.mayReceive(this.subject, topic);
  }

  /** Returns the highest QoS that a subscription is granted, or null to deny it. */
  grantedQos(filter: string, qos: QoS): QoS | null {
    return this.#decisions === undefined ? qos : this.#decisions.grantedQos(this.subject, filter, qos);
  }

  get mayPublishWill(): boolean {
    const will = this.#will;
    return will === undefined || this.mayPublish(will.topic, will.qos, will.retain);
  }

  /** Seconds for which the will waits after the connection has ended; 0 without a will. */
  get willDelaySeconds(): number {
    return this.#will?.delaySeconds ?? 0;
  }

  onSubscribed(filter: string, qos: QoS): void {
    if (this.#decisions === undefined) return;
    this.#filters ??= new Map();
    this.#filters.set(filter, qos);
  }

  onUnsubscribed(filter: string): void {
    this.#filters?.delete(filter);
  }

  /**
   * Checks the rights in use again if a decision may have changed since the last check. Returns a right that the
   * client has lost, or null.
   */
  lostRight(): LostRight | null {
    const decisions = this.#decisions;
    if (decisions === undefined || decisions.version === this.#checkedVersion) return null;
    this.#checkedVersion = decisions.version;
    if (!decisions.isValid(this.subject)) return 'user';
    if (!this.mayPublishWill) return 'will';
    for (const [filter, qos] of this.#filters ?? []) {
      if (decisions.grantedQos(this.subject, filter, qos) !== qos) return 'subscription';
    }
    return null;
  }

  /** Returns whether the token of the client has expired. @param wallMs time since 1970, ms */
  hasExpired(wallMs: number): boolean {
    const { expiresAtMs } = this.subject;
    return expiresAtMs !== undefined && wallMs >= expiresAtMs;
  }

  /** Returns the identity and the grant of the will for the replicated state. */
  connectionAccess(): ConnectionAccess {
    const { identity, expiresAtMs } = this.subject;
    const { source, user, groups, address, listener } = identity;
    return {
      source,
      ...(user !== undefined && { user }),
      ...(groups.length > 0 && { groups }),
      address,
      listener,
      ...(this.#isWillGranted && { willGranted: true }),
      ...(expiresAtMs !== undefined && { expiresAt: Math.floor(expiresAtMs / 1_000) }),
    };
  }

  get #isWillGranted(): boolean {
    const will = this.#will;
    if (will === undefined || this.#decisions === undefined) return false;
    return this.#decisions.grantsWill(this.subject, will.topic, will.qos, will.retain);
  }
}
