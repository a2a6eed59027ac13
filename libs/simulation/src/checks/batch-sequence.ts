import type { Incarnation, LogIndex, StoreId } from '@mqtt-cluster/contracts';
import type { BatchHeader } from '@mqtt-cluster/mqtt-state';
import type { History } from '../history/history.ts';

/**
 * Checks that the batches of each incarnation are applied once and in order of their sequence numbers
 * (docs/DESIGN.md, "The log and its entries"). Clients cannot detect a violation: QoS 1 allows duplicates,
 * and QoS 2 is protected by packet ids. Most duplicates never reach the log, because the leader rejects them.
 * A new leader that has not applied all its entries cannot reject a duplicate, and homes repeat their
 * proposals at once after an election.
 */
export class BatchSequenceCheck {
  readonly #history: History;
  /** Index at which each batch was applied, by store id, incarnation and sequence number. */
  readonly #appliedAt = new Map<StoreId, Map<Incarnation, LogIndex[]>>();

  constructor(history: History) {
    this.#history = history;
  }

  batchApplied(index: LogIndex, header: BatchHeader): void {
    const { storeId, incarnation, sequence, member } = header;
    const appliedAt = this.#appliedAtOf(storeId, incarnation);
    const known = appliedAt[sequence];
    if (known === index) return;
    const what = `batch ${sequence} of ${member}, incarnation ${incarnation},`;
    if (known !== undefined) this.#reportViolation(`${what} was applied at index ${known} and at ${index}`);
    const before = sequence === 1 ? 0 : appliedAt[sequence - 1];
    // Members apply entries in order, so the previous batch must be recorded by now.
    if (before === undefined || before >= index)
      this.#reportViolation(
        `${what} was applied at index ${index}, and batch ${sequence - 1} at ${before === undefined ? 'no index' : `index ${before}`}`,
      );
    appliedAt[sequence] = index;
  }

  #appliedAtOf(storeId: StoreId, incarnation: Incarnation): LogIndex[] {
    let ofStore = this.#appliedAt.get(storeId);
    if (ofStore === undefined) this.#appliedAt.set(storeId, (ofStore = new Map<Incarnation, LogIndex[]>()));
    let appliedAt = ofStore.get(incarnation);
    if (appliedAt === undefined) ofStore.set(incarnation, (appliedAt = []));
    return appliedAt;
  }

  #reportViolation(text: string): void {
    this.#history.reportViolation({ promise: 'batch sequence', text });
  }
}
