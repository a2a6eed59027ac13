import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../errors.ts';

/** What `lab.json` says: where the lab of a folder can be reached, and what to end if it can't be. */
export interface LabFile {
  /** Process id of the lab itself. */
  readonly pid: number;
  readonly control: { readonly host: string; readonly port: number };
  readonly members: readonly {
    readonly id: string;
    readonly mqtt: string;
    readonly http: string;
    readonly pid: number | null;
  }[];
  /** Everything else the lab started. */
  readonly others: readonly number[];
}

const fileName = 'lab.json';
/** A word of the command line of every process that may be ended by its recorded id: ids are reused. */
const ourPrograms = /broker-publisher|client\.mjs|lab\.mjs|run\.mjs lab|appliance/;

export function writeLabFile(folder: string, content: LabFile): void {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName);
  writeFileSync(`${path}.new`, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

export function removeLabFile(folder: string): void {
  rmSync(join(folder, fileName), { force: true });
}

/** Null when there is none. @throws LabError when it can't be read as one. */
export function readLabFile(folder: string): LabFile | null {
  const path = join(folder, fileName);
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LabFile;
  } catch (error) {
    throw new LabError(`${path} can't be read; delete it when no lab is up`, { cause: error });
  }
}

/** Whether a process of this id lives and is one of the lab's. */
export function isOurs(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return ourPrograms.test(execFileSync('ps', ['-p', String(pid), '-o', 'args='], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}

export function isUp(folder: string): boolean {
  const file = readLabFile(folder);
  return file !== null && isOurs(file.pid);
}

/** Ends what a lab left behind whose own process is gone or does not answer. */
export function endLeftovers(file: LabFile): void {
  const pids = [file.pid, ...file.members.map(({ pid }) => pid), ...file.others];
  for (const pid of pids) {
    if (pid === null || pid === process.pid || !isOurs(pid)) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended meanwhile.
    }
  }
}

/** Members' data, and logs too when `logs`. */
export function removeData(folder: string, logs: boolean): void {
  for (let number = 1; number <= 9; number++) {
    const member = join(folder, `m${number}`);
    rmSync(logs ? member : join(member, 'data'), { recursive: true, force: true });
  }
}
