import { accessSemantics } from '@mqtt-cluster/contracts';
import type { ClientId, Epoch, WillOwner } from '@mqtt-cluster/contracts';
import type { SessionView } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Peers } from './peers.ts';

/**
 * How long this member watches a will whose user has lost the right to it. The time begins anew while the member has no
 * majority. Within this time each other home should have noticed the same loss. A longer time lets a member whose file
 * stays different discard more wills.
 */
const watchMs = 30_000;
/** Interval of the checks. The shortest will delay is a second. */
const checkMs = 100;
/** Interval of the leader's searches for disabled users. An import changes the users many times a second. */
const searchMs = 1_000;
/** Upper bound of the `revoke` commands in progress. Each one ends one session's will. */
const proposedMax = 64;

/** A will whose user lost the right to it. */
interface LostWill {
  /** The connection that set the will. No command is proposed for the will of a later connection. */
  readonly epoch: Epoch;
  /** The end of the watch ({@link watchMs}). */
  untilMs: number;
  /** A `revoke` command is not applied yet. */
  isProposed: boolean;
}

/**
 * Discards the waiting wills of users that lost their rights outside the log. It proposes `revoke` commands, because
 * `apply` cannot notice such a loss. The home of a connected client ends the connection itself and discards its will, so
 * this class only discards the will of a client without a connection, or whose home this member cannot reach.
 *
 * A member calls `discard` when its own file loses a user. The leader also searches for users that are disabled in the
 * cluster and were authenticated outside of it: `access` revokes only the cluster's own users.
 */
export class LostRights {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #proposer: Proposer;
  readonly #wills = new Map<ClientId, LostWill>();
  #proposed = 0;
  #checkedMs = -Infinity;
  #searchedMs = -Infinity;
  /** The version of users and rules at the last search as the leader. Null: this member has not searched as the leader. */
  #searchedVersion: number | null = null;

  constructor(context: MemberContext, peers: Peers, proposer: Proposer) {
    this.#context = context;
    this.#peers = peers;
    this.#proposer = proposer;
  }

  /** See {@link Member.discardWills}. */
  discard(isLost: (owner: WillOwner) => boolean): void {
    const untilMs = this.#context.nowMs + watchMs;
    this.#context.state.visitSessions(null, (session) => {
      const owner = session.will === null ? null : ownerOf(session);
      if (owner === null || !isLost(owner)) return true;
      const { client, epoch } = session;
      const known = this.#wills.get(client);
      if (known?.epoch === epoch) known.untilMs = untilMs;
      else this.#wills.set(client, { epoch, untilMs, isProposed: false });
      return true;
    });
    this.#checkedMs = -Infinity;
  }

  /** Called once a turn. */
  tick(isLeader: boolean): void {
    const { nowMs, hasMajority } = this.#context;
    if (isLeader) this.#searchDisabled();
    else this.#searchedVersion = null;
    if (this.#wills.size === 0 || nowMs - this.#checkedMs < checkMs) return;
    this.#checkedMs = nowMs;
    if (hasMajority) this.#check();
    else for (const lost of this.#wills.values()) lost.untilMs = nowMs + watchMs;
  }

  /** Finds the wills of users of a file, a certificate or a token that are disabled in the cluster. */
  #searchDisabled(): void {
    const { nowMs, state } = this.#context;
    const { version, users } = state.access;
    if (version === this.#searchedVersion || nowMs - this.#searchedMs < searchMs) return;
    this.#searchedMs = nowMs;
    this.#searchedVersion = version;
    const disabled = new Set<string>();
    for (const user of users.values()) if (user.disabled === true) disabled.add(user.name);
    if (disabled.size === 0) return;
    this.discard(({ source, user }) => source !== 'cluster' && disabled.has(user));
  }

  #check(): void {
    const { state, nowMs } = this.#context;
    const mayPropose = state.semantics >= accessSemantics;
    for (const [client, lost] of this.#wills) {
      const session = state.session(client);
      if (nowMs >= lost.untilMs || session?.epoch !== lost.epoch || session.will === null) {
        this.#wills.delete(client);
        continue;
      }
      const owner = ownerOf(session);
      if (
        !mayPropose ||
        owner === null ||
        lost.isProposed ||
        this.#proposed >= proposedMax ||
        !this.#isOrphan(session)
      )
        continue;
      this.#propose(owner, lost);
    }
  }

  /** Returns whether no reachable home decides about the will of the session. */
  #isOrphan({ connected, home }: SessionView): boolean {
    if (!connected || home === null) return true;
    return home.member !== this.#context.options.id && this.#peers.links.get(home.member) !== 'up';
  }

  #propose({ client, user, source }: WillOwner, lost: LostWill): void {
    lost.isProposed = true;
    this.#proposed++;
    const done = (): void => {
      lost.isProposed = false;
      this.#proposed--;
    };
    this.#proposer.add({ kind: 'revoke', user, source, client }, { kind: 'access', done });
  }
}

/** Returns null for an anonymous client. */
function ownerOf({ client, access, epoch }: SessionView): WillOwner | null {
  const { source = 'anonymous', user } = access ?? {};
  return source === 'anonymous' || user === undefined ? null : { client, user, source, epoch };
}
