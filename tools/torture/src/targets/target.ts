import type { Limits } from '@mqtt-cluster/history-checker';
import type { LoadTarget } from '@mqtt-cluster/workload';
import type { FaultKind, MemberGroup, PlannedFault } from '../nemesis/fault.ts';

/** Resources of one member's process. */
export interface ResourceUsage {
  readonly server: string;
  /** Resident memory, bytes. */
  readonly resident: number;
  readonly descriptors: number;
  /** Size of the member's data folder, bytes. */
  readonly disk: number;
}

/** The other end of the link of a scenario. */
export type LinkedEnd = 'mosquitto' | 'jetstream' | 'cluster';

/** The brokers of a run, and the faults that they support. */
export interface Target extends LoadTarget {
  readonly name: string;
  readonly limits: Limits;
  /** Supported faults. Scenarios that need another fault are not available. */
  readonly supportedFaults: ReadonlySet<FaultKind>;
  /**
   * Starts all members. @throws TortureError when a member does not serve in time; all members are then
   * stopped
   */
  start(): Promise<void>;
  /** @returns the position of the leader in the list of servers; null if no member leads */
  findLeader?(): Promise<number | null>;
  /** @returns the position of the member that runs the link in the list of servers; null if no member does */
  findRunner?(): Promise<number | null>;
  /** @returns the brokers beyond the link that the next fault of this kind affects, as positions in `remotes` */
  aimAtRemotes?(kind: FaultKind): readonly MemberGroup[];
  /**
   * Starts another broker and a link between it and the servers, for the scenarios with a link. `remotes` then has this
   * broker.
   * @returns the reason if it is not possible here, null otherwise. @throws Error with one line of text
   */
  openLink?(kind: LinkedEnd): Promise<string | null>;
  /**
   * Removes the link and ends its broker.
   * @param keep whether the data and log of the broker are kept
   * @returns what the link reported last, in one sentence
   */
  closeLink?(keep: boolean): Promise<string>;
  /**
   * Begins a supported fault, except `rolling`: the nemesis executes that fault as a sequence of `stop`
   * faults.
   * @throws Error with one line of text when the target can't execute the fault
   */
  begin(fault: PlannedFault): Promise<void>;
  /** Ends a fault. Members that the fault had stopped serve when the promise resolves. */
  end(fault: PlannedFault): Promise<void>;
  /**
   * Ends all faults and starts all members. @throws Error with one line of text when a member does not serve
   * again
   */
  restore(): Promise<void>;
  /**
   * @returns one sentence for each unexpected exit of a member and for each alarm in its log since the last
   * call
   */
  takeCrashes(): string[];
  usage(): ResourceUsage[];
  /** Stops all members. @param keep whether data and logs are kept */
  stop(keep: boolean): Promise<void>;
}
