import type { Limits } from '@mqtt-cluster/history-checker';
import type { LoadTarget } from '@mqtt-cluster/workload';
import type { FaultKind, PlannedFault } from '../nemesis/fault.ts';

/** What one member's process uses now. */
export interface Usage {
  readonly server: string;
  /** Bytes. */
  readonly resident: number;
  readonly descriptors: number;
  /** Bytes of its data folder. */
  readonly disk: number;
}

/** What the tool tortures. */
export interface Target extends LoadTarget {
  readonly name: string;
  readonly limits: Limits;
  /** The faults that it can suffer; others are reported as not available. */
  readonly can: ReadonlySet<FaultKind>;
  /** @throws TortureError when it does not come up; nothing is left running then. */
  start(): Promise<void>;
  /** Any of {@link can} but `rolling`, which the nemesis makes of others. @throws Error in one line what could not be done */
  begin(fault: PlannedFault): Promise<void>;
  /** Undoes what {@link begin} did; processes that were ended are started, and serve when this resolves. */
  end(fault: PlannedFault): Promise<void>;
  /** Everything runs, and nothing is wrong with it. @throws Error in one line what does not come back */
  restore(): Promise<void>;
  /** Which processes ended without being told to since the last time, or say that something is badly wrong; one sentence each. */
  takeCrashes(): string[];
  usage(): Usage[];
  /** @param keep data and logs. */
  stop(keep: boolean): Promise<void>;
}
