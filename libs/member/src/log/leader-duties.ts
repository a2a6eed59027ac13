import type { Incarnation, MemberId, StoreId } from '@mqtt-cluster/contracts';
import type { Raft, RaftStatus } from '@mqtt-cluster/consensus';
import { decodeBatchHeader, isConfigured } from '@mqtt-cluster/mqtt-state';
import type { BatchHeader } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import { Membership } from '../cluster/membership.ts';
import type { Peers } from '../cluster/peers.ts';
import type { Proposer } from './proposer.ts';
import { stamp, unstamp } from './stamp.ts';

/** Shortest interval between two proposed raises of the semantics version. */
const semanticsIntervalMs = 200;
/** Shortest interval between two `time` commands. */
const timeIntervalMs = 50;
/** A `lost` command that is not applied after this time is proposed again. */
const lostIntervalMs = 1_000;
/**
 * Connections of a silent member that one `lost` command ends. Each member ends them in one turn, so a larger number
 * delays all clients of the cluster.
 */
const lostConnectionsMin = 500;
/** Bound of the `lost` commands for one member, so that all its wills are published soon (P6). */
const lostCommandsMax = 20;

/** The `lost` commands for a silent member. */
interface Loss {
  /** Connections that each command ends. Computed once, so that {@link lostCommandsMax} holds. */
  readonly count: number;
  /** When the last command was proposed. */
  proposedMs: number;
  /** Whether the last command is applied, so that the next one may follow. */
  isApplied: boolean;
}

interface Cursor {
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  readonly sequence: number;
}

/**
 * Duties of the leader besides Raft: batch numbers, stamps, timers, lost members, new and wiped members,
 * semantics versions.
 */
export class LeaderDuties {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #proposer: Proposer;
  readonly #membership: Membership;
  /**
   * The last batch of each member that this leader appended. A batch that an earlier leader appended may
   * enter the log a second time while the first copy is not applied. Members ignore the second copy when they
   * apply the log.
   */
  readonly #cursors = new Map<MemberId, Cursor>();
  /** The silent members some of whose connections this leader has ended. */
  readonly #lost = new Map<MemberId, Loss>();
  #continues = false;
  #electedAtMs = 0;
  #timeProposedMs = -Infinity;
  #semanticsMs = -Infinity;

  constructor(context: MemberContext, peers: Peers, proposer: Proposer) {
    this.#context = context;
    this.#peers = peers;
    this.#proposer = proposer;
    this.#membership = new Membership(context, peers);
  }

  /**
   * Continues cluster time from the newest stamp in the log and from the estimates of the electing majority
   * (docs/DESIGN.md, "Cluster time").
   */
  elected(term: number, raft: Raft, appliedIndex: number): void {
    const { clock, nowMs } = this.#context;
    this.#cursors.clear();
    this.#lost.clear();
    this.#electedAtMs = nowMs;
    let newestStampMs = 0;
    const { lastIndex, config } = raft.status();
    for (let index = appliedIndex + 1; index <= lastIndex; index++) {
      const entry = raft.entry(index);
      if (entry?.kind !== 'normal') continue;
      newestStampMs = Math.max(newestStampMs, unstamp(entry.data).timeMs);
    }
    clock.elected(term, newestStampMs, config);
  }

