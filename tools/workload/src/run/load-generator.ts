import type { QoS } from '@mqtt-cluster/history-checker';
import { clearRetained, discardSession } from '../client/cleanup.ts';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { readRetained } from '../client/read-retained.ts';
import type { Recorder } from '../client/recorder.ts';
import { seededRandom } from '@mqtt-cluster/kit';
import type { ClientSpec, WorkloadContext } from '../workloads/client-spec.ts';
import { workloads } from '../workloads/index.ts';
import type { Shares, WorkloadName } from '../workloads/index.ts';
import { retainedRoot } from '../workloads/retained.ts';
import { ClientDriver } from './client-driver.ts';

const parallelCleanupsMax = 10;
const retainedReadsMax = 3;

/** The brokers to which clients connect, and the features of these brokers. */
export interface LoadTarget {
  readonly servers: readonly ServerAddress[];
  /** Brokers that a link connects with the servers. Only the workloads `link` and `exactLink` use them. */
  readonly remotes?: readonly ServerAddress[];
  /** Whether the brokers in `remotes` lose what they have not saved when they are killed. */
  readonly remotesForget?: boolean;
  readonly qosMax: QoS;
  /** Protocol versions: 4 is MQTT 3.1.1. */
  readonly versions: readonly (4 | 5)[];
  /** Whether the brokers support `$share/...` filters. */
  readonly sharesSubscriptions: boolean;
}

export interface LoadGeneratorOptions {
  readonly target: LoadTarget;
  readonly shares: Shares;
  /** Number of PUBLISH packets without DUP a second, of all workloads together. */
  readonly rate: number;
  readonly seed: number;
  /**
   * Unique name of this run, from letters, digits and hyphens. Its topics and client ids contain the name.
   */
  readonly run: string;
  readonly recorder: Recorder;
  /** Called before each QoS 1 or 2 PUBLISH; the message is not sent if it returns false. */
  readonly mayPublish: () => boolean;
}

/** @returns the clients of all workloads with their plans; equal seeds give equal clients and plans */
export function clientSpecsOf(
  shares: Shares,
  rate: number,
  seed: number,
  prefix: string,
  features: Pick<WorkloadContext, 'servers' | 'remotes' | 'qosMax' | 'versions'> &
    Pick<LoadTarget, 'sharesSubscriptions'>,
): ClientSpec[] {
  const { servers, remotes, qosMax, versions, sharesSubscriptions } = features;
  const names = (Object.keys(shares) as WorkloadName[]).filter(
    (name) => name !== 'shared' || sharesSubscriptions,
  );
  return names.flatMap((name) =>
    workloads[name]({
      prefix,
      servers,
      remotes,
      rate: rate * (shares[name] ?? 0),
      qosMax,
      versions,
      random: seededRandom(seed, name),
    }),
  );
}

/** The clients of one run. */
export class LoadGenerator {
  readonly #options: LoadGeneratorOptions;
  readonly #drivers: readonly ClientDriver[];
  readonly #prefix: string;

  constructor(options: LoadGeneratorOptions) {
    const { target, shares, rate, seed, run, recorder, mayPublish } = options;
    this.#options = options;
    this.#prefix = `load/${run}/`;
    const { servers, remotes = [], qosMax, versions, sharesSubscriptions } = target;
    const features = {
      servers: servers.length,
      remotes: remotes.length,
      qosMax,
      versions,
      sharesSubscriptions,
    };
    const clientPrefix = `${run}-`;
    this.#drivers = clientSpecsOf(shares, rate, seed, this.#prefix, features).map((spec) => {
      const own = spec.atRemote === true ? remotes : servers;
      return new ClientDriver({ spec, clientPrefix, servers: own, seed, recorder, mayPublish });
    });
  }

  connect(): void {
    for (const driver of this.#drivers) driver.connect();
  }

  startPlans(): void {
    for (const driver of this.#drivers) driver.startPlan();
  }

  /**
   * Stops the plans of the clients with a will, because their wills must be published before the other plans
   * stop.
   */
  stopWillClients(): void {
    for (const driver of this.#drivers) if (driver.spec.will !== undefined) driver.stopPlan();
  }

  stopPlans(): void {
    for (const driver of this.#drivers) driver.stopPlan();
  }

  end(): void {
    for (const driver of this.#drivers) driver.end();
  }

  /** @returns the ids of clients that should be connected with all their subscriptions, but are not */
  notReady(): string[] {
    return this.#drivers
      .filter(({ spec, client }) => spec.expectedAtEnd && !client.ready)
      .map(({ client }) => client.clientId);
  }

  /** @returns the ids of clients that wait for the acknowledgement of a message */
  unacknowledged(): string[] {
    return this.#drivers
      .filter(({ spec, client }) => spec.expectedAtEnd && !client.idle)
      .map(({ client }) => client.clientId);
  }

  /**
   * Reads the retained messages of every server with a clean and with a persistent session, and records both
   * results.
   * @returns one sentence for each server that did not answer
   */
  async recordRetained(): Promise<string[]> {
    const reads = this.#options.target.servers.flatMap((server) => [
      this.#recordRetainedOf(server, true),
      this.#recordRetainedOf(server, false),
    ]);
    return (await Promise.all(reads)).filter((problem) => problem !== null);
  }

  async #recordRetainedOf(server: ServerAddress, clean: boolean): Promise<string | null> {
    const { run, recorder } = this.#options;
    const filter = `${retainedRoot(this.#prefix)}#`;
    for (let attempt = 0; attempt < retainedReadsMax; attempt++) {
      const clientId = `${run}-look-${server.id}-${clean ? 'clean' : 'staying'}-${attempt}`;
      const messages = await readRetained(server, clientId, filter, clean);
      if (!clean) await discardSession(server, clientId);
      if (messages === null) continue;
      recorder.record({ type: 'retained', server: server.id, messages });
      return null;
    }
    return `${server.id} did not send its retained messages in ${retainedReadsMax} attempts`;
  }

  /**
   * Clears the run's retained messages and discards its sessions at the first server. Missing answers are
   * ignored.
   */
  async cleanUp(): Promise<void> {
    const { target, run } = this.#options;
    const [server] = target.servers;
    if (server === undefined) return;
    const retained = await readRetained(server, `${run}-look`, `${this.#prefix}#`);
    await clearRetained(server, `${run}-clear`, retained?.map(([topic]) => topic) ?? []);
    const persistent = this.#drivers.filter(({ spec }) => !spec.clean && spec.atRemote !== true);
    const ids = [...new Set(persistent.map(({ client }) => client.clientId))];
    const work = async (): Promise<void> => {
      for (let id = ids.shift(); id !== undefined; id = ids.shift()) await discardSession(server, id);
    };
    await Promise.all(Array.from({ length: parallelCleanupsMax }, work));
  }
}
