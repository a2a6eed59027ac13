import type { Limits } from '@mqtt-cluster/history-checker';
import type { LoadTarget } from '@mqtt-cluster/workload';
import type { FaultKind, PlannedFault } from '../nemesis/fault.ts';

/** Resources of one member's process. */
export interface Usage {
  readonly server: string;
  /** Resident memory, bytes. */
  readonly resident: number;
  readonly descriptors: number;
  /** Size of its data folder, bytes. */
  readonly disk: number;
}

/** The brokers of a run, and the faults that they support. */
export interface Target extends LoadTarget {
  readonly name: string;
  readonly limits: Limits;
  /** Supported faults. Scenarios that need others are not available. */
  readonly supportedFaults: ReadonlySet<FaultKind>;
  /** Starts all members. @throws TortureError when they do not serve in time; then all are stopped */
  start(): Promise<void>;
  /**
   * Begins a supported fault, except `rolling`, which the nemesis makes of `stop`. @throws Error in one line when the
   * target can't execute it
   */
  begin(fault: PlannedFault): Promise<void>;
  /** Ends a fault. Members that were stopped serve when this resolves. */
  end(fault: PlannedFault): Promise<void>;
  /** Ends all faults and starts all members. @throws Error in one line when a member does not serve again */
  restore(): Promise<void>;
  /** @returns one sentence for each member that ended by itself, and for each alarm in its log, since the last call */
  takeCrashes(): string[];
  usage(): Usage[];
  /** Stops all members. @param keep keeps data and logs */
  stop(keep: boolean): Promise<void>;
}
