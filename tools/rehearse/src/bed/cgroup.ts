import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { waitFor } from '@mqtt-cluster/kit';

const root = '/sys/fs/cgroup';
const endMsMax = 20_000;
/**
 * Processor weight of the test bed: the weight of two processes for each of nine hosts. With the default weight
 * all hosts together would get the processor share of one process, and starve on a busy machine.
 */
const weights = { 'cpu.shares': '18432', 'cpu.weight': '1800' } as const;

/**
 * Returns the paths of the cgroup trees of this machine: one cgroup v2 tree, or the three trees of an older system. Only the
 * first tree supports `cgroup.kill`.
 */
function trees(): string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  return ['unified', 'systemd', 'cpu'].map((name) => join(root, name)).filter((path) => existsSync(path));
}

/** The cgroup with the processes of one host. */
export class ProcessGroup {
  readonly #paths: readonly string[];

  constructor(bed: string, host: string) {
    this.#paths = trees().map((tree) => join(tree, `mqtt-${bed}`, host));
  }

  /** Creates the group. @returns the files to which a process writes its id to join the group */
  create(): string[] {
    return this.#paths.map((path) => {
      mkdirSync(path, { recursive: true });
      giveWeight(dirname(path));
      return join(path, 'cgroup.procs');
    });
  }

  processes(): number[] {
    const [unified] = this.#paths;
    return unified === undefined ? [] : processesBelow(unified);
  }

  /** Kills all processes of the host at once, as a power failure would. */
  async kill(): Promise<void> {
    const [unified] = this.#paths;
    if (unified === undefined || !existsSync(unified)) return;
    writeFileSync(join(unified, 'cgroup.kill'), '1');
    await this.ended();
  }

  async ended(): Promise<void> {
    await waitFor(
      'all processes of a host to end',
      async () => (this.processes().length === 0 ? true : undefined),
      {
        timeoutMs: endMsMax,
      },
    );
    for (const path of this.#paths) removeTree(path);
  }
}

/** Sets the processor weight with the file of cgroup v1 or v2, if the machine has this controller. */
function giveWeight(path: string): void {
  for (const [file, weight] of Object.entries(weights)) {
    if (existsSync(join(path, file))) writeFileSync(join(path, file), weight);
  }
}

/**
 * Moves this process, and the processes that it starts (ansible, the load), into the test bed's cgroup of the processor
 * controller, because these processes also do work for the hosts. This process joins no other cgroup tree, so that it is
 * not killed together with the hosts.
 */
export function joinBed(bed: string): void {
  const processors = join(root, 'cpu');
  if (!existsSync(join(processors, 'cpu.shares'))) return;
  const group = join(processors, `mqtt-${bed}`, 'control');
  mkdirSync(group, { recursive: true });
  giveWeight(dirname(group));
  writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
}

function children(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((item) => item.isDirectory())
    .map((item) => join(path, item.name));
}

function processesBelow(path: string): number[] {
  try {
    const own = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    return [...own, ...children(path).flatMap(processesBelow)];
  } catch {
    // Another process has removed the group, or the group contains only threads.
    return children(path).flatMap(processesBelow);
  }
}

function removeTree(path: string): void {
  for (const child of children(path)) removeTree(child);
  try {
    rmdirSync(path);
  } catch {
    // The folder is not empty yet. The next start of the host uses the folder again.
  }
}
