import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { LabError } from '../errors.ts';

/** The content of `lab.json`: the address of the control server, and the processes to kill if the lab does not respond. */
const labFileSchema = z.object({
  /** Process id of the lab. */
  pid: z.int(),
  control: z.object({ host: z.string(), port: z.int() }),
  members: z.array(z.object({ id: z.string(), mqtt: z.string(), http: z.string(), pid: z.int().nullable() })),
  /** Address of the web console. */
  console: z.string().exactOptional(),
  /** Process ids of the other programs that the lab started. */
  others: z.array(z.int()),
});

export type LabFile = Decoded<typeof labFileSchema>;

const fileName = 'lab.json';
/**
 * Matches the command lines of the lab's programs. The process id in `lab.json` may meanwhile belong to another program,
 * so the lab kills a process only if its command line matches.
 */
const labPrograms = /broker-publisher|client\.mjs|lab\.mjs|run\.mjs lab|appliance/;

export function writeLabFile(folder: string, content: LabFile): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName);
  writeFileSync(`${path}.new`, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

export function removeLabFile(folder: string): void {
  rmSync(join(folder, fileName), { force: true });
}

/** Reads `lab.json`. Returns null when it does not exist. @throws LabError when it is not valid */
export function readLabFile(folder: string): LabFile | null {
  const path = join(folder, fileName);
  if (!existsSync(path)) return null;
  try {
    return labFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new LabError(`${path} is not a valid lab file; delete it if no lab is running`, { cause: error });
  }
}

/** Returns whether a process with this id exists and is a program of the lab. */
export function isLabProcess(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return labPrograms.test(execFileSync('ps', ['-p', String(pid), '-o', 'args='], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}

/** Returns whether a lab runs in the folder. */
export function isLabRunning(folder: string): boolean {
  const file = readLabFile(folder);
  return file !== null && isLabProcess(file.pid);
}

/** Kills the processes of a lab that has ended or does not respond. */
export function killLabProcesses(file: LabFile): void {
  const pids = [file.pid, ...file.members.map(({ pid }) => pid), ...file.others];
  for (const pid of pids) {
    if (pid === null || pid === process.pid || !isLabProcess(pid)) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended meanwhile.
    }
  }
}

/** Deletes the data of all members. Also deletes their logs if `logs` is true. */
export function removeData(folder: string, logs: boolean): void {
  for (let number = 1; number <= 9; number++) {
    const member = join(folder, `m${number}`);
    rmSync(logs ? member : join(member, 'data'), { recursive: true, force: true });
  }
}
