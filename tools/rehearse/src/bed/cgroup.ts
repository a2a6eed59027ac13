import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from '../poll.ts';

const root = '/sys/fs/cgroup';
const endMsMax = 20_000;
/**
 * The bed's part of the processors beside whatever else runs: as much as two processes (or a slice) have for each of its hosts.
 * By default all hosts together would have as much as a single process, and starve on a busy machine.
 */
const weights = { 'cpu.shares': '18432', 'cpu.weight': '1800' } as const;

/** One tree (cgroup v2), or an older system's several, of which the unified one can kill. */
function trees(): string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) return [root];
  return ['unified', 'systemd', 'cpu'].map((name) => join(root, name)).filter((path) => existsSync(path));
}

/** Processes of one host of a bed, whatever they have become. */
export class ProcessGroup {
  readonly #paths: readonly string[];

  constructor(bed: string, host: string) {
    this.#paths = trees().map((tree) => join(tree, `mqtt-${bed}`, host));
  }

  /** Files into which a process writes its id to belong to the group. */
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

  /** All at once, as the power would. */
  async kill(): Promise<void> {
    const [unified] = this.#paths;
    if (unified === undefined || !existsSync(unified)) return;
    writeFileSync(join(unified, 'cgroup.kill'), '1');
    await this.ended();
  }

  async ended(): Promise<void> {
    await until('the end of a host', endMsMax, async () =>
      this.processes().length === 0 ? true : undefined,
    );
    for (const path of this.#paths) removeTree(path);
  }
}

/** Of both kinds of trees; a machine may have no such controller. */
function giveWeight(path: string): void {
  for (const [file, weight] of Object.entries(weights)) {
    if (existsSync(join(path, file))) writeFileSync(join(path, file), weight);
  }
}

/**
 * Lets this process, and what it starts from now on (ansible, the load), have its part of the bed's processors, as they stand
 * for hosts, too. Only where there is a tree for that alone: in any other it would be ended with the bed.
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
    // Gone meanwhile, or of a kind that lists threads only.
    return children(path).flatMap(processesBelow);
  }
}

function removeTree(path: string): void {
  for (const child of children(path)) removeTree(child);
  try {
    rmdirSync(path);
  } catch {
    // Not empty yet: the next start uses it again.
  }
}
