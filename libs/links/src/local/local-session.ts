import type {
  ClientEffect,
  ClientInput,
  DeliverEffect,
  PublishRequest,
  PublishResult,
  RefusalReason,
  SessionDetail,
  Subscription,
} from '@mqtt-cluster/contracts';
import { noMark } from '../names.ts';
import { failureCodeMin } from '../remote/reasons.ts';
import type { LocalConnection, LocalMember, PublishAnswer } from '../types.ts';

/** Name of the listener of connections that links open, see the internal listeners of the appliance. */
export const linkListener = '$links';
/** Pause until a mark that the cluster has refused is written again, ms. */
const markRetryMs = 1_000;
/** Pause until subscriptions that the cluster has refused are requested again, ms. */
export const refusedRetryMs = 5_000;
/** The session of a link never expires: its definition is what ends it. */
const neverExpires = 0xffff_ffff;

export interface LocalSessionHandlers {
  /** The cluster has opened the session, so this connection is the current one of its client id. */
  readonly onOpen: (sessionPresent: boolean) => void;
  /** The connection has ended, and no effect follows. Not called after {@link LocalSession.close}. */
  readonly onClosed: (reason: RefusalReason) => void;
  /**
   * The cluster has refused a subscription, and the session requests it again after a pause.
   * @param code reason code of SUBACK, 0x80 or above; null: the cluster has granted the subscription
   */
  readonly onSubscriptionRefused: (filter: string, code: number | null) => void;
  /** The cluster has refused a mark. The session writes it again after a pause. Null: it is written now. */
  readonly onMarkRefused?: (code: number | null) => void;
  readonly onDeliver?: (effect: DeliverEffect) => void;
  readonly onPubrel?: (packetId: number) => void;
  readonly onAnswer?: (answer: PublishAnswer) => void;
}

/** A message that a link publishes in the cluster by itself. */
export type MessageCopy = Pick<PublishRequest, 'topic' | 'payload' | 'properties'>;

/** The answer of the cluster to a {@link MessageCopy}. `degraded`: only this member has it. */
export type CopyAnswer = PublishResult | 'degraded';

export interface LocalSessionOptions {
  readonly member: LocalMember;
  readonly client: string;
  /** Owner of the session: no client of another user can open it. */
  readonly owner: string;
  readonly receiveMaximum: number;
  /** Begins with an empty session. */
  readonly clean?: boolean;
  readonly handlers: LocalSessionHandlers;
}

/**
 * One connection to a persistent session of the cluster, inside the process of its member. An `open` entry of the log gives
 * it the epoch of the session. When another member opens the session, the member closes this connection.
 */
export class LocalSession {
  readonly client: string;
  readonly #member: LocalMember;
  readonly #handlers: LocalSessionHandlers;
  readonly #connection: LocalConnection;
  #isEnded = false;
  #isOpen = false;
  #lastPacketId = 0;
  /** Callbacks of {@link LocalSession.confirm}, by the packet id of the UNSUBSCRIBE that they wait for. */
  readonly #confirming = new Map<number, () => void>();
  /** What follows the SUBACK of a mark, by the packet id of its SUBSCRIBE. */
  readonly #marking = new Map<number, (code: number) => void>();
  /** The SUBSCRIBE packets without SUBACK. */
  readonly #subscribing = new Map<number, readonly Subscription[]>();
  /** What follows the PUBACK of a copy, by its packet id. */
  readonly #copying = new Map<number, (answer: CopyAnswer) => void>();
  /** Subscriptions that the cluster has refused, by filter. */
  readonly #refused = new Map<string, Subscription>();
  #retryTimer: NodeJS.Timeout | null = null;

