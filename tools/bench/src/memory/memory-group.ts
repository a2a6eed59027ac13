import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup/memory';

/** The memory of a group at one time, bytes. */
export interface GroupMemory {
  /** Memory of the processes, as the kernel charges it to the group. */
  readonly processes: number;
  /** Cache of files. The kernel takes it back when the group needs memory. */
  readonly cache: number;
  /** Buffers of TCP sockets. Version 1 counts them apart; version 2 counts them into the limit. */
  readonly sockets: number;
}

/**
 * A control group of version 1 that limits the memory of the processes in it, as `MemoryMax=` of a unit does. Version 1
 * has nothing like `MemoryHigh=`: the group may use all its memory for the cache of files, and the kernel takes the cache
 * back at the limit.
 */
export class MemoryGroup {
  readonly #folder: string;

  /** Creates the group. @throws Error when this machine cannot limit the memory of a process */
  constructor(name: string, limitBytes: number) {
    this.#folder = join(root, name);
    try {
      mkdirSync(this.#folder);
      this.#write('memory.limit_in_bytes', limitBytes);
      // Without swap, the kernel kills a process that needs more memory.
      this.#write('memory.swappiness', 0);
      // The kernel counts the buffers of sockets only in a group with a limit for them. This one is never reached.
      this.#write('memory.kmem.tcp.limit_in_bytes', limitBytes * 16);
      if (this.#read('memory.limit_in_bytes') !== limitBytes)
        throw new Error('the kernel did not accept the limit');
    } catch (error) {
      this.remove();
      throw new Error(
        `the memory of a member cannot be limited here, so nothing was checked: ${root} must be a control group of ` +
          `version 1 that this user may write (${(error as Error).message})`,
        { cause: error },
      );
    }
  }

  /** Returns a command that runs `command` within the group, with the same process id. */
  wrap(command: string, args: readonly string[]): readonly [string, readonly string[]] {
    const script = 'echo $$ > "$0" && exec "$@"';
    return ['/bin/sh', ['-c', script, join(this.#folder, 'cgroup.procs'), command, ...args]];
  }

  /** Largest memory of the group since the last reset, bytes; includes the cache of files. */
  get peakBytes(): number {
    return this.#read('memory.max_usage_in_bytes');
  }

  get memory(): GroupMemory {
    const stat = readFileSync(join(this.#folder, 'memory.stat'), 'utf8');
    const field = (name: string): number => Number(new RegExp(`^total_${name} (\\d+)$`, 'm').exec(stat)?.[1]);
    const sockets = this.#read('memory.kmem.tcp.usage_in_bytes');
    return { processes: field('rss'), cache: field('cache'), sockets };
  }

  resetPeak(): void {
    this.#write('memory.max_usage_in_bytes', 0);
  }

  /** Number of processes that the kernel killed because of the limit. */
  get kills(): number {
    const control = readFileSync(join(this.#folder, 'memory.oom_control'), 'utf8');
    const kills = /^oom_kill (\d+)$/m.exec(control)?.[1];
    if (kills === undefined) throw new Error('the kernel does not count the processes that it kills');
    return Number(kills);
  }

  /** Ids of the processes in the group. */
  get processes(): readonly number[] {
    const ids = readFileSync(join(this.#folder, 'cgroup.procs'), 'utf8');
    return ids.split('\n').filter(Boolean).map(Number);
  }

  /** Removes the group. Its processes must have ended. */
  remove(): void {
    try {
      rmdirSync(this.#folder);
    } catch {
      // The group was never created.
    }
  }

  #read(file: string): number {
    return Number(readFileSync(join(this.#folder, file), 'utf8'));
  }

  #write(file: string, value: number): void {
    writeFileSync(join(this.#folder, file), String(value));
  }
}
