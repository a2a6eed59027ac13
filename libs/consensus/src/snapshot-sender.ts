import type { RaftSnapshotResponse, Snapshot } from '@mqtt-cluster/contracts';
import type { Core } from './raft-state.ts';
import type { Peer } from './progress.ts';
import type { Rounds } from './heartbeat-rounds.ts';

/** A snapshot that was asked for and did not come is asked for again after this. */
const wantedAgainMs = 1_000;

/** The leader's side of snapshots (paper, figure 13), resumable and one piece at a time per peer. */
export class SnapshotSender {
  readonly #core: Core;
  readonly #rounds: Rounds;
  /** Kept while anybody is still getting it. */
  #snapshot: Snapshot | null = null;
  #wantedAtMs = -Infinity;
  #wanted = false;

  constructor(core: Core, rounds: Rounds) {
    this.#core = core;
    this.#rounds = rounds;
  }

  takeWanted(): boolean {
    const wanted = this.#wanted;
    this.#wanted = false;
    return wanted;
  }

  provide(snapshot: Snapshot): void {
    if (snapshot.index < this.#core.log.baseIndex) return;
    this.#wantedAtMs = -Infinity;
    if (this.#snapshot === null || snapshot.index > this.#snapshot.index) this.#snapshot = snapshot;
  }

  /** Sends the peer's next piece unless one is unanswered. */
  send(peer: Peer): void {
    if (peer.transfer === null && !this.#begin(peer)) return;
    const transfer = peer.transfer!;
    if (transfer.sentAtMs !== null) return;
    const { index, term, config, data } = transfer.snapshot;
    transfer.sentAtMs = this.#core.nowMs;
    this.#core.send(peer.id, peer.storeId, {
      type: 'snapshotPiece',
      index,
      snapshotTerm: term,
      config,
      offset: transfer.offset,
      totalBytes: data.length,
      data: data.subarray(transfer.offset, transfer.offset + this.#core.options.snapshotPieceBytes),
      round: this.#rounds.current,
    });
  }

  /** A piece, or its answer, was lost: it is sent again. */
  tick(peer: Peer): void {
    const sentAtMs = peer.transfer?.sentAtMs ?? null;
    if (sentAtMs === null || this.#core.nowMs - sentAtMs < this.#core.options.timings.electionMsMin) return;
    peer.transfer!.sentAtMs = null;
  }

  /** @returns whether the peer now has the whole snapshot on its disk */
  answered(peer: Peer, response: RaftSnapshotResponse): boolean {
    const transfer = peer.transfer;
    if (transfer === null || response.index !== transfer.snapshot.index) return false;
    if (response.installed) return true;
    const { data } = transfer.snapshot;
    const offset = Math.max(0, Math.min(response.offset, data.length));
    // An answer that still asks for the piece on its way is older than that piece.
    if (transfer.sentAtMs !== null && offset === transfer.offset) return false;
    transfer.offset = offset;
    transfer.sentAtMs = null;
    return false;
  }

  /** The peer has stored something: perhaps all that the snapshot stands for, by whichever way. */
  acknowledged(peer: Peer): void {
    if (peer.transfer === null || peer.match < peer.transfer.snapshot.index) return;
    const { index, data } = peer.transfer.snapshot;
    this.#core.emit({ kind: 'snapshotSent', to: peer.id, index, bytes: data.length });
    peer.transfer = null;
  }

  releaseUnless(needed: boolean): void {
    if (!needed) this.#snapshot = null;
  }

  #begin(peer: Peer): boolean {
    if (this.#snapshot !== null && this.#snapshot.index >= this.#core.log.baseIndex) {
      peer.transfer = { snapshot: this.#snapshot, offset: 0, sentAtMs: null };
      return true;
    }
    this.#snapshot = null;
    if (this.#core.nowMs - this.#wantedAtMs >= wantedAgainMs) {
      this.#wantedAtMs = this.#core.nowMs;
      this.#wanted = true;
    }
    return false;
  }
}
