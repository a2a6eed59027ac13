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
import type { Target, Usage } from './target.ts';
import { usageOf } from './usage.ts';

const stopMsMax = 15_000;

/** One broker of another product, which is a program on this machine. */
export interface Member {
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
  /** Writes the configuration of the given number of brokers below the folder. @throws TortureError, UsageError */
  prepare(folder: string, members: number): Promise<Member[]>;
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
  readonly #running = new Map<Member, ChildProgram>();
  /** Members that this target is stopping, so that their end is no crash. */
  readonly #stopping = new Set<Member>();
  readonly #crashes: string[] = [];
  #members: readonly Member[] = [];

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
    return this.#members.map(({ server }) => server);
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    killOnExit(() => this.#running.values());
    this.#members = await this.#product.prepare(this.#folder, this.#count);
    for (const member of this.#members) this.#launch(member);
    try {
      await waitUntilServing(this.servers);
    } catch (error) {
      await this.stop(true);
      throw error;
    }
  }

  async begin({ kind, groups }: PlannedFault): Promise<void> {
    const members = this.#membersAt(groups.flat());
    if (kind === 'kill') await Promise.all(members.map((member) => this.#end(member, 'kill')));
    else if (kind === 'stop') await Promise.all(members.map((member) => this.#end(member, 'stop')));
    else if (kind === 'pause') members.forEach((member) => this.#running.get(member)?.signal('SIGSTOP'));
    else throw new TortureError(`${this.name} does not support the fault ${kind}`);
  }

  async end({ kind, groups, staggerMs = 0 }: PlannedFault): Promise<void> {
    const members = this.#membersAt(groups.flat());
    if (kind === 'pause') return members.forEach((member) => this.#running.get(member)?.signal('SIGCONT'));
    if (kind !== 'kill' && kind !== 'stop') return;
    for (const [position, member] of members.entries()) {
      if (position > 0) await sleep(staggerMs);
      this.#launch(member);
    }
    await waitUntilServing(members.map(({ server }) => server));
  }

  async restore(): Promise<void> {
    for (const member of this.#members) {
      this.#running.get(member)?.signal('SIGCONT');
      this.#launch(member);
    }
    await waitUntilServing(this.servers);
  }

  takeCrashes(): string[] {
    return this.#crashes.splice(0);
  }

  usage(): Usage[] {
    return [...this.#running].flatMap(([{ server, folder }, { pid }]) => {
      const usage = pid === null ? null : usageOf(server.id, pid, folder);
      return usage === null ? [] : [usage];
    });
  }

  async stop(keep: boolean): Promise<void> {
    await Promise.all(this.#members.map((member) => this.#end(member, keep ? 'stop' : 'kill')));
    this.#product.close?.();
    if (!keep) rmSync(this.#folder, { recursive: true, force: true });
  }

  #membersAt(positions: readonly number[]): Member[] {
    return positions.map((position) => {
      const member = this.#members[position];
      if (member === undefined) throw new TortureError(`${this.name} has no member ${position + 1}`);
      return member;
    });
  }

  #launch(member: Member): void {
    if (this.#running.has(member)) return;
    const { server, command, args, environment, folder } = member;
    const logFile = join(folder, 'log');
    // The program gets its own process group, so that signals reach the programs that a start script starts.
    const program = new ChildProgram({
      command,
      args,
      logFile,
      environment: { ...process.env, ...environment },
      ownGroup: true,
    });
    this.#running.set(member, program);
    void program.ended.then((reason) => {
      if (this.#running.get(member) !== program) return;
      this.#running.delete(member);
      if (!this.#stopping.has(member))
        this.#crashes.push(`${server.id} exited unexpectedly (${reason}); its log: ${logFile}`);
    });
  }

  async #end(member: Member, how: 'kill' | 'stop'): Promise<void> {
    const program = this.#running.get(member);
    if (program === undefined) return;
    this.#stopping.add(member);
    if (how === 'kill') await program.kill();
    else await program.stop(stopMsMax);
    this.#running.delete(member);
    this.#stopping.delete(member);
  }
}
