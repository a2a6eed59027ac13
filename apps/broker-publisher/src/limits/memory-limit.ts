import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { posix } from 'node:path';

/** The memory that this process may use. */
export interface MemoryLimit {
  readonly bytes: number;
  /** Where the number comes from, for the log. */
  readonly source: 'limits.memoryBytesMax' | 'cgroup' | 'host';
}

type ReadFile = (path: string) => string;

const readText: ReadFile = (path) => readFileSync(path, 'utf8');

/**
 * Returns the memory that this process may use: the setting if the host has as much, else the lowest limit of its control groups, else the
 * memory of the host. A container with a namespace of its own does not see the limits of the unit around it, so the
 * playbooks set `limits.memoryBytesMax`.
 */
export function memoryLimit(
  configuredBytes: number,
  hostBytes: number = totalmem(),
  read: ReadFile = readText,
): MemoryLimit {
  if (configuredBytes > 0 && configuredBytes <= hostBytes) {
    return { bytes: configuredBytes, source: 'limits.memoryBytesMax' };
  }
  const cgroup = Math.min(...cgroupLimits(read));
  return cgroup < hostBytes ? { bytes: cgroup, source: 'cgroup' } : { bytes: hostBytes, source: 'host' };
}

/** Returns the limits of the control groups of this process, bytes (cgroups(7), versions 1 and 2). */
function cgroupLimits(read: ReadFile): number[] {
  const groups = textOf(read, '/proc/self/cgroup').split('\n');
  return groups.flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') return limitsAbove(read, '/sys/fs/cgroup', path, 'memory.max');
    if (!controllers.split(',').includes('memory')) return [];
    return limitsAbove(read, '/sys/fs/cgroup/memory', path, 'memory.limit_in_bytes');
  });
}

/** Returns the limits of a control group and of the groups that contain it. */
function limitsAbove(read: ReadFile, root: string, path: string, file: string): number[] {
  const limits: number[] = [];
  for (let group = path === '' ? '/' : path; ; group = posix.dirname(group)) {
    const bytes = Number.parseInt(textOf(read, posix.join(root, group, file)), 10);
    // "max" is not a number: the group has no limit.
    if (bytes > 0) limits.push(bytes);
    if (group === '/' || group === '.') return limits;
  }
}

function textOf(read: ReadFile, path: string): string {
  try {
    return read(path);
  } catch {
    // The host has another version of control groups, or none.
    return '';
  }
}
