import { holdsWithin } from '@mqtt-cluster/kit';
import type { Recorder } from '@mqtt-cluster/workload';
import { describeError } from '@mqtt-cluster/kit';
import type { Target } from '../targets/target.ts';
import type { FaultKind, FaultPlan, PlannedFault, FaultSlot } from './fault.ts';

const processKinds: ReadonlySet<FaultKind> = new Set(['kill', 'stop', 'pause', 'wipe']);

export interface NemesisOptions {
  readonly plan: FaultPlan;
  readonly target: Target;
  readonly recorder: Recorder;
  readonly log: (text: string) => void;
  /** Called with one sentence for each fault that the target could not execute. */
  readonly onProblem: (sentence: string) => void;
  /** Time for which a fault of the leader, or of the runner of the link, waits for this member, ms. */
  readonly leaderMsMax?: number;
}

/** Executes a plan slot by slot. No fault begins before the faults of the previous slot have ended. */
export class Nemesis {
  readonly #options: NemesisOptions;
  #faults = 0;
  #slots = 0;
  #planEnded = false;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** Number of faults that have begun. */
  get faults(): number {
    return this.#faults;
  }

  /** Number of slots that have been executed completely. */
  get slots(): number {
    return this.#slots;
  }

  /** Whether a finite plan has been executed completely. */
  get planEnded(): boolean {
    return this.#planEnded;
  }

  /**
   * Executes the plan. @param shouldContinue is called every 50 ms; when it returns false, the current faults
   * end
   */
  async run(shouldContinue: () => boolean): Promise<void> {
    while (shouldContinue()) {
      const { value: slot } = this.#options.plan.next();
      if (slot === undefined) {
        this.#planEnded = true;
        return waitWhile(shouldContinue, Infinity);
      }
      await this.#perform(slot, shouldContinue);
      this.#slots++;
    }
  }

  async #perform(slot: FaultSlot, shouldContinue: () => boolean): Promise<void> {
    const begun: { readonly fault: PlannedFault; readonly id: number }[] = [];
    for (const planned of slot.faults) {
      if (planned.kind === 'rolling') {
        await this.#roll(planned);
        continue;
      }
      if (planned.afterMs !== undefined) {
        await waitWhile(shouldContinue, planned.afterMs);
        if (!shouldContinue()) break;
      }
      const fault = await this.#aimed(planned, shouldContinue);
      if (fault === null) continue;
      const id = ++this.#faults;
      this.#record(fault, id, 'begin');
      begun.push({ fault, id });
      await this.#try(() => this.#options.target.begin(fault));
    }
    await waitWhile(shouldContinue, slot.holdMs);
    // Links and disks recover before processes start, because a starting member needs them to serve.
    const isLast = ({ fault }: { readonly fault: PlannedFault }): number =>
      processKinds.has(fault.kind) ? 1 : 0;
    // A later fault may have ended more processes, so that those of an earlier fault can't serve before its end.
    for (const { fault, id } of begun.reverse().sort((left, right) => isLast(left) - isLast(right))) {
      await this.#try(() => this.#options.target.end(fault));
      this.#record(fault, id, 'end');
    }
    await waitWhile(shouldContinue, slot.recoveryMs);
  }

  /**
   * Replaces the members of a fault that affects the leader, or the member that runs the link. It waits for a member with
   * this role for {@link leaderMsMax} or {@link runnerMsMax}. Without one it reports a problem and returns null: a fault of
   * another member would not end the role, and the run would prove less than its scenario promises. The target chooses the
   * brokers of a fault beyond the link.
   */
  async #aimed(fault: PlannedFault, shouldContinue: () => boolean): Promise<PlannedFault | null> {
    const { target, onProblem } = this.#options;
    if (fault.remote === true) return { ...fault, groups: target.aimAtRemotes?.(fault.kind) ?? fault.groups };
    const find =
      fault.leader === true ? target.findLeader : fault.runner === true ? target.findRunner : undefined;
    if (find === undefined) return fault;
    let found: number | null = null;
    await holdsWithin(async () => (found = await find.call(target)) !== null || !shouldContinue(), {
      timeoutMs: this.#options.leaderMsMax ?? (fault.leader === true ? leaderMsMax : runnerMsMax),
      intervalMs: pollMs,
    });
    if (found !== null) return { ...fault, groups: [[found]] };
    const role = fault.leader === true ? ['leader', 'leads'] : ['runner of the link', 'runs the link'];
    if (shouldContinue()) onProblem(`${fault.kind} of the ${role[0]} omitted: no member ${role[1]}`);
    return null;
  }

  /**
   * Stops and starts one member after another. Each stop is recorded as a fault of its own, so that the
   * history contains the times at which each member was down. `shouldContinue` does not interrupt the
   * sequence.
   */
  async #roll({ groups, build }: PlannedFault): Promise<void> {
    for (const member of groups.flat()) {
      const fault: PlannedFault = { kind: 'stop', groups: [[member]], ...(build && { build }) };
      const id = ++this.#faults;
      this.#record(fault, id, 'begin');
      await this.#try(() => this.#options.target.begin(fault));
      await this.#try(() => this.#options.target.end(fault));
      this.#record(fault, id, 'end');
    }
    // Every member must serve before the next update or rollback begins.
    if (build !== undefined) await this.#try(() => this.#options.target.restore());
  }

  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#options.onProblem(describeError(error));
    }
  }

  #record({ kind, groups, build, remote }: PlannedFault, id: number, phase: 'begin' | 'end'): void {
    const { recorder, target, log } = this.#options;
    const servers = remote === true ? (target.remotes ?? []) : target.servers;
    const names = groups.map((group) => group.map((member) => servers[member]?.id ?? '?'));
    recorder.record({ type: 'fault', id, phase, fault: kind, members: names.flat(), groups: names });
    const start = build === undefined ? '' : `, then start it with the ${build} build`;
    if (phase === 'begin') log(`${kind} ${names.map((group) => group.join(' ')).join(' / ')}${start}`);
  }
}

const pollMs = 50;
/** An election takes less time. The next fault of the scenario `quiet-stop` is 6 s later. */
const leaderMsMax = 4_000;
/** A takeover takes 5 s. On a busy machine an election comes before it. */
const runnerMsMax = 30_000;

/** Waits while `shouldContinue` returns true, for at most `msMax` milliseconds. */
async function waitWhile(shouldContinue: () => boolean, msMax: number): Promise<void> {
  await holdsWithin(() => !shouldContinue(), { timeoutMs: msMax, intervalMs: pollMs });
}
