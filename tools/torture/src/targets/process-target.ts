import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { Limits, QoS } from '@mqtt-cluster/history-checker';
import type { FaultKind, PlannedFault } from '../nemesis/fault.ts';
import { defaultLimits } from '@mqtt-cluster/history-checker';
import { waitUntilServing } from './serving.ts';
import type { Target, Usage } from './target.ts';
import { usageOf } from './usage.ts';

const stopMsMax = 15_000;

/** One broker as a program of this machine. */
export interface Member {
  readonly server: ServerAddress;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Its data and its log are here. */
  readonly folder: string;
}

export interface Peer {
  readonly name: string;
  readonly qosMax: QoS;
  readonly versions: readonly (4 | 5)[];
  readonly sharesSubscriptions: boolean;
  /** Writes the configuration of so many brokers below the folder. @throws TortureError, UsageError */
  prepare(folder: string, members: number): Promise<Member[]>;
  /** Ends what {@link prepare} started besides. */
  close?(): void;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  /** It was told to end. */
  told: boolean;
}

/** Brokers that are programs here: what can be done to a process can be done to them. */
export class ProcessTarget implements Target {
  readonly name: string;
  readonly qosMax: QoS;
  readonly versions: readonly (4 | 5)[];
  readonly sharesSubscriptions: boolean;
  readonly can: ReadonlySet<FaultKind> = new Set(['kill', 'stop', 'pause', 'rolling']);
  readonly limits: Limits = defaultLimits;
  readonly #peer: Peer;
  readonly #folder: string;
  readonly #count: number;
  readonly #running = new Map<Member, Running>();
  readonly #crashes: string[] = [];
  #members: readonly Member[] = [];

  constructor(peer: Peer, folder: string, count: number) {
    this.name = peer.name;
    this.qosMax = peer.qosMax;
    this.versions = peer.versions;
    this.sharesSubscriptions = peer.sharesSubscriptions;
    this.#peer = peer;
    this.#folder = folder;
    this.#count = count;
  }

  get servers(): readonly ServerAddress[] {
    return this.#members.map(({ server }) => server);
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    process.once('exit', () => this.#killAll());
    this.#members = await this.#peer.prepare(this.#folder, this.#count);
    for (const member of this.#members) this.#launch(member);
    try {
      await waitUntilServing(this.servers);
    } catch (error) {
      await this.stop(true);
      throw error;
    }
  }

  async begin({ kind, groups }: PlannedFault): Promise<void> {
    const members = this.#some(groups.flat());
    if (kind === 'kill') await Promise.all(members.map((member) => this.#end(member, 'SIGKILL')));
    else if (kind === 'stop') await Promise.all(members.map((member) => this.#end(member, 'SIGTERM')));
    else if (kind === 'pause') members.forEach((member) => this.#signal(member, 'SIGSTOP'));
    else throw new TortureError(`${this.name} can't suffer ${kind}`);
  }

  async end({ kind, groups, staggerMs = 0 }: PlannedFault): Promise<void> {
    const members = this.#some(groups.flat());
    if (kind === 'pause') return members.forEach((member) => this.#signal(member, 'SIGCONT'));
    if (kind !== 'kill' && kind !== 'stop') return;
    for (const [position, member] of members.entries()) {
      if (position > 0) await new Promise((resolve) => setTimeout(resolve, staggerMs));
      this.#launch(member);
    }
    await waitUntilServing(members.map(({ server }) => server));
  }

  async restore(): Promise<void> {
    for (const member of this.#members) {
      this.#signal(member, 'SIGCONT');
      this.#launch(member);
    }
    await waitUntilServing(this.servers);
  }

  takeCrashes(): string[] {
    return this.#crashes.splice(0);
  }

  usage(): Usage[] {
    return [...this.#running].flatMap(([{ server, folder }, { child }]) => {
      const usage = child.pid === undefined ? null : usageOf(server.id, child.pid, folder);
      return usage === null ? [] : [usage];
    });
  }

  async stop(keep: boolean): Promise<void> {
    await Promise.all(this.#members.map((member) => this.#end(member, keep ? 'SIGTERM' : 'SIGKILL')));
    this.#peer.close?.();
    if (!keep) rmSync(this.#folder, { recursive: true, force: true });
  }

  #some(positions: readonly number[]): Member[] {
    return positions.map((position) => {
      const member = this.#members[position];
      if (member === undefined) throw new TortureError(`${this.name} has no member ${position + 1}`);
      return member;
    });
  }

  #launch(member: Member): void {
    if (this.#running.has(member)) return;
    const { server, command, args, environment, folder } = member;
    mkdirSync(folder, { recursive: true });
    const log = openSync(join(folder, 'log'), 'a');
    // A group of its own: a start script and what it starts are one.
    const child = spawn(command, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
      detached: true,
    });
    closeSync(log);
    const running: Running = {
      child,
      told: false,
      ended: new Promise((resolve) => {
        const finish = (how: string): void => {
          if (this.#running.get(member) !== running) return;
          this.#running.delete(member);
          if (!running.told)
            this.#crashes.push(`${server.id} ended by itself (${how}); its log: ${folder}/log`);
          resolve();
        };
        child.once('exit', (code, signal) => finish(signal ?? `status ${code}`));
        child.once('error', (error) => finish(error.message));
      }),
    };
    this.#running.set(member, running);
  }

  #signal(member: Member, signal: NodeJS.Signals): void {
    const pid = this.#running.get(member)?.child.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }

  async #end(member: Member, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const running = this.#running.get(member);
    if (running === undefined) return;
    running.told = true;
    this.#signal(member, 'SIGCONT');
    this.#signal(member, signal);
    const timer = setTimeout(() => this.#signal(member, 'SIGKILL'), stopMsMax);
    await running.ended;
    clearTimeout(timer);
  }

  #killAll(): void {
    for (const member of this.#running.keys()) this.#signal(member, 'SIGKILL');
  }
}

/** A port that was free a moment ago. */
export async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new TortureError(`no port at ${host}`);
  return address.port;
}
