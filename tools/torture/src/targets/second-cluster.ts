import { startCluster } from '@mqtt-cluster/lab';
import type { RunningCluster } from '@mqtt-cluster/lab';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { PlannedFault } from '../nemesis/fault.ts';

/** One of so many faults affects all members. */
const faultsPerRound = 4;

/**
 * A second cluster beside the target, at the other end of a link. A fault affects one member, a different one each time, and
 * every fourth fault affects all members.
 */
export class SecondCluster {
  readonly #folder: string;
  readonly #members: number;
  #running: RunningCluster | null = null;
  #crashesTaken = 0;
  #faults = 0;
  readonly #affected = new Map<PlannedFault, readonly string[]>();

  constructor(folder: string, members: number) {
    this.#folder = folder;
    this.#members = members;
  }

  get servers(): readonly ServerAddress[] {
    return (this.#running?.cluster.servers ?? []).map((server) => ({ ...server, id: `far-${server.id}` }));
  }

  /** URLs of the HTTP listeners. */
  get urls(): readonly string[] {
    const places = this.#running?.cluster.layout.members ?? [];
    return places.map(({ host, httpPort }) => `http://${host}:${httpPort}`);
  }

  async start(): Promise<void> {
    this.#running = await startCluster({ folder: this.#folder, members: this.#members });
  }

  /** Begins a fault of a process: `kill`, `stop` or `pause`. */
  async begin(fault: PlannedFault): Promise<void> {
    const { kind } = fault;
    if (kind !== 'kill' && kind !== 'stop' && kind !== 'pause')
      throw new TortureError(`the second cluster does not support the fault ${kind}`);
    const members = this.#nextMembers();
    this.#affected.set(fault, members);
    await this.#cluster.fault(kind, [members]);
  }

  async end(fault: PlannedFault): Promise<void> {
    const members = this.#affected.get(fault);
    if (members === undefined) return;
    this.#affected.delete(fault);
    if (fault.kind === 'pause') return this.#cluster.fault('resume', [members]);
    // A member becomes ready only with a majority, so all members start at the same time.
    await Promise.all(members.map((member) => this.#cluster.fault('start', [[member]])));
  }

  /** Ends all faults, and waits until the members serve. */
  async restore(): Promise<void> {
    this.#affected.clear();
    await this.#cluster.restore();
  }

  takeCrashes(): string[] {
    const crashes = this.#running?.cluster.crashes ?? [];
    const fresh = crashes.slice(this.#crashesTaken);
    this.#crashesTaken = crashes.length;
    return fresh.map((text) => `the second cluster: ${text}`);
  }

  async stop(keep: boolean): Promise<void> {
    await this.#running?.end(keep);
  }

  get #cluster(): RunningCluster['cluster'] {
    if (this.#running === null) throw new TortureError('the second cluster has not been started');
    return this.#running.cluster;
  }

  #nextMembers(): string[] {
    const ids = this.#cluster.servers.map(({ id }) => id);
    const count = this.#faults++;
    if (count % faultsPerRound === faultsPerRound - 1) return ids;
    return ids.slice(count % ids.length, (count % ids.length) + 1);
  }
}
