import { execFile } from 'node:child_process';
import type { Logger, Notifier } from '@mqtt-cluster/contracts';
import notify from 'systemd-notify';

export interface NotifierOptions {
  readonly logger: Logger;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const programTimeoutMs = 5_000;
const statusLengthMax = 256;

const silentNotifier: Notifier = {
  async ready() {},
  async status() {},
  async watchdog() {},
  async stopping() {},
  watchdogIntervalMs: null,
};

/**
 * Tells systemd how this process is, if systemd asked (NOTIFY_SOCKET). Every call runs the program
 * `systemd-notify` once; the unit needs `NotifyAccess=all`. When it can't be run that is one warning, and
 * never an error.
 */
export function createNotifier({ logger, environment = process.env }: NotifierOptions): Notifier {
  if (!environment['NOTIFY_SOCKET']) return silentNotifier;
  let warned = false;
  const attempt = async (action: () => Promise<unknown>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (warned) return;
      warned = true;
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ reason }, 'systemd cannot be notified: the program systemd-notify fails or is missing');
    }
  };
  const watchdog = onlyOneAtATime(() => attempt(() => runProgram('WATCHDOG=1')));
  return {
    ready: () => attempt(() => notify({ ready: true })),
    status: latestOnly((text: string) => attempt(() => notify({ status: oneLine(text) }))),
    watchdog,
    stopping: () => attempt(() => runProgram('STOPPING=1')),
    watchdogIntervalMs: watchdogInterval(environment),
  };
}

/** Half of what systemd waits for, as sd_watchdog_enabled(3) recommends. */
function watchdogInterval(environment: Readonly<Record<string, string | undefined>>): number | null {
  const limitUs = Number(environment['WATCHDOG_USEC']);
  if (!Number.isFinite(limitUs) || limitUs <= 0) return null;
  // Set for another process of the unit.
  const pid = environment['WATCHDOG_PID'];
  if (pid && Number(pid) !== process.pid) return null;
  return Math.max(1, Math.floor(limitUs / 2 / 1_000));
}

/** The npm package knows READY and STATUS only. */
function runProgram(assignment: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(
      'systemd-notify',
      [`--pid=${process.pid}`, assignment],
      { timeout: programTimeoutMs },
      (error) => {
        if (error) reject(error);
        else resolve();
      },
    );
  });
}

/** A busy machine must not collect programs: while one runs, further calls share its end. */
function onlyOneAtATime(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= action().finally(() => (running = null));
    return running;
  };
}

/** While one text is being told only the newest of the others is kept. */
function latestOnly(tell: (text: string) => Promise<void>): (text: string) => Promise<void> {
  let newest: string | null = null;
  let running: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    while (newest !== null) {
      const text = newest;
      newest = null;
      await tell(text);
    }
    running = null;
  };
  return (text) => {
    newest = text;
    running ??= run();
    return running;
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, statusLengthMax);
}
