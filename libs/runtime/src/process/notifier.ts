import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Logger, Notifier } from '@mqtt-cluster/contracts';
import notify from 'systemd-notify';

export interface NotifierOptions {
  readonly logger: Logger;
  /** `process.env` by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Returns whether a file exists. `fs.existsSync` by default. */
  readonly exists?: (path: string) => boolean;
}

const programTimeoutMs = 5_000;
const statusLengthMax = 256;

/** systemd's own notification socket, if it is mounted into the container. */
const systemdSocket = '/run/systemd/notify';

const silentNotifier: Notifier = {
  async ready() {},
  async status() {},
  async watchdog() {},
  async extendStart() {},
  async stopping() {},
  watchdogIntervalMs: null,
};

/** Sends each kind of notification to systemd. A kind that cannot be sent is null. */
interface NotifyTransport {
  ready(): Promise<unknown>;
  watchdog(): Promise<unknown>;
  readonly status: ((text: string) => Promise<unknown>) | null;
  readonly other: ((assignment: string) => Promise<unknown>) | null;
}

/**
 * Creates a notifier that reports the state of this process to systemd if `NOTIFY_SOCKET` is set, and does
 * nothing otherwise. Every call runs the program `systemd-notify` once, so the unit needs `NotifyAccess=all`.
 * A failure of the program is logged once as a warning; calls never reject.
 */
export function createNotifier({
  logger,
  environment = process.env,
  exists = existsSync,
}: NotifierOptions): Notifier {
  if (!environment['NOTIFY_SOCKET']) return silentNotifier;
  const inContainer = Boolean(environment['container']);
  const transport = inContainer ? containerTransport(exists(systemdSocket)) : hostTransport();
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
  const send = async (assignment: string): Promise<void> => {
    const { other } = transport;
    if (other !== null) await attempt(() => other(assignment));
  };
  return {
    ready: () => attempt(() => transport.ready()),
    status: latestOnly(async (text: string) => {
      const { status } = transport;
      if (status !== null) await attempt(() => status(oneLine(text)));
    }),
    watchdog: onlyOneAtATime(() => attempt(() => transport.watchdog())),
    extendStart: (milliseconds) => send(`EXTEND_TIMEOUT_USEC=${Math.round(milliseconds * 1_000)}`),
    stopping: () => send('STOPPING=1'),
    watchdogIntervalMs: watchdogInterval(environment, inContainer),
  };
}

/**
 * The npm package `systemd-notify` supports READY and STATUS only; the other notifications run the program
 * directly.
 */
function hostTransport(): NotifyTransport {
  return {
    ready: () => notify({ ready: true }),
    status: (text) => notify({ status: text }),
    watchdog: () => runProgram('WATCHDOG=1'),
    other: (assignment) => runProgram(assignment),
  };
}

/**
 * In a container, conmon forwards only READY=1 and WATCHDOG=1, and only if each is alone in its datagram. The
 * npm package would add a MAINPID, which is a process id that is not valid outside the container.
 */
function containerTransport(hasSystemdSocket: boolean): NotifyTransport {
  const direct = (assignment: string): Promise<void> => runProgram(assignment, systemdSocket);
  return {
    ready: () => runProgram('READY=1'),
    watchdog: () => runProgram('WATCHDOG=1'),
    status: hasSystemdSocket ? (text) => direct(`STATUS=${text}`) : null,
    other: hasSystemdSocket ? direct : null,
  };
}

/** Returns half of the watchdog timeout, as sd_watchdog_enabled(3) recommends, or null without a watchdog. */
function watchdogInterval(
  environment: Readonly<Record<string, string | undefined>>,
  inContainer: boolean,
): number | null {
  const limitUs = Number(environment['WATCHDOG_USEC']);
  if (!Number.isFinite(limitUs) || limitUs <= 0) return null;
  // The watchdog may be meant for another process of the unit. In a container the process ids differ from
  // those of the host.
  const pid = environment['WATCHDOG_PID'];
  if (pid && !inContainer && Number(pid) !== process.pid) return null;
  return Math.max(1, Math.floor(limitUs / 2 / 1_000));
}

/** Runs `systemd-notify` without `--pid`, which would add a MAINPID assignment. */
function runProgram(assignment: string, socket?: string): Promise<void> {
  const environment = socket === undefined ? process.env : { ...process.env, NOTIFY_SOCKET: socket };
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', [assignment], { timeout: programTimeoutMs, env: environment }, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/**
 * Returns the running action to further calls, so that a busy machine does not accumulate `systemd-notify`
 * processes.
 */
function onlyOneAtATime(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= action().finally(() => (running = null));
    return running;
  };
}

/** Sends one text at a time. While a text is being sent, only the newest of the waiting texts is kept. */
function latestOnly(send: (text: string) => Promise<void>): (text: string) => Promise<void> {
  let newest: string | null = null;
  let running: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    while (newest !== null) {
      const text = newest;
      newest = null;
      await send(text);
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
