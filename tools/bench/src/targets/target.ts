import type { Endpoint } from '../generator/load.ts';
import type { Processes, StartedProcess } from '../processes.ts';

export interface RunningTarget {
  readonly endpoints: readonly Endpoint[];
  readonly processes: readonly StartedProcess[];
}

/** A broker, or a cluster of them, that the benchmark can start. */
export interface Target {
  readonly name: string;
  /** A line for the report: the broker and its configuration. */
  readonly description: string;
  readonly sessions: 'clean' | 'persistent';
  readonly qosLevels: readonly (0 | 1 | 2)[];
  /** QoS levels that are measured without the option --qos. */
  readonly qosByDefault: readonly (0 | 1 | 2)[];
  /** Returns why the target can't be measured here, or null. */
  unavailable(): string | null;
  start(processes: Processes, directory: string, options: StartOptions): Promise<RunningTarget>;
}

export interface StartOptions {
  readonly clean: boolean;
}
