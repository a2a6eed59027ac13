/**
 * Calls `callback` once a second until the returned function is called. Components that work once a second share one
 * `EverySecond`, because each wake-up of an idle process costs more processor time than their work.
 */
export type EverySecond = (callback: () => void) => () => void;

/** An {@link EverySecond} that can begin its second anew. */
export interface SharedSecond extends EverySecond {
  /**
   * Begins the current second now. Two timers of Node with equal intervals that start in the same iteration of the event
   * loop expire in the same wake-up of the process.
   */
  restart(): void;
}

const intervalMs = 1_000;

/**
 * Creates an {@link EverySecond} with one timer for all callbacks, which run in the order of their registration. The timer
 * does not keep the process alive.
 */
export function createEverySecond(): SharedSecond {
  const callbacks = new Set<() => void>();
  let timer: NodeJS.Timeout | null = null;
  const everySecond: EverySecond = (callback) => {
    // Each registration is an entry of its own, also of a function that is registered twice.
    const entry = (): void => callback();
    callbacks.add(entry);
    timer ??= setInterval(() => {
      for (const each of callbacks) each();
    }, intervalMs).unref();
    return () => {
      callbacks.delete(entry);
      if (callbacks.size > 0 || timer === null) return;
      clearInterval(timer);
      timer = null;
    };
  };
  return Object.assign(everySecond, {
    restart(): void {
      timer?.refresh();
    },
  });
}
