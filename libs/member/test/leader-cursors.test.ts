import type { ClusterConfig } from '@mqtt-cluster/contracts';
import type { Raft } from '@mqtt-cluster/consensus';
import { encodeBatch } from '@mqtt-cluster/mqtt-state';
import { LeaderDuties } from '../src/log/leader-duties.ts';

type DutiesParameters = ConstructorParameters<typeof LeaderDuties>;

const storeId = 'a1'.repeat(16);

function batch(sequence: number): Uint8Array {
  return encodeBatch({ member: 'b', storeId, incarnation: 1, sequence, commands: [{ kind: 'time' }] });
}

/** A leader whose log takes or refuses batches. */
class Leader {
  appliedSequence = 0;
  refuses = false;
  config: ClusterConfig | null = null;
  /** Number of batches in the log. */
  appended = 0;
  readonly #duties: LeaderDuties;

  constructor() {
    const proposer = (): object => ({ storeId, incarnation: 1, sequence: this.appliedSequence });
    const context = { clock: { nowMs: 1 }, state: { proposer } } as unknown as DutiesParameters[0];
    this.#duties = new LeaderDuties(context, {} as DutiesParameters[1], {} as DutiesParameters[2]);
  }

  /** Returns how many of the batches entered the log. */
  accept(...sequences: number[]): number {
    const { appended } = this;
    const propose = (entries: readonly Uint8Array[]): number | null => {
      if (this.refuses) return null;
      this.appended += entries.length;
      return this.appended;
    };
    const raft = { propose, config: () => this.config } as unknown as Raft;
    this.#duties.accept(raft, sequences.map(batch));
    return this.appended - appended;
  }
}

describe('a leader that appends the batches of a member', () => {
  test('continues behind the batches in its log after Raft has refused later ones', () => {
    const leader = new Leader();
    expect(leader.accept(1, 2, 3)).toBe(3);
    leader.refuses = true;
    expect(leader.accept(4, 5)).toBe(0);
    leader.refuses = false;
    expect(leader.accept(6)).toBe(0);
    expect(leader.accept(4, 5, 6)).toBe(3);
    expect(leader.accept(1, 2, 3)).toBe(0);
  });

  test('continues behind the applied batches of a member that was removed and added again', () => {
    const leader = new Leader();
    expect(leader.accept(1)).toBe(1);
    leader.appliedSequence = 1;
    leader.config = { members: [] };
    expect(leader.accept(2, 3)).toBe(0);
    leader.config = { members: [{ id: 'b', storeId, role: 'voter' }] };
    expect(leader.accept(2)).toBe(1);
  });

  test('continues behind the applied batches when an earlier leader has appended more than this one', () => {
    const leader = new Leader();
    expect(leader.accept(1)).toBe(1);
    leader.appliedSequence = 4;
    expect(leader.accept(5)).toBe(1);
    expect(leader.accept(2, 3, 4, 5)).toBe(0);
  });
});
