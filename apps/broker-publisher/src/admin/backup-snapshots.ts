import { setImmediate } from 'node:timers/promises';
import type { Snapshot } from '@mqtt-cluster/contracts';
import type { MemberRunner } from '../node/member-runner.ts';

/** A snapshot, or one sentence that says why there is none. */
export type BackupSnapshot = Snapshot | { readonly refusal: string };

/**
 * Takes snapshots of the replicated state for backups. Each takes many turns of the event loop, so that clients and peers do
 * not wait for it. They are taken one after another, because each needs memory for the whole state.
 */
export class BackupSnapshots {
  readonly #runner: Pick<MemberRunner, 'readMember'>;
  /** The snapshot that has not begun yet. */
  #next: Promise<BackupSnapshot> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(runner: Pick<MemberRunner, 'readMember'>) {
    this.#runner = runner;
  }

  /**
   * Returns the replicated state as it is at some time after the call. All calls during a snapshot share the next one.
   * Otherwise clients that ask again and again, and disconnect, could queue any number of snapshots.
   */
  take(): Promise<BackupSnapshot> {
    if (this.#next !== null) return this.#next;
    const next = this.#last.then(() => {
      this.#next = null;
      return this.#take();
    });
    this.#next = next;
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Gives all unfinished snapshots up. */
  stop(): void {
    this.#isStopped = true;
  }

  async #take(): Promise<BackupSnapshot> {
    const unfinished = this.#runner.readMember((member) => member.beginSnapshot());
    if (unfinished === null)
      return { refusal: 'this member does not belong to a cluster, so there is no state to back up' };
    while (!this.#isStopped) {
      const snapshot = this.#runner.readMember(() => unfinished.advance());
      if (snapshot !== null) return snapshot;
      await setImmediate();
    }
    unfinished.discard();
    return { refusal: 'this member stops, so the backup was given up: ask another member' };
  }
}
