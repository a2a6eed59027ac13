import type { EverySecond, Logger, MemberStatus, Notifier } from '@mqtt-cluster/contracts';

/** Number of reports after which a ready member repeats an unchanged status line. */
const readyStatusIntervals = 5;
/** Extension of the start timeout that a member requests each second while its catch-up makes progress. */
const startExtensionMs = 10_000;

export interface ServiceManagerReporterComponents {
  readonly notifier: Notifier;
  readonly logger: Logger;
  readonly status: () => MemberStatus;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly everySecond: EverySecond;
  /** The probe of this member's own broker; see `SelfProbe`. */
  readonly selfProbe: { readonly lastAnswerMs: number; probe(): void; stop(): void };
}

/**
 * Reports to systemd: READY when this member has caught up, a status line, and watchdog keep-alives. A
 * keep-alive means that the event loop runs and that the broker has answered the self probe within the
 * watchdog interval.
 */
export class ServiceManagerReporter {
  readonly #components: ServiceManagerReporterComponents;
  #stopReports: () => void = () => {};
  #watchdogTimer: ReturnType<typeof setInterval> | null = null;
  #ready = false;
  #probeFailed = false;
  #intervals = 0;
  #reportedState = '';
  #lastAppliedIndex = -1;

  constructor(components: ServiceManagerReporterComponents) {
    this.#components = components;
  }

  start(): void {
    const { notifier, everySecond } = this.#components;
    const { watchdogIntervalMs } = notifier;
    this.#stopReports = everySecond(() => this.reportStatus());
    if (watchdogIntervalMs === null) return;
    const intervalMs = Math.max(1, Math.floor(watchdogIntervalMs / 2));
    this.#watchdogTimer = setInterval(() => this.feedWatchdog(watchdogIntervalMs), intervalMs);
  }

  /** Reports STOPPING: from now on systemd applies its stop timeout instead of the watchdog. */
  stop(): void {
    this.#stopReports();
    if (this.#watchdogTimer !== null) clearInterval(this.#watchdogTimer);
    this.#components.selfProbe.stop();
    void this.#components.notifier.stopping();
  }

  /** Reports READY and the status line to systemd. Called once a second. */
  reportStatus(): void {
    const { notifier, logger, status } = this.#components;
    const { state, reason, connections, lastIndex, appliedIndex } = status();
    if (!this.#ready && (state === 'serving' || state === 'isolated')) {
      this.#ready = true;
      logger.info({ state }, 'ready');
      void notifier.ready();
    }
    // The start timeout is extended only while the catch-up makes progress: a start that hangs must time out.
    if (!this.#ready && appliedIndex !== this.#lastAppliedIndex) void notifier.extendStart(startExtensionMs);
    this.#lastAppliedIndex = appliedIndex;
    const unchanged =
      this.#ready && state === this.#reportedState && ++this.#intervals % readyStatusIntervals !== 0;
    if (unchanged) return;
    this.#reportedState = state;
    const progress = this.#ready ? `${connections} clients` : `${appliedIndex} of ${lastIndex} entries`;
    void notifier.status(`${state}${reason === '' ? '' : `: ${reason}`}; ${progress}`);
  }

  /** Sends a keep-alive if the broker answered the self probe, and probes again. Called twice per interval. */
  feedWatchdog(watchdogIntervalMs: number): void {
    const { notifier, logger, now, selfProbe } = this.#components;
    const silentMs = now() - selfProbe.lastAnswerMs;
    if (silentMs <= watchdogIntervalMs) {
      this.#probeFailed = false;
      void notifier.watchdog();
    } else if (!this.#probeFailed) {
      this.#probeFailed = true;
      logger.error(
        { silentMs: Math.round(silentMs) },
        'the broker of this member does not answer the self probe: ' +
          'watchdog keep-alives stop, and systemd restarts the member',
      );
    }
    selfProbe.probe();
  }
}
