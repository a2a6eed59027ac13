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
export class ClusterEnd extends SecondCluster implements RemoteEnd {
  #faults = 0;

  constructor(folder: string) {
    super(folder, memberCount);
  }

  definition(addresses: readonly string[]): object {
    const urls = addresses.map((address) => `mqtt://${address}`);
    return { addresses: urls, keepAliveSeconds: 2, rules: linkRules };
  }

  aim(): readonly number[] {
    const count = this.#faults++;
    const all = Array.from({ length: memberCount }, (_, position) => position);
    return count % faultsPerRound === faultsPerRound - 1 ? all : [count % memberCount];
  }
}
