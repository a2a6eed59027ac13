import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { residentBytes } from '@mqtt-cluster/kit';
import type { ResourceUsage } from './target.ts';

/**
 * @returns the resources of a process and its data folder; null when the process does not run or the system
 * is not Linux
 */
export function usageOf(server: string, pid: number, folder: string): ResourceUsage | null {
  const resident = residentBytes(pid);
  if (resident === null) return null;
  const descriptors = itemsOf(`/proc/${pid}/fd`).length;
  return { server, resident, descriptors, disk: bytesBelow(folder) };
}

/**
 * @returns the size of all files below a folder, bytes; other processes may create and delete files at the
 * same time
 */
function bytesBelow(folder: string): number {
  let sum = 0;
  for (const item of itemsOf(folder)) {
    const path = join(folder, item.name);
    if (item.isDirectory()) sum += bytesBelow(path);
    else sum += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

function itemsOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
