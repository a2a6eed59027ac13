import type { ClientId, RefusedFilters, Subscription } from '@mqtt-cluster/contracts';
import {
  asksForRetained,
  isValidTopicFilter,
  isWithinShare,
  parseSharedFilter,
  subscriptionBytes,
} from '@mqtt-cluster/mqtt-state';
import type { CommandResult } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Connection } from './connections/connection.ts';
import type { EarlyRefusals } from './early-refusals.ts';
import type { InterestAnswers } from './live/interest-answers.ts';
import type { PendingRequest } from './pending-request.ts';
import type { Router } from './router.ts';

/** SUBACK return code of a rejected filter (MQTT 3.1.1: 0x80; the broker chooses the MQTT 5 reason code). */
const refusedCode = 0x80;
/** SUBACK reason code "Quota exceeded" (MQTT 5, 3.9.3). */
const quotaExceededCode = 0x97;

export interface GrantedSubscriptions {
  readonly codes: readonly number[];
  readonly isNew: readonly boolean[];
  /** Per filter: true when the session's replicated queue holds the retained QoS 1 and 2 messages. */
  readonly retainedQueued: readonly boolean[];
}

/**
 * Adds and removes subscriptions. Subscriptions of persistent sessions and all shared subscriptions go
 * through the log. All other subscriptions exist only at this home (docs/DESIGN.md, "Sessions and queues").
 */
export class Subscriptions {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #router: Router;
  readonly #answers: InterestAnswers;
  readonly #refusals: EarlyRefusals;

  constructor(
    context: MemberContext,
    parts: { proposer: Proposer; router: Router; answers: InterestAnswers; refusals: EarlyRefusals },
  ) {
    this.#context = context;
    this.#proposer = parts.proposer;
    this.#router = parts.router;
    this.#answers = parts.answers;
    this.#refusals = parts.refusals;
  }

