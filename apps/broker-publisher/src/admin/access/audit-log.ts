import { commandLineUserAgent } from '@mqtt-cluster/api/acts';
import type { Logger } from '@mqtt-cluster/contracts';
import { administrationMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { adminUserAgent } from '../paths.ts';
import type { Actor } from './admin-access.ts';

/** Interval of the lines about refusals; the first refusal after a quiet time is logged at once. */
const refusalIntervalMs = 10_000;
const secretName = /password|passphrase|secret|token|hash|credential/i;
const valueLengthMax = 200;
/** Fields of one object, and nesting, in a line. */
const fieldsMax = 20;
const depthMax = 4;

/** An administrative act, on whichever way it was requested. */
export interface AuditedAct {
  readonly way: 'http' | 'command line' | 'topic';
  readonly action: string;
  readonly actor: Actor;
  readonly address: string;
  readonly parameters: unknown;
}

/**
 * Writes one line for each administrative act. Refusals share one line in ten seconds, with their number, because
 * strangers can cause any number of them.
 */
export class AuditLog {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #now: () => number;
  #refusedAtMs = -Infinity;
  #suppressed = 0;
  #last: Readonly<Record<string, unknown>> = {};
  #timer: NodeJS.Timeout | null = null;

  constructor(logger: Logger, metrics: Metrics, now: () => number) {
    this.#logger = logger;
    this.#metrics = metrics;
    this.#now = now;
    // The first report creates the series.
    for (const outcome of ['done', 'failed', 'refused', 'limited'] as const)
      metrics.add(administrationMetrics.requests, [outcome], 0);
  }

  /** @param code HTTP status code of the answer */
  onAct({ way, action, actor, address, parameters }: AuditedAct, code: number): void {
    const isDone = code < 400;
    this.#metrics.add(administrationMetrics.requests, [isDone ? 'done' : 'failed'], 1);
    const outcome = isDone ? 'done' : 'failed';
    const who = { actor: actor.name, role: actor.role, address };
    const what = { action, parameters: withoutSecrets(parameters, 0), outcome, code };
    this.#logger.info({ audit: true, way, ...who, ...what }, 'administrative act');
  }

  onRefusal(
    fields: { readonly action: string; readonly address: string; readonly reason: string },
    isLimited: boolean,
  ): void {
    this.#metrics.add(administrationMetrics.requests, [isLimited ? 'limited' : 'refused'], 1);
    const nowMs = this.#now();
    if (nowMs - this.#refusedAtMs < refusalIntervalMs) {
      this.#suppressed += 1;
      this.#last = fields;
      this.#timer ??= setTimeout(() => this.flush(), refusalIntervalMs).unref();
      return;
    }
    this.flush();
    this.#refusedAtMs = nowMs;
    this.#logger.warn({ audit: true, outcome: 'refused', ...fields }, 'administrative act refused');
  }

  /** Writes the line about the refusals since the last line. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#suppressed === 0) return;
    const fields = { audit: true, outcome: 'refused', ...this.#last, refusals: this.#suppressed };
    this.#suppressed = 0;
    this.#refusedAtMs = this.#now();
    this.#logger.warn(fields, 'administrative acts refused');
  }
}

/**
 * Returns whether the command line or another HTTP client sent the request. The command line names itself in the header
 * `user-agent`.
 */
export function wayOf({
  'user-agent': agent,
}: {
  readonly 'user-agent'?: string | undefined;
}): 'http' | 'command line' {
  return agent === commandLineUserAgent || agent === adminUserAgent ? 'command line' : 'http';
}

/** Returns the parameters for a line of the log: without secrets, short, and not deep. */
export function withoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.slice(0, valueLengthMax);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= depthMax) return '(not shown)';
  if (Array.isArray(value)) {
    const shown = value.slice(0, fieldsMax).map((item) => withoutSecrets(item, depth + 1));
    return value.length > fieldsMax ? [...shown, `(${value.length - fieldsMax} more)`] : shown;
  }
  const entries = Object.entries(value).slice(0, fieldsMax);
  return Object.fromEntries(
    entries.map(([name, item]) => [
      name.slice(0, valueLengthMax),
      secretName.test(name) ? '(not shown)' : withoutSecrets(item, depth + 1),
    ]),
  );
}