  /**
   * Appends the next batches of each member to the log, in order. Ignores repeated batches, batches after a gap, and
   * batches of stores that are not members: these would be ignored when they are applied.
   */
  accept(raft: Raft, batches: readonly Uint8Array[]): void {
    const timeMs = this.#context.clock.nowMs;
    const config = raft.config();
    const stamped: Uint8Array[] = [];
    const last = new Map<MemberId, Cursor>();
    for (const batch of batches) {
      const header = headerOf(batch);
      if (header === null || !isConfigured(config, header)) continue;
      if (!isNext(header, last.get(header.member) ?? this.#lastOf(header))) continue;
      last.set(header.member, header);
      stamped.push(stamp(timeMs, batch));
    }
    // If Raft refuses the batches, the earlier ones are still the last ones in the log.
    if (stamped.length === 0 || raft.propose(stamped) === null) return;
    for (const [member, cursor] of last) this.#cursors.set(member, cursor);
  }

  /** Called once a turn. */
  duties(raft: Raft, status: RaftStatus): void {
    this.#runTimers();
    this.#loseSilentHomes();
    this.#raiseSemantics(status);
    this.#membership.proposeChange(raft, status);
  }

  /** Returns, once, whether the duties have more to propose at once, because a `lost` command was applied. */
  takeContinues(): boolean {
    const continues = this.#continues;
    this.#continues = false;
    return continues;
  }

  /**
   * Returns the last batch of the member that is in the log, as far as this leader knows. A batch that an earlier leader
   * appended counts when it is applied.
   */
  #lastOf({ member, storeId }: BatchHeader): Cursor | undefined {
    const appended = this.#cursors.get(member);
    const applied: Cursor | undefined = this.#context.state.proposer(member);
    if (appended === undefined || applied?.storeId !== storeId) return appended ?? applied;
    if (appended.storeId !== storeId) return applied;
    const isLater =
      applied.incarnation > appended.incarnation ||
      (applied.incarnation === appended.incarnation && applied.sequence > appended.sequence);
    return isLater ? applied : appended;
  }

  #runTimers(): void {
    const { state, nowMs, clock } = this.#context;
    const deadline = state.nextDeadline();
    if (deadline === null || deadline > clock.nowMs || nowMs - this.#timeProposedMs < timeIntervalMs) return;
    this.#timeProposedMs = nowMs;
    this.#proposer.add({ kind: 'time' });
  }

  #loseSilentHomes(): void {
    const { state, nowMs, options } = this.#context;
    for (const member of this.#peers.ids) {
      const heardOrElected = Math.min(this.#peers.silentMs(member), nowMs - this.#electedAtMs);
      const last = this.#lost.get(member);
      if (heardOrElected < options.timings.lostAfterMs) {
        this.#lost.delete(member);
        continue;
      }
      if (last?.isApplied === false && nowMs - last.proposedMs < lostIntervalMs) continue;
      // The sessions are in the order of their epochs. Sessions may open at the member until the `lost` command is
      // committed; the bound on the epoch excludes them.
      const sessions = [...state.connectedSessions(member)];
      if (sessions.length === 0) {
        this.#lost.delete(member);
        continue;
      }
      const count = last?.count ?? Math.max(lostConnectionsMin, Math.ceil(sessions.length / lostCommandsMax));
      const ended = sessions.slice(0, count);
      const incarnation = Math.max(...ended.map(({ home }) => home?.incarnation ?? 0));
      const epochMax = ended.at(-1)!.epoch;
      const loss: Loss = { count, proposedMs: nowMs, isApplied: false };
      this.#lost.set(member, loss);
      const done = (): void => {
        loss.isApplied = true;
        this.#continues = true;
      };
      this.#proposer.add({ kind: 'lost', member, incarnation, epochMax }, { kind: 'duty', done });
    }
  }

  /**
   * Raises the semantics version when all members support the next one (docs/DESIGN.md, "The log and its
   * entries").
   */
  #raiseSemantics(status: RaftStatus): void {
    const { state, semantics, nowMs, options } = this.#context;
    const version = state.semantics + 1;
    if (version > semantics.version || status.config === null) return;
    if (nowMs - this.#semanticsMs < semanticsIntervalMs) return;
    const known = status.config.members.every(
      ({ id }) => id === options.id || (this.#peers.hellos.get(id)?.semantics ?? 0) >= version,
    );
    if (!known) return;
    this.#semanticsMs = nowMs;
    this.#proposer.add({ kind: 'semantics', version });
  }
}

/** Returns whether a batch follows the last batch of its member. The first batch of an incarnation has the number 1. */
function isNext(header: BatchHeader, last: Cursor | undefined): boolean {
  if (last?.storeId === header.storeId && last.incarnation === header.incarnation)
    return header.sequence === last.sequence + 1;
  return header.sequence === 1 && (last?.storeId !== header.storeId || header.incarnation > last.incarnation);
}

/** Returns null for invalid bytes, because a faulty peer must not crash this member. */
export function headerOf(batch: Uint8Array): BatchHeader | null {
  try {
    return decodeBatchHeader(batch);
  } catch {
    return null;
  }
}
