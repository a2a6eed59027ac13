import type { Cluster } from '../cluster/cluster.ts';
import { LabError } from '../errors.ts';
import type { FaultAction, FaultCommand } from '../fault-forms.ts';

const servePollMs = 100;
const serveMsMax = 60_000;

/** Faults that the action `start` ends. The action `heal` ends the faults that are not in this set. */
const endedByStart: ReadonlySet<string> = new Set<FaultAction>(['kill', 'stop', 'wipe', 'pause']);
/** Faults that the action `resume` ends. */
const endedByResume: ReadonlySet<string> = new Set<FaultAction>(['pause']);

/** The parts of a cluster that the injector uses. */
export type FaultTarget = Pick<Cluster, 'fault' | 'report'>;

/** Records the beginning and the end of a fault (the event `fault` of the history). */
export type RecordFault = (
  fault: { readonly id: number; readonly fault: string; readonly groups: readonly (readonly string[])[] },
  phase: 'begin' | 'end',
) => void;

interface ActiveFault {
  readonly id: number;
  readonly fault: FaultAction;
  readonly groups: readonly (readonly string[])[];
}

/** Executes the faults of a plan and records them, so that the checker can determine when a fault affected a server. */
export class FaultInjector {
  readonly #target: FaultTarget;
  readonly #members: readonly string[];
  readonly #record: RecordFault;
  readonly #active = new Set<ActiveFault>();
  #lastId = 0;

  constructor(target: FaultTarget, members: readonly string[], record: RecordFault) {
    this.#target = target;
    this.#members = members;
    this.#record = record;
  }

  /** Executes and records one fault. @throws UsageError, LabError when the cluster can't execute the fault */
  async inject({ action, groups, value }: FaultCommand): Promise<void> {
    const names = groups.map((group) => group.map((number) => `m${number}`));
    const members = names.flat();
    switch (action) {
      case 'start':
      case 'resume': {
        await this.#target.fault(action, names);
        await this.#waitUntilServing(members);
        const ended = action === 'start' ? endedByStart : endedByResume;
        return this.#end(({ fault, groups }) => ended.has(fault) && members.includes(groups[0]?.[0] ?? ''));
      }
      case 'heal':
        await this.#target.fault('heal', []);
        return this.#end(({ fault }) => !endedByStart.has(fault));
      case 'rolling':
        return this.#roll(members.length === 0 ? this.#members : members);
      case 'kill':
      case 'stop':
      case 'wipe':
      case 'pause':
        // Each member gets its own record, because the fault of each member ends at a different time.
        for (const member of members) this.#begin(action, [[member]]);
        return this.#target.fault(action, names, value);
      default:
        this.#begin(action, names);
        return this.#target.fault(action, names, value);
    }
  }

  /** Restarts one member after another. Records each restart as a separate fault, because only one member is down at a time. */
  async #roll(members: readonly string[]): Promise<void> {
    for (const member of members) {
      const fault = this.#begin('stop', [[member]]);
      await this.#target.fault('stop', [[member]]);
      await this.#target.fault('start', [[member]]);
      await this.#waitUntilServing([member]);
      this.#end((active) => active === fault);
    }
  }

  #begin(fault: FaultAction, groups: readonly (readonly string[])[]): ActiveFault {
    const active = { id: ++this.#lastId, fault, groups };
    this.#active.add(active);
    this.#record(active, 'begin');
    return active;
  }

  #end(isEnded: (active: ActiveFault) => boolean): void {
    for (const active of [...this.#active].filter(isEnded)) {
      this.#active.delete(active);
      this.#record(active, 'end');
    }
  }

  /** Waits until the members serve. A restarted member may be ready before it serves; its fault ends only when it serves. */
  async #waitUntilServing(members: readonly string[]): Promise<void> {
    const deadline = performance.now() + serveMsMax;
    while (performance.now() < deadline) {
      const reports = await this.#target.report();
      if (reports.every(({ id, status }) => !members.includes(id) || status?.state === 'serving')) return;
      await new Promise((resolve) => setTimeout(resolve, servePollMs));
    }
    throw new LabError(`${members.join(', ')} do not serve ${serveMsMax / 1_000} s after the start`);
  }
}
