import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StoreCorruptError } from '@mqtt-cluster/contracts';
import type { Logger, LogIndex } from '@mqtt-cluster/contracts';

/** In the data directory: what was in it before. Only the last one is kept. */
export const setAsideName = 'set-aside';
/** A store that is unfit again so soon has not a bad disk but a bad program: replacing it for ever helps nobody. */
const againMsMin = 3_600_000;
/** While the cluster cannot do without this member it is asked again. */
const retryMs = 5_000;

export interface StoreReplacementComponents {
  readonly directory: string;
  readonly logger: Logger;
  /** Whether the cluster can do without this member now. */
  readonly maySpare: () => Promise<{ readonly safe: boolean; readonly reason: string }>;
  /** Drains, and closes the store. */
  readonly stop: () => Promise<void>;
  /** Acked messages that only this store holds. */
  readonly outboxItems: () => number;
  readonly onFatal: (error: unknown) => void;
}

/**
 * A member whose state differs from that of the majority gets an empty store: it hands over, sets its store aside and ends;
 * started again it is filled by its peers (design, section 3).
 */
export class StoreReplacement {
  readonly #components: StoreReplacementComponents;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #begun = false;

  constructor(components: StoreReplacementComponents) {
    this.#components = components;
  }

  /** Once; says in the log what becomes of it. */
  begin(index: LogIndex): void {
    if (this.#begun) return;
    this.#begun = true;
    const { directory, logger } = this.#components;
    if (setAsideLately(directory, Date.now())) {
      logger.error(
        { index },
        'the state differs again soon after the store was replaced: an operator has to look',
      );
      return;
    }
    logger.error(
      { index },
      "the state of this member differs from the majority's: its store will be replaced",
    );
    void this.#tryNow(index);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #tryNow(index: LogIndex): Promise<void> {
    const { maySpare, outboxItems, logger, stop, directory, onFatal } = this.#components;
    const { safe, reason } = await maySpare();
    if (!safe || outboxItems() > 0) {
      logger.warn({ reason, outboxItems: outboxItems() }, 'the store cannot be replaced yet');
      this.#timer = setTimeout(() => void this.#tryNow(index), retryMs);
      return;
    }
    try {
      await stop();
      const left = outboxItems();
      const where = left === 0 ? setAside(directory) : null;
      const fate =
        where === null ? `kept, because only it holds ${left} acked batches` : `set aside in ${where}`;
      onFatal(
        new StoreCorruptError(
          `the state of this member differed from the majority's at entry ${index}; its store is ${fate}, and the next ` +
            'start gets everything from the peers',
        ),
      );
    } catch (error) {
      onFatal(error);
    }
  }
}

/** Moves everything in the directory (which may be a mount) into one below it. @returns which */
export function setAside(directory: string): string {
  const target = join(directory, setAsideName);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  for (const name of readdirSync(directory)) {
    if (name !== setAsideName) renameSync(join(directory, name), join(target, name));
  }
  return target;
}

export function setAsideLately(directory: string, nowMs: number): boolean {
  const target = join(directory, setAsideName);
  return existsSync(target) && nowMs - statSync(target).mtimeMs < againMsMin;
}
