import type { Bed } from '../bed/bed.ts';
import type { Cluster } from '../cluster.ts';
import type { AddressWatch } from '../load/address-watch.ts';
import type { Clients } from '../load/clients.ts';
import type { Playbooks } from '../playbook.ts';

/** What every step of a rehearsal has before it. */
export interface Scene {
  readonly bed: Bed;
  readonly cluster: Cluster;
  readonly playbooks: Playbooks;
  readonly clients: Clients;
  readonly address: AddressWatch;
  readonly versions: { readonly first: string; readonly second: string };
  /** For people, within a step. */
  readonly tell: (text: string) => void;
}

export interface Step {
  /** In words, as a heading. */
  readonly name: string;
  run(scene: Scene): Promise<void>;
}

export function tellAll(tell: Scene['tell'], lines: readonly string[]): void {
  for (const line of lines) tell(line);
}
