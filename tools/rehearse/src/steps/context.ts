import type { TestBed } from '../bed/bed.ts';
import type { Cluster } from '../cluster.ts';
import type { Clients } from '../load/clients.ts';
import type { Playbooks } from '../playbook.ts';

/** The test bed, the cluster and the load that every step of a rehearsal uses. */
export interface RehearsalContext {
  /** Path of the repository. */
  readonly root: string;
  readonly bed: TestBed;
  readonly cluster: Cluster;
  readonly playbooks: Playbooks;
  readonly clients: Clients;
  readonly versions: { readonly first: string; readonly second: string };
  /** Prints one line of progress within a step. */
  readonly log: (text: string) => void;
}

/** One step of a rehearsal. */
export interface Step {
  /** Description of the step, printed as a heading. */
  readonly name: string;
  /** The load does not run during this step: there is no cluster for it, or the step takes messages back. */
  readonly withoutLoad?: true;
  run(context: RehearsalContext): Promise<void>;
}

export function logAll(log: RehearsalContext['log'], lines: readonly string[]): void {
  for (const line of lines) log(line);
}
