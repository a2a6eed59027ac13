import type { LogIndex } from '@mqtt-cluster/contracts';
import type { BatchHeader } from '@mqtt-cluster/mqtt-state';
import type { History } from '../history/history.ts';

/**
 * Batches are applied once and without holes (design, section 3: a retry over a change of leader is never applied twice and never
 * overtakes). What clients see would not tell: QoS 1 may repeat, QoS 2 has packet ids of its own, and a leader sorts out most repeats
 * before they get into the log. The rest is what a new leader took over without having applied it: the homes send that again at once.
 */
export class Numbering {
  readonly #history: History;
  /** Where each batch was applied, by store, incarnation and number. */
  readonly #appliedAt = new Map<string, LogIndex>();

  constructor(history: History) {
    this.#history = history;
  }

  applied(index: LogIndex, header: BatchHeader): void {
    const { storeId, incarnation, sequence, member } = header;
    const key = `${storeId}/${incarnation}/`;
    const known = this.#appliedAt.get(`${key}${sequence}`);
    if (known === index) return;
    const what = `batch ${sequence} of ${member}'s start ${incarnation}`;
    if (known !== undefined) this.#violate(`${what} was applied at index ${known} and at ${index}`);
    const before = sequence === 1 ? 0 : this.#appliedAt.get(`${key}${sequence - 1}`);
    // Members apply in order, so somebody has applied the one before by now.
    if (before === undefined || before >= index)
      this.#violate(`${what} was applied at index ${index}, and the one before it at ${before ?? 'none'}`);
    this.#appliedAt.set(`${key}${sequence}`, index);
  }

  #violate(text: string): void {
    this.#history.violate({ promise: 'numbering', text });
  }
}
