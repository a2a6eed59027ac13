import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultLimits } from '@mqtt-cluster/history-checker';
import type { Limits, QoS } from '@mqtt-cluster/history-checker';
import { ChildProgram, killOnExit } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { FaultKind, PlannedFault } from '../nemesis/fault.ts';
import { waitUntilServing } from './serving.ts';
import type { Target, ResourceUsage } from './target.ts';
import { usageOf } from './usage.ts';

const stopMsMax = 15_000;

/** One broker of another product, which is a program on this machine. */
export interface BrokerProgram {
  readonly server: ServerAddress;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The folder of the broker's data and log. */
  readonly folder: string;
}

/** Another broker product: its features, and a method that writes its configuration. */
export interface BrokerProduct {
  readonly name: string;
  readonly qosMax: QoS;
  readonly versions: readonly (4 | 5)[];
  readonly sharesSubscriptions: boolean;
  /**
   * Writes the configuration of the given number of brokers below the folder. @throws TortureError,
   * UsageError
   */
  prepare(folder: string, brokers: number): Promise<BrokerProgram[]>;
  /** Ends programs that {@link prepare} started. */
  close?(): void;
}

/** A target of another product's brokers on this machine. Its faults kill, stop and pause their processes. */
export class ProcessTarget implements Target {
  readonly name: string;
  readonly qosMax: QoS;
  readonly versions: readonly (4 | 5)[];
  readonly sharesSubscriptions: boolean;
  readonly supportedFaults: ReadonlySet<FaultKind> = new Set(['kill', 'stop', 'pause', 'rolling']);
  readonly limits: Limits = defaultLimits;
  readonly #product: BrokerProduct;
  readonly #folder: string;
  readonly #count: number;
  readonly #running = new Map<BrokerProgram, ChildProgram>();
  /**
   * Brokers that this target is stopping. The target does not report the exit of such a broker as a crash.
   */
  readonly #stopping = new Set<BrokerProgram>();
  readonly #crashes: string[] = [];
  #brokers: readonly BrokerProgram[] = [];

  constructor(product: BrokerProduct, folder: string, count: number) {
    this.name = product.name;
    this.qosMax = product.qosMax;
    this.versions = product.versions;
    this.sharesSubscriptions = product.sharesSubscriptions;
    this.#product = product;
    this.#folder = folder;
    this.#count = count;
  }

  get servers(): readonly ServerAddress[] {
    return this.#brokers.map(({ server }) => server);
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    killOnExit(() => this.#running.values());
    this.#brokers = await this.#product.prepare(this.#folder, this.#count);
    for (const broker of this.#brokers) this.#launch(broker);
    try {
      await waitUntilServing(this.servers);
    } catch (error) {
      await this.stop(true);
      throw error;
    }
  }

  async begin({ kind, groups }: PlannedFault): Promise<void> {
    const brokers = this.#brokersAt(groups.flat());
    if (kind === 'kill') await Promise.all(brokers.map((broker) => this.#end(broker, 'kill')));
    else if (kind === 'stop') await Promise.all(brokers.map((broker) => this.#end(broker, 'stop')));
    else if (kind === 'pause') brokers.forEach((broker) => this.#running.get(broker)?.signal('SIGSTOP'));
    else throw new TortureError(`${this.name} does not support the fault ${kind}`);
  }

  async end({ kind, groups, staggerMs = 0 }: PlannedFault): Promise<void> {
    const brokers = this.#brokersAt(groups.flat());
    if (kind === 'pause') return brokers.forEach((broker) => this.#running.get(broker)?.signal('SIGCONT'));
    if (kind !== 'kill' && kind !== 'stop') return;
    for (const [position, broker] of brokers.entries()) {
      if (position > 0) await sleep(staggerMs);
      this.#launch(broker);
    }
    await waitUntilServing(brokers.map(({ server }) => server));
  }

  async restore(): Promise<void> {
    for (const broker of this.#brokers) {
      this.#running.get(broker)?.signal('SIGCONT');
      this.#launch(broker);
    }
    await waitUntilServing(this.servers);
  }

  takeCrashes(): string[] {
    return this.#crashes.splice(0);
  }

  usage(): ResourceUsage[] {
    return [...this.#running].flatMap(([{ server, folder }, { pid }]) => {
      const usage = pid === null ? null : usageOf(server.id, pid, folder);
      return usage === null ? [] : [usage];
    });
  }

  async stop(keep: boolean): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => this.#end(broker, keep ? 'stop' : 'kill')));
    this.#product.close?.();
    if (!keep) rmSync(this.#folder, { recursive: true, force: true });
  }

  #brokersAt(positions: readonly number[]): BrokerProgram[] {
    return positions.map((position) => {
      const broker = this.#brokers[position];
      if (broker === undefined) throw new TortureError(`${this.name} has no broker ${position + 1}`);
      return broker;
    });
  }

  #launch(broker: BrokerProgram): void {
    if (this.#running.has(broker)) return;
    const { server, command, args, environment, folder } = broker;
    const logFile = join(folder, 'log');
    // The program gets its own process group, so that signals reach the programs that a start script starts.
    const program = new ChildProgram({
      command,
      args,
      logFile,
      environment: { ...process.env, ...environment },
      ownGroup: true,
    });
    this.#running.set(broker, program);
    void program.ended.then((reason) => {
      if (this.#running.get(broker) !== program) return;
      this.#running.delete(broker);
      if (!this.#stopping.has(broker))
        this.#crashes.push(`${server.id} exited unexpectedly (${reason}); its log: ${logFile}`);
    });
  }

  async #end(broker: BrokerProgram, how: 'kill' | 'stop'): Promise<void> {
    const program = this.#running.get(broker);
    if (program === undefined) return;
    this.#stopping.add(broker);
    if (how === 'kill') await program.kill();
    else await program.stop(stopMsMax);
    this.#running.delete(broker);
    this.#stopping.delete(broker);
  }
}
