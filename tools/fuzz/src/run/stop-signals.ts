import { constants } from 'node:os';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Returns a signal that is aborted at the first SIGINT, SIGTERM or SIGHUP of this process. The second one ends the process, which
 * kills the members.
 */
export function stopSignal(onStop: () => void): AbortSignal {
  const stop = new AbortController();
  for (const name of signals) {
    process.on(name, () => {
      if (stop.signal.aborted) return process.exit(128 + constants.signals[name]);
      onStop();
      stop.abort();
    });
  }
  return stop.signal;
}
