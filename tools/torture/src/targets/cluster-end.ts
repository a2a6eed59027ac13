import type { ServerAddress } from '@mqtt-cluster/kit';
import type { PlannedFault } from '../nemesis/fault.ts';
import { linkRules } from './remote-end.ts';
import type { RemoteEnd } from './remote-end.ts';
import { SecondCluster } from './second-cluster.ts';

const memberCount = 3;

/** One of so many faults affects all members. */
const faultsPerRound = 4;

/**
 * A second cluster of three members. The link uses all of them. A fault affects one member, a different one each time, and
 * every fourth fault affects all members.
 */
export class ClusterEnd implements RemoteEnd {
  readonly #cluster: SecondCluster;
  #faults = 0;

  constructor(folder: string) {
    this.#cluster = new SecondCluster(folder, memberCount);
  }

  get servers(): readonly ServerAddress[] {
    return this.#cluster.servers;
  }

  async start(): Promise<readonly ServerAddress[]> {
    await this.#cluster.start();
    return this.servers;
  }

  definition(addresses: readonly string[]): object {
    const urls = addresses.map((address) => `mqtt://${address}`);
    return { addresses: urls, keepAliveSeconds: 2, rules: linkRules };
  }

  aim(): readonly number[] {
    const count = this.#faults++;
    const all = this.servers.map((_, position) => position);
    return count % faultsPerRound === faultsPerRound - 1 ? all : [count % all.length];
  }

  begin(fault: PlannedFault): Promise<void> {
    return this.#cluster.begin(fault);
  }

  end(fault: PlannedFault): Promise<void> {
    return this.#cluster.end(fault);
  }

  restore(): Promise<void> {
    return this.#cluster.restore();
  }

  takeCrashes(): string[] {
    return this.#cluster.takeCrashes();
  }

  stop(keep: boolean): Promise<void> {
    return this.#cluster.stop(keep);
  }
}
