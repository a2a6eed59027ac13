import type { ConfiguredMember, LogIndex, MemberId, Snapshot, StoreId } from '@mqtt-cluster/contracts';

/** A snapshot that is being sent to one peer. At most one piece is unacknowledged. */
export interface SnapshotTransfer {
  readonly snapshot: Snapshot;
  /** Bytes that the peer has reported as received. The next piece starts here. */
  offset: number;
  /** The time when the unacknowledged piece was sent; null if there is no unacknowledged piece. */
  sentAtMs: number | null;
}

/**
 * A leader's view of one peer (etcd-io/raft: `tracker.Progress`). The states:
 *
 * - `probe`: the leader looks for the last index at which both logs agree, with one append at a time;
 * - `replicate`: the leader pipelines appends without waiting for responses;
 * - `snapshot`: the peer needs entries that the leader's log no longer has, so it gets a snapshot.
 */
export class PeerProgress {
  readonly id: MemberId;
  readonly storeId: StoreId;
  state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  /** The highest index known to be stored by the peer. */
  matchIndex: LogIndex = 0;
  /** The heartbeat round of the response that raised `matchIndex`. */
  matchRound = 0;
  /** The index of the next entry to send. */
  nextIndex: LogIndex;
  /** In the state `probe`: whether an append is unacknowledged. */
  probeInFlight = false;
  /** In the state `replicate`: the last index of each unacknowledged append, in order. */
  inFlight: LogIndex[] = [];
  /** The time when `matchIndex` last rose, or when the first append after an idle time was sent. */
  progressAtMs: number;
  /** The latest time at which the peer is known to have been alive. */
  activeAtMs: number;
  /**
   * Whether the peer has responded to this leader. Before the first response, `activeAtMs` is only an
   * assumption.
   */
  hasResponded = false;
  /** The highest commit index that was sent to the peer. */
  commitSent: LogIndex = 0;
  /**
   * Whether the peer's store has lost entries that the peer had acknowledged. The leader then no longer
   * counts the acknowledgements of this peer.
   */
  regressed = false;
  snapshotTransfer: SnapshotTransfer | null = null;

  constructor(member: ConfiguredMember, nextIndex: LogIndex, nowMs: number) {
    this.id = member.id;
    this.storeId = member.storeId;
    this.nextIndex = nextIndex;
    this.activeAtMs = nowMs;
    this.progressAtMs = nowMs;
  }

  becomeProbe(nextIndex: LogIndex): void {
    this.state = 'probe';
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
    this.probeInFlight = false;
    this.inFlight = [];
    this.snapshotTransfer = null;
  }

  becomeReplicate(nextIndex: LogIndex): void {
    this.state = 'replicate';
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
    this.inFlight = [];
    this.snapshotTransfer = null;
  }

  becomeSnapshot(): void {
    this.state = 'snapshot';
    this.inFlight = [];
    this.snapshotTransfer = null;
  }

  acknowledged(index: LogIndex, round: number, nowMs: number): void {
    this.matchIndex = index;
    this.matchRound = round;
    this.progressAtMs = nowMs;
    while ((this.inFlight[0] ?? Infinity) <= index) this.inFlight.shift();
  }
}
