import type { RaftSnapshotResponse, Snapshot } from '@mqtt-cluster/contracts';
import type { HeartbeatRounds } from './heartbeat-rounds.ts';
import type { PeerProgress } from './progress.ts';
import type { RaftState } from './raft-state.ts';

/**
 * The leader's side of snapshot transfers (paper, figure 13): resumable, with one piece in flight per peer.
 */
export class SnapshotSender {
  readonly #state: RaftState;
  readonly #rounds: HeartbeatRounds;
  /** The snapshot that the transfers send; null when no transfer needs one. */
  #snapshot: Snapshot | null = null;
  #isNeeded = false;

  constructor(state: RaftState, rounds: HeartbeatRounds) {
    this.#state = state;
    this.#rounds = rounds;
  }

  /** Returns whether a transfer has found no snapshot to send since the last call. */
  takeNeed(): boolean {
    const isNeeded = this.#isNeeded;
    this.#isNeeded = false;
    return isNeeded;
  }

  provide(snapshot: Snapshot): void {
    if (snapshot.index < this.#state.log.baseIndex) return;
    if (this.#snapshot === null || snapshot.index > this.#snapshot.index) this.#snapshot = snapshot;
  }

  /** Sends the next piece to the peer unless a piece is unacknowledged. */
  send(peer: PeerProgress): void {
    if (peer.snapshotTransfer === null && !this.#begin(peer)) return;
    const transfer = peer.snapshotTransfer!;
    if (transfer.sentAtMs !== null) return;
    const { index, term, config, data } = transfer.snapshot;
    transfer.sentAtMs = this.#state.nowMs;
    this.#state.send(peer.id, peer.storeId, {
      type: 'snapshotPiece',
      index,
      snapshotTerm: term,
      config,
      offset: transfer.offset,
      totalBytes: data.length,
      data: data.subarray(transfer.offset, transfer.offset + this.#state.options.snapshotPieceBytes),
      round: this.#rounds.current,
    });
  }

  /**
   * Counts an unacknowledged piece as lost after an election timeout, so that the leader sends the piece
   * again.
   */
  tick(peer: PeerProgress): void {
    const sentAtMs = peer.snapshotTransfer?.sentAtMs ?? null;
    if (sentAtMs === null || this.#state.nowMs - sentAtMs < this.#state.options.timings.electionMsMin) return;
    peer.snapshotTransfer!.sentAtMs = null;
  }

  /** Handles the peer's response. @returns whether the peer has stored the whole snapshot */
  response(peer: PeerProgress, response: RaftSnapshotResponse): boolean {
    const transfer = peer.snapshotTransfer;
    if (transfer === null || response.index !== transfer.snapshot.index) return false;
    if (response.installed) return true;
    const { data } = transfer.snapshot;
    const offset = Math.max(0, Math.min(response.offset, data.length));
    // A response that asks for the piece in flight was sent before that piece arrived.
    if (transfer.sentAtMs !== null && offset === transfer.offset) return false;
    transfer.offset = offset;
    transfer.sentAtMs = null;
    return false;
  }

  /**
   * Ends the transfer if the peer has stored everything up to the snapshot's index, by snapshot or by
   * entries.
   */
  acknowledged(peer: PeerProgress): void {
    const transfer = peer.snapshotTransfer;
    if (transfer === null || peer.matchIndex < transfer.snapshot.index) return;
    const { index, data } = transfer.snapshot;
    this.#state.emit({ kind: 'snapshotSent', to: peer.id, index, bytes: data.length });
    peer.snapshotTransfer = null;
  }

  releaseUnless(needed: boolean): void {
    if (!needed) this.#snapshot = null;
  }

  #begin(peer: PeerProgress): boolean {
    if (this.#snapshot !== null && this.#snapshot.index >= this.#state.log.baseIndex) {
      peer.snapshotTransfer = { snapshot: this.#snapshot, offset: 0, sentAtMs: null };
      return true;
    }
    this.#snapshot = null;
    this.#isNeeded = true;
    return false;
  }
}