  constructor({ member, client, owner, receiveMaximum, clean = false, handlers }: LocalSessionOptions) {
    this.client = client;
    this.#member = member;
    this.#handlers = handlers;
    this.#connection = member.connect((effect) => this.#onEffect(effect));
    this.#connection.input({
      kind: 'connect',
      request: {
        client,
        clean,
        sessionExpirySeconds: neverExpires,
        receiveMaximum,
        reportsNoSubscribers: true,
        // The source is not `cluster`: the owner is no user that an operator could delete.
        access: { source: 'passwordFile', user: owner, address: '', listener: linkListener },
      },
    });
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isEnded;
  }

  /** The session as this member has applied it. */
  get detail(): SessionDetail | undefined {
    return this.#member.view().session(this.client);
  }

  input(input: ClientInput): void {
    if (!this.#isEnded) this.#connection.input(input);
  }

  subscribe(subscriptions: readonly Subscription[]): void {
    if (subscriptions.length === 0) return;
    const packetId = this.#packetId();
    this.#subscribing.set(packetId, subscriptions);
    this.input({ kind: 'subscribe', packetId, subscriptions });
  }

  unsubscribe(filters: readonly string[]): void {
    for (const filter of filters) this.#refused.delete(filter);
    if (filters.length > 0) this.input({ kind: 'unsubscribe', packetId: this.#packetId(), filters });
  }

  /**
   * Calls back when the cluster has applied an entry of this connection, so no other member had opened the session before.
   * A process that was paused does not know yet whether another member runs the link.
   *
   * @param filters subscriptions that this entry ends
   */
  confirm(onConfirmed: () => void, filters: readonly string[] = [noMark]): void {
    const packetId = this.#packetId();
    this.#confirming.set(packetId, onConfirmed);
    this.input({ kind: 'unsubscribe', packetId, filters });
  }

  /**
   * Writes a mark in place of former ones, and calls back when the cluster has applied it. The former marks stay until
   * then, so a mark that the cluster refuses changes nothing.
   */
  mark(filter: string, former: readonly string[], onMarked: () => void): void {
    const packetId = this.#packetId();
    this.#marking.set(packetId, (code) => {
      const isRefused = code >= failureCodeMin;
      this.#handlers.onMarkRefused?.(isRefused ? code : null);
      if (isRefused) {
        setTimeout(() => {
          if (!this.#isEnded) this.mark(filter, former, onMarked);
        }, markRetryMs).unref();
        return;
      }
      this.unsubscribe(former);
      onMarked();
    });
    this.input({ kind: 'subscribe', packetId, subscriptions: [{ filter, qos: 0, retainHandling: 2 }] });
  }

  /**
   * Publishes a message with QoS 1, and calls back with the answer of the cluster. No answer comes after the end of the
   * session.
   */
  publish(copy: MessageCopy, onAnswer: (answer: CopyAnswer) => void): void {
    const packetId = this.#packetId();
    this.#copying.set(packetId, onAnswer);
    this.input({ kind: 'publish', request: { ...copy, qos: 1, retain: false, packetId } });
  }

  /** @param endsSession deletes the session with its subscriptions and queue */
  close({ endsSession = false }: { readonly endsSession?: boolean } = {}): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#connection.input({
      kind: 'disconnect',
      graceful: true,
      ...(endsSession && { sessionExpirySeconds: 0 }),
    });
    this.#connection.release();
  }

  #onEffect(effect: ClientEffect): void {
    if (this.#isEnded) return;
    switch (effect.kind) {
      case 'connack':
        this.#isOpen = true;
        return this.#handlers.onOpen(effect.sessionPresent);
      case 'refuse':
      case 'close':
        this.#isEnded = true;
        this.#connection.release();
        return this.#handlers.onClosed(effect.reason);
      case 'suback':
        return this.#onSuback(effect.packetId, effect.codes);
      case 'unsuback':
        this.#confirming.get(effect.packetId)?.();
        this.#confirming.delete(effect.packetId);
        return;
      case 'deliver':
        return this.#handlers.onDeliver?.(effect);
      case 'pubrel':
        return this.#handlers.onPubrel?.(effect.packetId);
      case 'puback':
        if (this.#onCopied(effect)) return;
        return this.#handlers.onAnswer?.(effect);
      case 'pubrec':
        return this.#handlers.onAnswer?.(effect);
      case 'pubcomp':
        return this.#handlers.onAnswer?.({ kind: 'pubcomp', packetId: effect.packetId });
    }
  }

  /** @returns false if the PUBACK is for no copy */
  #onCopied({ packetId, result, degraded }: Exclude<PublishAnswer, { readonly kind: 'pubcomp' }>): boolean {
    const onAnswer = this.#copying.get(packetId);
    this.#copying.delete(packetId);
    onAnswer?.(degraded === true ? 'degraded' : result);
    return onAnswer !== undefined;
  }

  #onSuback(packetId: number, codes: readonly number[]): void {
    this.#marking.get(packetId)?.(codes[0] ?? failureCodeMin);
    this.#marking.delete(packetId);
    const subscriptions = this.#subscribing.get(packetId) ?? [];
    this.#subscribing.delete(packetId);
    for (const [position, subscription] of subscriptions.entries()) {
      const { filter } = subscription;
      const code = codes[position] ?? failureCodeMin;
      const isRefused = code >= failureCodeMin;
      if (isRefused) this.#refused.set(filter, subscription);
      else this.#refused.delete(filter);
      this.#handlers.onSubscriptionRefused(filter, isRefused ? code : null);
    }
    if (this.#refused.size > 0) this.#retryTimer ??= setTimeout(() => this.#retry(), refusedRetryMs).unref();
  }

  #retry(): void {
    this.#retryTimer = null;
    this.subscribe([...this.#refused.values()]);
  }

  /** SUBSCRIBE, UNSUBSCRIBE and the copies of QoS 1 share packet ids: the member compares them with nothing else. */
  #packetId(): number {
    this.#lastPacketId = (this.#lastPacketId % 65_535) + 1;
    return this.#lastPacketId;
  }
}
