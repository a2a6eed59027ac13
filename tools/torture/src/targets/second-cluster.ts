import { startCluster } from '@mqtt-cluster/lab';
import type { RunningCluster } from '@mqtt-cluster/lab';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { MemberGroup, PlannedFault } from '../nemesis/fault.ts';

/** A second cluster beside the target, at the other end of a link. */
export class SecondCluster {
  readonly #folder: string;
  readonly #members: number;
  #running: RunningCluster | null = null;
  #crashesTaken = 0;

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

  /** @returns the servers of the members */
  async start(): Promise<readonly ServerAddress[]> {
    this.#running = await startCluster({ folder: this.#folder, members: this.#members });
    return this.servers;
  }

  /** Begins a fault of a process: `kill`, `stop` or `pause`. */
  async begin({ kind, groups }: PlannedFault): Promise<void> {
    if (kind !== 'kill' && kind !== 'stop' && kind !== 'pause')
      throw new TortureError(`the second cluster does not support the fault ${kind}`);
    await this.#cluster.fault(kind, [this.#membersOf(groups)]);
  }

  async end({ kind, groups }: PlannedFault): Promise<void> {
    const members = this.#membersOf(groups);
    if (kind === 'pause') return this.#cluster.fault('resume', [members]);
    // A member becomes ready only with a majority, so all members start at the same time.
    await Promise.all(members.map((member) => this.#cluster.fault('start', [[member]])));
  }

  /** Ends all faults, and waits until the members serve. */
  async restore(): Promise<void> {
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

  #membersOf(groups: readonly MemberGroup[]): string[] {
    return groups.flat().map((position) => this.#cluster.servers[position]?.id ?? '?');
  }
}
