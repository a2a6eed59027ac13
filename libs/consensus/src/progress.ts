import type { ConfiguredMember, LogIndex, MemberId, Snapshot, StoreId } from '@mqtt-cluster/contracts';

/** A snapshot on its way to one peer, piece by piece; one piece at a time is unanswered. */
export interface Transfer {
  readonly snapshot: Snapshot;
  /** What the peer has, as it told; the next piece starts here. */
  offset: number;
  /** When the unanswered piece was sent, or null. */
  sentAtMs: number | null;
}

/**
 * What a leader knows of one peer. `probe`: looking for where the logs part, one append at a time; `replicate`:
 * appends follow each other without waiting; `snapshot`: the peer needs what the log no longer has.
 */
export class Peer {
  readonly id: MemberId;
  readonly storeId: StoreId;
  mode: 'probe' | 'replicate' | 'snapshot' = 'probe';
  /** The highest index known to be stored there. */
  match: LogIndex = 0;
  /** The round that the answer which raised `match` echoed. */
  matchRound = 0;
  /** The next index to send. */
  next: LogIndex;
  /** Probe: an append is unanswered. */
  probing = false;
  /** Replicate: the last index of each unanswered append, in order. */
  inFlight: LogIndex[] = [];
  /** When its stored log last grew, or appends were first sent after all had been answered. */
  progressAtMs: number;
  /** The latest moment from which the peer is known to have been alive. */
  heardAtMs: number;
  /** It has answered in this leadership; until then `heardAtMs` is only the benefit of the doubt. */
  hasAnswered = false;
  /** The highest commit index it was told. */
  commitSent: LogIndex = 0;
  /** It answered with less than it had acknowledged: its word counts no more in this leadership. */
  regressed = false;
  transfer: Transfer | null = null;

  constructor(member: ConfiguredMember, next: LogIndex, nowMs: number) {
    this.id = member.id;
    this.storeId = member.storeId;
    this.next = next;
    this.heardAtMs = nowMs;
    this.progressAtMs = nowMs;
  }

  probeFrom(next: LogIndex): void {
    this.mode = 'probe';
    this.next = Math.max(next, this.match + 1);
    this.probing = false;
    this.inFlight = [];
    this.transfer = null;
  }

  replicateFrom(next: LogIndex): void {
    this.mode = 'replicate';
    this.next = Math.max(next, this.match + 1);
    this.inFlight = [];
    this.transfer = null;
  }

  needsSnapshot(): void {
    this.mode = 'snapshot';
    this.inFlight = [];
    this.transfer = null;
  }

  acknowledged(index: LogIndex, round: number, nowMs: number): void {
    this.match = index;
    this.matchRound = round;
    this.progressAtMs = nowMs;
    while ((this.inFlight[0] ?? Infinity) <= index) this.inFlight.shift();
  }
}
