import { createHash, randomBytes } from 'node:crypto';
import type { AccessSubject, Role } from '@mqtt-cluster/contracts';

const idBytes = 32;
/** Sessions of all users of this member, and of one user. A new session then ends the one that was used longest ago. */
const sessionsMax = 500;
const sessionsPerUserMax = 20;
/** Time without a request after which a session ends, ms. An open page sends requests all the time. */
const idleMsMax = 30 * 60_000;
/** Time after the sign-in after which a session ends, ms. */
const lifetimeMsMax = 12 * 3_600_000;
const sweepMs = 1_000;

/** The session of a person in a browser, at the member that gave it. */
export interface WebSession {
  readonly user: string;
  readonly role: Role;
  /** The rights of the user, as the authentication found them at the sign-in. */
  readonly subject: AccessSubject;
}

interface Entry extends WebSession {
  readonly openedAtMs: number;
  usedAtMs: number;
  readonly onEnd: Set<() => void>;
}

export interface SessionsOptions {
  /**
   * Returns whether the user still exists with the same password and the same role, and is not disabled. A session ends
   * within a second after this changes.
   */
  readonly isCurrent: (subject: AccessSubject) => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/**
 * The sessions of the console in the memory of this member: at most 500, and 20 of one user. A session ends 30 minutes
 * after its last request, 12 hours after the sign-in, at the sign-out, and when its user has been removed, was disabled or
 * has another role or password. The end of the process ends all sessions.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  /** The sessions by the digest of their id, the one that was used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Opens a session. Returns its id, which only the browser stores. */
  open({ user, role, subject }: WebSession): string {
    this.#makeRoom(user);
    const id = randomBytes(idBytes).toString('base64url');
    const nowMs = this.#options.now();
    const entry = { user, role, subject, openedAtMs: nowMs, usedAtMs: nowMs, onEnd: new Set<() => void>() };
    this.#entries.set(keyOf(id), entry);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs).unref();
    return id;
  }

  /** Returns the session with this id, which counts as used now, or null if the session does not exist or has ended. */
  find(id: string): WebSession | null {
    const key = keyOf(id);
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (!this.#isAlive(entry)) {
      this.#end(key, entry);
      return null;
    }
    entry.usedAtMs = this.#options.now();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** Ends a session. Returns it, or null if it does not exist. */
  end(id: string): WebSession | null {
    const key = keyOf(id);
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#end(key, entry);
    return entry;
  }

  /**
   * Calls the listener when the session ends, or now if it has ended. The returned function removes the listener.
   *
   * @param session a session that {@link find} has returned
   */
  onEnd(session: WebSession, listener: () => void): () => void {
    const entry = [...this.#entries.values()].find((each) => each === session);
    if (entry === undefined) {
      listener();
      return () => undefined;
    }
    entry.onEnd.add(listener);
    return () => void entry.onEnd.delete(listener);
  }

  /** Ends all sessions. */
  stop(): void {
    for (const [key, entry] of this.#entries) this.#end(key, entry);
  }

  #makeRoom(user: string): void {
    const own = [...this.#entries].filter(([, entry]) => entry.user === user);
    const victim =
      own.length >= sessionsPerUserMax
        ? own[0]
        : this.#entries.size >= sessionsMax
          ? [...this.#entries][0]
          : undefined;
    if (victim !== undefined) this.#end(...victim);
  }

  #sweep(): void {
    for (const [key, entry] of this.#entries) if (!this.#isAlive(entry)) this.#end(key, entry);
  }

  #isAlive({ subject, openedAtMs, usedAtMs }: Entry): boolean {
    const nowMs = this.#options.now();
    if (nowMs - usedAtMs >= idleMsMax || nowMs - openedAtMs >= lifetimeMsMax) return false;
    return this.#options.isCurrent(subject);
  }

  #end(key: string, entry: Entry): void {
    this.#entries.delete(key);
    for (const listener of [...entry.onEnd]) listener();
    entry.onEnd.clear();
    if (this.#entries.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** The map has no ids themselves, so that neither a dump of the memory nor the time of a lookup reveals one. */
function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64');
}
