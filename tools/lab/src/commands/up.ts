import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '@mqtt-cluster/kit';
import type { Arguments } from '../arguments.ts';
import { securityFiles } from '../security/lab-security.ts';
import { isLabRunning, killLabProcesses, readLabFile, removeLabFile } from '../cluster/lab-file.ts';
import { LabError } from '../errors.ts';
import { LabWeb } from '../web/lab-web.ts';
import { portSettings, startLab } from './running-lab.ts';
import type { RunningLab } from './running-lab.ts';

type DaemonMessage = { readonly error: string } | { readonly ready: true };

/** Kills the processes that an earlier lab left running in the folder. @throws LabError when a lab still runs in the folder */
export function removeStaleLab(folder: string): void {
  if (isLabRunning(folder)) {
    throw new LabError(`a lab is already running in ${folder}; "lab down" ends it`);
  }
  const stale = readLabFile(folder);
  if (stale === null) return;
  killLabProcesses(stale);
  removeLabFile(folder);
}

/** `lab up`: starts a lab in a background process and prints the addresses of its members as one JSON object. */
export async function up(given: Arguments): Promise<void> {
  const { folder } = given;
  removeStaleLab(folder);
  mkdirSync(folder, { recursive: true });
  const log = openSync(join(folder, 'lab.log'), 'a');
  const script = process.argv[1] ?? '';
  const daemonProcess = spawn(
    process.execPath,
    ['--enable-source-maps', script, 'daemon', ...daemonOptions(given)],
    { detached: true, stdio: ['ignore', log, log, 'ipc'] },
  );
  const message = await new Promise<DaemonMessage>((resolve) => {
    daemonProcess.once('message', (value) => resolve(value as DaemonMessage));
    daemonProcess.once('error', (error) => resolve({ error: error.message }));
    daemonProcess.once('exit', (code) =>
      resolve({ error: `the lab ended with status ${code}; see ${folder}/lab.log` }),
    );
  });
  if (daemonProcess.connected) daemonProcess.disconnect();
  daemonProcess.unref();
  if ('error' in message) throw new LabError(message.error);
  const { members = [], console } = readLabFile(folder) ?? {};
  const security = given.secure ? { security: securityFiles(folder) } : {};
  process.stdout.write(`${JSON.stringify({ members, dir: folder, console, ...security })}\n`);
}

function daemonOptions({ members, folder, site, overrides, keep, secure, portRange }: Arguments): string[] {
  return [
    ...['--members', String(members), '--dir', folder, '--site', site],
    ...overrides.flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    ...(keep ? ['--keep'] : []),
    ...(secure ? ['--secure'] : []),
    ...(portRange === null ? [] : ['--ports', String(portRange)]),
  ];
}

/** Runs in the background process that `lab up` starts. Owns the members, the links and the control server. */
export async function daemon(given: Arguments): Promise<void> {
  let runningLab: RunningLab | null = null;
  const finish = async (keep: boolean): Promise<void> => {
    await runningLab?.end(keep);
    process.exit(0);
  };
  const report = (message: DaemonMessage): void => {
    if (process.connected) process.send?.(message);
  };
  // Ends this process if the `lab up` process ends before the lab is ready.
  const onDisconnect = (): void => {
    if (runningLab === null) process.exit(1);
  };
  process.once('disconnect', onDisconnect);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void finish(true));
  try {
    const settings = { publisherRate: 0, logLevel: 'info', ...portSettings(given) };
    runningLab = await startLab(given, settings, (keep) => void finish(keep));
    const web = new LabWeb({ cluster: runningLab.cluster, load: null });
    await web.open();
    runningLab.recordConsole(web.url);
    report({ ready: true });
  } catch (error) {
    report({ error: describeError(error) });
    process.exitCode = 1;
    if (process.connected) process.disconnect();
  }
}
