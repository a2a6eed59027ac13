import { readdirSync, readFileSync } from 'node:fs';

/** Linux reports processor times in units of 1/100 s (USER_HZ), independent of the kernel's timer frequency. */
const ticksPerSecond = 100;
const nanosecondsPerMs = 1e6;

/** Returns the processor time (user and system, all threads) of a process in seconds; null when the process does not run. */
export function cpuSeconds(pid: number): number | null {
  return cpuSecondsOf(`/proc/${pid}/stat`);
}

/** Returns the processor time of the main thread of a process in seconds; null when the process does not run. */
export function mainThreadSeconds(pid: number): number | null {
  return cpuSecondsOf(`/proc/${pid}/task/${pid}/stat`);
}

function cpuSecondsOf(file: string): number | null {
  const stat = read(file);
  if (stat === null) return null;
  // The program name is in parentheses and may contain any character. The fields after it contain no parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
}

/**
 * Returns how long the main thread of a process has waited for a processor since its start, ms; null when the process does not
 * run or the system is not Linux.
 */
export function processorWaitMs(pid: number): number | null {
  const waited = read(`/proc/${pid}/schedstat`)?.split(' ')[1];
  return waited === undefined ? null : Number(waited) / nanosecondsPerMs;
}

/** Returns the resident memory of a process in bytes; null when the process does not run or the system is not Linux. */
export function residentBytes(pid: number): number | null {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
}

/** System calls and waits of a process since its start, all threads together. */
export interface ProcessActivity {
  /** Calls that read from files, sockets or event descriptors. */
  readonly reads: number;
  /** Calls that write to files, sockets or event descriptors. A writev counts once. */
  readonly writes: number;
  /** How often a thread went to sleep because it had nothing to do. */
  readonly sleeps: number;
}

/** Returns what the kernel counts for a process; null when the process does not run or belongs to another user. */
export function processActivity(pid: number): ProcessActivity | null {
  const io = read(`/proc/${pid}/io`);
  if (io === null) return null;
  const counter = (text: string, name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  let sleeps = 0;
  for (const thread of threads(pid)) {
    const status = read(`/proc/${pid}/task/${thread}/status`) ?? '';
    sleeps += counter(status, 'voluntary_ctxt_switches');
  }
  return { reads: counter(io, 'syscr'), writes: counter(io, 'syscw'), sleeps };
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
