import type { Message } from '@mqtt-cluster/contracts';
import { MessageBodies } from '../bodies/message-bodies.ts';
import type { BodyId } from '../bodies/body-content.ts';
import { Account } from './account.ts';
import { queueItemBytes, retainedBytes } from './sizes.ts';

/**
 * The sums of the replicated state by account and in total, in bytes of memory (`sizes.ts`). All sums are
 * derived: they depend only on the content of the state, not on the order of its changes.
 */
export class Usage {
  /** The messages of the queues that are counted here. */
  readonly bodies: MessageBodies;
  queueBytes = 0;
  retainedBytes = 0;
  /** Bytes of the subscriptions without the nodes of their filters. */
  subscriptionOwnBytes = 0;
  willBytes = 0;
  readonly #accounts = new Map<string, Account>();
  /** Number of sessions by the key of {@link sessionGroup}. */
  readonly #sessions = new Map<string, number>();

  constructor(bodies = new MessageBodies()) {
    this.bodies = bodies;
  }

  /** Returns the account of a user, or of a client without a user, and adds a reference. */
  join(user: string | null, client: string): Account {
    const key = user === null ? `c${client}` : `u${user}`;
    let account = this.#accounts.get(key);
    if (!account) this.#accounts.set(key, (account = new Account(key, user !== null)));
    account.references++;
    return account;
  }

  leave(account: Account): void {
    if (--account.references === 0) this.#accounts.delete(account.key);
  }

  /** Returns the account without a new reference. */
  find(user: string | null, client: string): Account | undefined {
    return this.#accounts.get(user === null ? `c${client}` : `u${user}`);
  }

  sessionsOf(group: string): number {
    return this.#sessions.get(group) ?? 0;
  }

  countSession(group: string, change: 1 | -1): void {
    const count = this.sessionsOf(group) + change;
    if (count === 0) this.#sessions.delete(group);
    else this.#sessions.set(group, count);
  }

  /** Counts a queue item of the account. @param isFirst whether the body was in no queue before */
  keepItem(account: Account, body: BodyId, isFirst: boolean): void {
    this.queueBytes += isFirst ? queueItemBytes + this.bodies.memoryOf(body) : queueItemBytes;
    this.#charge(account, body, 1);
  }

  /** @param isLast whether the body is in no queue any more */
  releaseItem(account: Account, body: BodyId, isLast: boolean): void {
    this.queueBytes -= isLast ? queueItemBytes + this.bodies.memoryOf(body) : queueItemBytes;
    this.#charge(account, body, -1);
  }

  /** Moves a queue item to another account. */
  moveItem(from: Account, to: Account, body: BodyId): void {
    this.#charge(from, body, -1);
    this.#charge(to, body, 1);
  }

  keepRetained(owner: string | null, message: Message): void {
    const account = this.join(owner, message.publisher ?? '');
    const bytes = retainedBytes(message);
    this.retainedBytes += bytes;
    account.retainedBytes += bytes;
    account.retainedMessages++;
  }

  releaseRetained(owner: string | null, message: Message): void {
    const bytes = retainedBytes(message);
    this.retainedBytes -= bytes;
    const account = this.find(owner, message.publisher ?? '');
    if (!account) return;
    account.retainedBytes -= bytes;
    account.retainedMessages--;
    this.leave(account);
  }

  /** Adds (1) or removes (-1) a queue item. The account of a user holds a message once. */
  #charge(account: Account, body: BodyId, change: 1 | -1): void {
    account.queueBytes += change * queueItemBytes;
    if (account.isUser && this.bodies.countFor(body, account, change) !== (change === 1 ? 1 : 0)) return;
    account.queueBytes += change * this.bodies.memoryOf(body);
    account.queuedBytes += change * this.bodies.bytesOf(body);
  }
}

/** Returns the bytes that one more queue item of the body adds to the account. */
export function addedBytes(bodies: MessageBodies, account: Account, body: BodyId): number {
  return account.isUser && bodies.isHeldBy(body, account)
    ? queueItemBytes
    : queueItemBytes + bodies.memoryOf(body);
}

/** The session's group for the bound on the number of sessions: its user, else its address, else its client. */
export function sessionGroup(user: string | null, address: string | undefined, client: string): string {
  if (user !== null) return `u${user}`;
  return address ? `a${address}` : `c${client}`;
}
