import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Usage } from './target.ts';

/** What a process and its data folder use; null when it does not run (or this is not Linux). */
export function usageOf(server: string, pid: number, folder: string): Usage | null {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (kibibytes === undefined) return null;
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return { server, resident: Number(kibibytes) * 1_024, descriptors, disk: bytesBelow(folder) };
  } catch {
    return null;
  }
}

/** Bytes of all files below a folder; files come and go meanwhile. */
export function bytesBelow(folder: string): number {
  let sum = 0;
  for (const item of listOf(folder)) {
    const path = join(folder, item.name);
    if (item.isDirectory()) sum += bytesBelow(path);
    else sum += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

function listOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