  /** @returns the granted codes, or null when the SUBACK has to wait for the log */
  subscribe(
    connection: Connection,
    packetId: number,
    subscriptions: readonly Subscription[],
    refuses?: RefusedFilters,
  ): GrantedSubscriptions | null {
    const codes: number[] = [];
    const isNew: boolean[] = [];
    const retainedQueued = subscriptions.map(() => false);
    const positions: number[] = [];
    const refused = this.#refusals.refusedFilters(
      connection,
      subscriptions.filter((subscription) => isLogged(connection, subscription)),
    );
    subscriptions.forEach((subscription, position) => {
      isNew.push(!connection.subscriptions.has(subscription.filter));
      codes.push(
        refused.has(subscription) ? quotaExceededCode : this.#code(connection, subscription, refuses),
      );
      if (codes[position]! >= refusedCode) return;
      if (isLogged(connection, subscription)) positions.push(position);
      else this.#router.add(connection, subscription);
    });
    if (positions.length === 0) {
      this.#suback(connection, packetId, subscriptions, codes);
      return { codes, isNew, retainedQueued };
    }
    if (connection.clean) connection.shares = true;
    const { client, epoch } = connection;
    const logged = positions.map((position) => subscriptions[position]!);
    this.#announce(connection, logged);
    const request: PendingRequest = {
      kind: 'subscribe',
      connection,
      packetId,
      subscriptions,
      positions,
      codes,
      isNew,
      retainedQueued,
    };
    this.#proposer.add({ kind: 'subscribe', client, epoch, subscriptions: logged }, request);
    return null;
  }

  /**
   * Returns the granted QoS, or the code of a failure. The bounds of a replicated subscription are part of the
   * state; here only the commands that wait for the log are bounded.
   */
  #code(connection: Connection, subscription: Subscription, refuses?: RefusedFilters): number {
    const { filter, qos } = subscription;
    if (!isValidTopicFilter(filter)) return refusedCode;
    if (connection.subscriptions.has(filter)) return qos;
    const logged = isLogged(connection, subscription);
    const isRefused = refuses === 'all' || (refuses === 'replicated' && logged);
    if (isRefused && !this.#isReplicated(connection.client, filter)) return quotaExceededCode;
    const { limits } = this.#context.options;
    const bytes = subscriptionBytes(subscription);
    if (logged) return this.#proposer.isFull(connection.client, bytes) ? quotaExceededCode : qos;
    const { settings } = this.#context.state;
    const { subscriptions, subscriptionBytes: held } = connection;
    const fits =
      subscriptions.size < settings.sessionSubscriptionsMax &&
      held + bytes <= settings.sessionSubscriptionBytesMax &&
      isWithinShare(held, bytes, this.#router.bytes, limits.homeSubscriptionBytesMax);
    return fits ? qos : quotaExceededCode;
  }

  /** Returns whether the replicated state has this filter, which may be shared, for the client. */
  #isReplicated(client: ClientId, filter: string): boolean {
    return this.#context.state.session(client)?.subscriptions.has(filter) ?? false;
  }

  subscribed(
    connection: Connection,
    request: Extract<PendingRequest, { kind: 'subscribe' }>,
    result: Extract<CommandResult, { kind: 'subscribed' }>,
  ): GrantedSubscriptions {
    request.positions.forEach((position, count) => {
      request.codes[position] = result.codes[count] ?? refusedCode;
      request.isNew[position] = result.isNew[count] ?? true;
      request.retainedQueued[position] = result.retainedQueued[count] ?? false;
      const subscription = request.subscriptions[position]!;
      const granted = request.codes[position]! < refusedCode;
      if (granted && parseSharedFilter(subscription.filter) === null)
        this.#router.add(connection, subscription);
      this.#router.retract(connection, subscription.filter);
    });
    const { packetId, codes, isNew, retainedQueued } = request;
    this.#suback(connection, packetId, request.subscriptions, codes);
    return { codes, isNew, retainedQueued };
  }

  unsubscribe(connection: Connection, packetId: number, filters: readonly string[]): void {
    const existed: boolean[] = [];
    const positions: number[] = [];
    filters.forEach((filter, position) => {
      existed.push(false);
      if (!connection.clean || parseSharedFilter(filter) !== null) positions.push(position);
      else existed[position] = this.#router.remove(connection, filter);
    });
    if (positions.length === 0) {
      this.#context.effects.push({ kind: 'unsuback', connection: connection.id, packetId, existed });
      return;
    }
    const { client, epoch } = connection;
    const logged = positions.map((position) => filters[position]!);
    const request: PendingRequest = {
      kind: 'unsubscribe',
      connection,
      packetId,
      filters,
      positions,
      existed,
    };
    connection.unappliedUnsubscribes++;
    this.#proposer.add({ kind: 'unsubscribe', client, epoch, filters: logged }, request);
  }

  unsubscribed(
    connection: Connection,
    request: Extract<PendingRequest, { kind: 'unsubscribe' }>,
    result: Extract<CommandResult, { kind: 'unsubscribed' }>,
  ): void {
    connection.unappliedUnsubscribes--;
    request.positions.forEach((position, count) => {
      request.existed[position] = result.existed[count] ?? false;
      this.#router.remove(connection, request.filters[position]!);
    });
    const { packetId, existed } = request;
    this.#context.effects.push({ kind: 'unsuback', connection: connection.id, packetId, existed });
  }

  /** Announces the interest in the same turn as the proposal, so that it travels while the log commits. */
  #announce(connection: Connection, subscriptions: readonly Subscription[]): void {
    // The subscriptions of a client that has left serve only its next home.
    if (connection.phase === 'gone') return;
    for (const { filter } of subscriptions)
      if (parseSharedFilter(filter) === null) this.#router.announce(connection, filter);
  }

  /** Sends SUBACK when the reachable peers forward QoS 0 messages for the filters to this home (P2). */
  #suback(
    connection: Connection,
    packetId: number,
    subscriptions: readonly Subscription[],
    codes: readonly number[],
  ): void {
    const version = this.#router.interestVersion(subscriptions.map(({ filter }) => filter));
    this.#answers.whenAnswered(version, () => {
      if (connection.phase === 'open')
        this.#context.effects.push({ kind: 'suback', connection: connection.id, packetId, codes });
    });
  }
}

/** Returns whether the log holds the subscription. */
function isLogged({ clean }: Connection, { filter }: Subscription): boolean {
  return !clean || parseSharedFilter(filter) !== null;
}

/** Returns whether a subscription of a SUBSCRIBE packet was granted and requests retained messages. */
export function grantsRetained(
  subscription: Subscription,
  { codes, isNew }: GrantedSubscriptions,
  position: number,
): boolean {
  return codes[position]! < refusedCode && asksForRetained(subscription, isNew[position]!);
}
