import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { endLeftovers, isUp, readLabFile, removeLabFile } from '../cluster/lab-file.ts';
import { LabError, messageOf } from '../errors.ts';
import { openSession } from './session.ts';
import type { LabSession } from './session.ts';

type DaemonMessage = { readonly error: string } | { readonly ready: true };

/** @throws LabError when a lab is up in the folder; what a dead one left behind is ended. */
export function makeRoom(folder: string): void {
  if (isUp(folder)) throw new LabError(`a lab is up already in ${folder}; "lab down" ends it`);
  const stale = readLabFile(folder);
  if (stale === null) return;
  endLeftovers(stale);
  removeLabFile(folder);
}

/**
 * Starts a lab in a process of its own and prints where its members are, as one JSON object.
 * @param argv the same command line, for that process.
 */
export async function up({ folder }: Arguments, argv: readonly string[]): Promise<void> {
  makeRoom(folder);
  mkdirSync(folder, { recursive: true });
  const log = openSync(join(folder, 'lab.log'), 'a');
  const script = process.argv[1] ?? '';
  const command = argv.indexOf('up');
  const options = argv.filter((_, index) => index !== command);
  const daemon = spawn(process.execPath, ['--enable-source-maps', script, 'daemon', ...options], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  const message = await new Promise<DaemonMessage>((resolve) => {
    daemon.once('message', (value) => resolve(value as DaemonMessage));
    daemon.once('error', (error) => resolve({ error: error.message }));
    daemon.once('exit', (code) =>
      resolve({ error: `the lab ended with status ${code}; see ${folder}/lab.log` }),
    );
  });
  if (daemon.connected) daemon.disconnect();
  daemon.unref();
  if ('error' in message) throw new LabError(message.error);
  const members = readLabFile(folder)?.members ?? [];
  process.stdout.write(`${JSON.stringify({ members, dir: folder })}\n`);
}

/** The process that `up` leaves behind: owns the members, the links and the control server. */
export async function daemon(given: Arguments): Promise<void> {
  let session: LabSession | null = null;
  const finish = async (keep: boolean): Promise<void> => {
    await session?.end(keep);
    process.exit(0);
  };
  const report = (message: DaemonMessage): void => {
    if (process.connected) process.send?.(message);
  };
  // Whoever called `up` has gone before it was done.
  const abandoned = (): void => {
    if (session === null) process.exit(1);
  };
  process.once('disconnect', abandoned);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void finish(true));
  try {
    const settings = { publisherRate: 0, logLevel: 'info' };
    session = await openSession(given, settings, (keep) => void finish(keep));
    report({ ready: true });
  } catch (error) {
    report({ error: messageOf(error) });
    process.exitCode = 1;
    if (process.connected) process.disconnect();
  }
}
