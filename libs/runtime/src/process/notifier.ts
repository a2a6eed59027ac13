import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Logger, Notifier } from '@mqtt-cluster/contracts';
import notify from 'systemd-notify';

export interface NotifierOptions {
  readonly logger: Logger;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whether a file exists; `fs.existsSync` by default. */
  readonly exists?: (path: string) => boolean;
}

const programTimeoutMs = 5_000;
const statusLengthMax = 256;

/** systemd's own socket, where a container has it mounted. */
const systemdSocket = '/run/systemd/notify';

const silentNotifier: Notifier = {
  async ready() {},
  async status() {},
  async watchdog() {},
  async extendStart() {},
  async stopping() {},
  watchdogIntervalMs: null,
};

/** How one kind of message gets to systemd; null: not at all. */
interface Ways {
  ready(): Promise<unknown>;
  watchdog(): Promise<unknown>;
  readonly status: ((text: string) => Promise<unknown>) | null;
  readonly other: ((assignment: string) => Promise<unknown>) | null;
}

/**
 * Tells systemd how this process is, if systemd asked (NOTIFY_SOCKET). Every call runs the program
 * `systemd-notify` once; the unit needs `NotifyAccess=all`. When it can't be run that is one warning, and
 * never an error.
 */
export function createNotifier({
  logger,
  environment = process.env,
  exists = existsSync,
}: NotifierOptions): Notifier {
  if (!environment['NOTIFY_SOCKET']) return silentNotifier;
  const inContainer = Boolean(environment['container']);
  const ways = inContainer ? waysOfContainer(exists(systemdSocket)) : waysOfHost();
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
  const tell = async (assignment: string): Promise<void> => {
    const { other } = ways;
    if (other !== null) await attempt(() => other(assignment));
  };
  return {
    ready: () => attempt(() => ways.ready()),
    status: latestOnly(async (text: string) => {
      const { status } = ways;
      if (status !== null) await attempt(() => status(oneLine(text)));
    }),
    watchdog: onlyOneAtATime(() => attempt(() => ways.watchdog())),
    extendStart: (milliseconds) => tell(`EXTEND_TIMEOUT_USEC=${Math.round(milliseconds * 1_000)}`),
    stopping: () => tell('STOPPING=1'),
    watchdogIntervalMs: watchdogInterval(environment, inContainer),
  };
}

/** The npm package knows READY and STATUS only. */
function waysOfHost(): Ways {
  return {
    ready: () => notify({ ready: true }),
    status: (text) => notify({ status: text }),
    watchdog: () => runProgram('WATCHDOG=1'),
    other: (assignment) => runProgram(assignment),
  };
}

/**
 * conmon, which stands between, passes on only READY=1 and WATCHDOG=1, each alone in its datagram. The npm package would
 * add a MAINPID to it, and one that means nothing outside of the container.
 */
function waysOfContainer(hasSystemdSocket: boolean): Ways {
  const direct = (assignment: string): Promise<void> => runProgram(assignment, systemdSocket);
  return {
    ready: () => runProgram('READY=1'),
    watchdog: () => runProgram('WATCHDOG=1'),
    status: hasSystemdSocket ? (text) => direct(`STATUS=${text}`) : null,
    other: hasSystemdSocket ? direct : null,
  };
}

/** Half of what systemd waits for, as sd_watchdog_enabled(3) recommends. */
function watchdogInterval(
  environment: Readonly<Record<string, string | undefined>>,
  inContainer: boolean,
): number | null {
  const limitUs = Number(environment['WATCHDOG_USEC']);
  if (!Number.isFinite(limitUs) || limitUs <= 0) return null;
  // Set for another process of the unit; in a container numbers of processes say nothing.
  const pid = environment['WATCHDOG_PID'];
  if (pid && !inContainer && Number(pid) !== process.pid) return null;
  return Math.max(1, Math.floor(limitUs / 2 / 1_000));
}

/** Without a process id: it would come as an assignment of its own. */
function runProgram(assignment: string, socket?: string): Promise<void> {
  const environment = socket === undefined ? process.env : { ...process.env, NOTIFY_SOCKET: socket };
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', [assignment], { timeout: programTimeoutMs, env: environment }, (error) => {
      if (error) reject(error);
      else resolve();
    });
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
