import type { Endpoint } from '../generator/load.ts';
import type { Processes, StartedProcess } from '../processes.ts';

export interface RunningTarget {
  readonly endpoints: readonly Endpoint[];
  readonly processes: readonly StartedProcess[];
}

/** A broker, or a cluster of brokers, that the bench can start and measure. */
export interface Target {
  readonly name: string;
  /** The broker and its configuration in one line, for the report. */
  readonly description: string;
  /** Kind of the clients' sessions without the option --session. */
  readonly sessions: 'clean' | 'persistent';
  /** QoS levels that the target supports. */
  readonly qosLevels: readonly (0 | 1 | 2)[];
  /** QoS levels that are measured without the option --qos. */
  readonly qosByDefault: readonly (0 | 1 | 2)[];
  /** Returns the reason why the target can't be measured on this machine, or null. */
  unavailable(): string | null;
  start(processes: Processes, directory: string, options: StartOptions): Promise<RunningTarget>;
}

export interface StartOptions {
  /** Whether the clients have clean sessions. */
  readonly clean: boolean;
}
