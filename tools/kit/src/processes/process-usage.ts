import { readFileSync } from 'node:fs';

/** Linux reports processor times in units of 1/100 s (USER_HZ), independent of the kernel's timer frequency. */
const ticksPerSecond = 100;

/** Returns the processor time (user and system, all threads) of a process in seconds; null when the process does not run. */
export function cpuSeconds(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The program name is in parentheses and may contain any character. The fields after it contain no parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
}

/** Returns the resident memory of a process in bytes; null when the process does not run or the system is not Linux. */
export function residentBytes(pid: number): number | null {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
