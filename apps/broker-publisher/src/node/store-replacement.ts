import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StoreCorruptError } from '@mqtt-cluster/contracts';
import type { Logger, LogIndex } from '@mqtt-cluster/contracts';

/** Subdirectory of the data directory that keeps the replaced store. The next replacement overwrites it. */
export const setAsideDirectory = 'set-aside';
/**
 * Minimum time between two replacements. If the state of the store differs again within this time, the
 * cause is a program error, not a bad disk, and another replacement would not help.
 */
const intervalMsMin = 3_600_000;
/**
 * Retry interval while the cluster would lose its majority, or acknowledged messages, without this member.
 */
const retryMs = 5_000;

export interface StoreReplacementComponents {
  readonly directory: string;
  readonly logger: Logger;
  /** Returns whether the cluster keeps its majority when this member stops now. */
  readonly stopSafety: () => Promise<{ readonly safe: boolean; readonly reason: string }>;
  /** Drains this member and closes the store. */
  readonly stop: () => Promise<void>;
  /** Returns the number of batches with degraded acknowledgements that only this store contains. */
  readonly outboxItems: () => number;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Replaces the store of a member whose state differs from that of the majority (docs/DESIGN.md, "The log and
 * its entries"). The member drains, sets its store aside and exits. At the next start the member has an
 * empty store, and its peers send the state.
 */
export class StoreReplacement {
  readonly #components: StoreReplacementComponents;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #requested = false;

  constructor(components: StoreReplacementComponents) {
    this.#components = components;
  }

  /**
   * Replaces the store as soon as the replacement is safe. Later calls have no effect. `index`: log index at which
   * the state differs.
   */
  request(index: LogIndex): void {
    if (this.#requested) return;
    this.#requested = true;
    const { directory, logger } = this.#components;
    if (wasSetAsideRecently(directory, Date.now())) {
      logger.error(
        { index },
        'the state of this member differs from the majority again within an hour of a store replacement: ' +
          'the store is not replaced again; an operator must investigate',
      );
      return;
    }
    logger.error(
      { index },
      'the state of this member differs from the majority: this member will replace its store',
    );
    void this.#attempt(index);
  }

  /** Cancels a pending retry of the replacement. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #attempt(index: LogIndex): Promise<void> {
    const { stopSafety, outboxItems, logger, stop, directory, onFatal } = this.#components;
    const { safe, reason } = await stopSafety();
    if (!safe || outboxItems() > 0) {
      logger.warn({ reason, outboxItems: outboxItems() }, 'the store cannot be replaced yet: will retry');
      this.#timer = setTimeout(() => void this.#attempt(index), retryMs);
      return;
    }
    try {
      await stop();
      const remaining = outboxItems();
      const result =
        remaining === 0
          ? `moved to ${setAside(directory)}`
          : `kept, because only this store contains ${remaining} acknowledged batches`;
      onFatal(
        new StoreCorruptError(
          `the state of this member differed from the majority at entry ${index}; its store is ${result}; ` +
            'start the member again, and its peers send it the state',
        ),
      );
    } catch (error) {
      onFatal(error);
    }
  }
}

/**
 * Moves the content of the data directory into a subdirectory. The data directory itself may be a mount point,
 * which cannot be renamed.
 *
 * @returns the path of the subdirectory
 */
function setAside(directory: string): string {
  const target = join(directory, setAsideDirectory);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  for (const name of readdirSync(directory)) {
    if (name !== setAsideDirectory) renameSync(join(directory, name), join(target, name));
  }
  return target;
}

function wasSetAsideRecently(directory: string, nowMs: number): boolean {
  const target = join(directory, setAsideDirectory);
  return existsSync(target) && nowMs - statSync(target).mtimeMs < intervalMsMin;
}
