import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { Poll } from './poll.ts';
import type { PollEnvironment } from './poll.ts';
import { ApiError, isAborted } from './problem.ts';

/** The last answer to a request that a page repeats. Data stays when a later request fails. */
export interface Polled<Data> {
  readonly data: ReadonlySignal<Data | null>;
  /** Why the last request failed; null after an answer. */
  readonly error: ReadonlySignal<ApiError | null>;
  /** Time of the last answer, Unix ms. */
  readonly atMs: ReadonlySignal<number | null>;
  /** Milliseconds until the next attempt after a failure. */
  readonly retryInMs: ReadonlySignal<number | null>;
  readonly refresh: () => void;
}

const browserEnvironment: PollEnvironment = {
  setTimer: (run, delayMs) => window.setTimeout(run, delayMs),
  clearTimer: (timer) => window.clearTimeout(timer),
  isHidden: () => document.visibilityState === 'hidden',
  onVisibility: (run) => {
    document.addEventListener('visibilitychange', run);
    return () => document.removeEventListener('visibilitychange', run);
  },
};

type Ask<Data> = (signal: AbortSignal) => Promise<Data>;

/** Starts to poll. The caller must call `stop`. */
export function startPolling<Data>(
  ask: Ask<Data>,
  everyMs: number,
  onData?: (data: Data) => void,
): Polled<Data> & { readonly stop: () => void } {
  const data = signal<Data | null>(null);
  const error = signal<ApiError | null>(null);
  const atMs = signal<number | null>(null);
  const retryInMs = signal<number | null>(null);
  const poll = new Poll(
    {
      everyMs,
      ask: async (abort) => {
        const answer = await ask(abort);
        data.value = answer;
        error.value = null;
        retryInMs.value = null;
        atMs.value = Date.now();
        onData?.(answer);
      },
      onFailure: (reason, delayMs) => {
        if (isAborted(reason)) return;
        error.value = reason instanceof ApiError ? reason : new ApiError(String(reason), 0);
        retryInMs.value = delayMs;
      },
    },
    browserEnvironment,
  );
  return { data, error, atMs, retryInMs, refresh: () => poll.now(), stop: () => poll.stop() };
}

/** Polls while the component is shown. @param key a new key starts again without data */
export function usePolled<Data>(ask: Ask<Data>, everyMs: number, key: string): Polled<Data> {
  const polled = useMemo(() => startPolling(ask, everyMs), [key]);
  useEffect(() => polled.stop, [polled]);
  return polled;
}
