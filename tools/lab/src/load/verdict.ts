import { inspectRetained, inspectWills } from './inspect-others.ts';
import { inspectStream } from './inspect-stream.ts';
import type { History, QoS } from './history.ts';
import { percentile } from './percentile.ts';

const gapMsP50Max = 300;
const gapMsP99Max = 1_000;
const reasonsMax = 20;

export interface ByQoS {
  qos0: number;
  qos1: number;
  qos2: number;
}

export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** What a run came to. Counts are of messages, `duplicated` and `outOfOrder` of deliveries. */
export interface Verdict {
  /** Every promise held. */
  readonly ok: boolean;
  /** One sentence for each that did not. */
  readonly reasons: readonly string[];
  readonly sent: ByQoS;
  /** PUBACK or PUBREC received. */
  readonly acked: ByQoS;
  /** Handed over to every persistent subscriber. */
  readonly delivered: ByQoS;
  /** QoS 1, 2: acked, but at least one subscriber that was entitled to it never got it. QoS 0: only counted. */
  readonly lost: ByQoS;
  /** Deliveries beyond the first to a subscriber's session. QoS 1 may be delivered again. */
  readonly duplicated: ByQoS;
  /** First deliveries that came after one of a later message of the same publisher, topic and QoS. */
  readonly outOfOrder: ByQoS;
  /** Deliveries dropped at the bound of a session's queue, as the members count them; the rest of `lost` is not allowed. */
  readonly droppedAtBound: number;
  readonly gapMs: Quantiles;
  readonly gapAtKilledMs: Quantiles;
  readonly latencyMs: Quantiles;
  readonly retainedEqual: boolean;
  readonly willsExact: boolean;
}

function zero(): ByQoS {
  return { qos0: 0, qos1: 0, qos2: 0 };
}

function keyOf(qos: QoS): keyof ByQoS {
  return `qos${qos}`;
}

/** Holds the history against the promises (design, P1 to P7, and P8 if `gapsJudged`). Pure. */
export function judge(history: History, { gapsJudged = true } = {}): Verdict {
  const totals = {
    sent: zero(),
    acked: zero(),
    delivered: zero(),
    lost: zero(),
    duplicated: zero(),
    outOfOrder: zero(),
  };
  const reasons: string[] = [...history.problems, ...history.sessionsLost];
  for (const stream of history.streams) {
    const key = keyOf(stream.qos);
    const findings = inspectStream(stream, history);
    totals.sent[key] += stream.messages.length;
    totals.acked[key] += stream.messages.filter(({ ackedAtMs }) => ackedAtMs !== null).length;
    totals.delivered[key] += findings.deliveredToAll;
    totals.lost[key] += findings.lost;
    findings.duplicated.forEach((count, granted) => (totals.duplicated[keyOf(granted as QoS)] += count));
    totals.outOfOrder[key] += findings.outOfOrder;
    reasons.push(...findings.reasons);
  }
  const { droppedAtBound } = history;
  if (droppedAtBound > 0 && totals.lost.qos1 + totals.lost.qos2 > 0) {
    // Which ones the members do not say, so a loss can't be told from what P1 allows: not ok, but explained.
    reasons.push(
      `up to ${droppedAtBound} of the deliveries that are missing were dropped at the bound of a session's queue, ` +
        'which P1 allows; a lower --rate stays below it',
    );
  }
  const retained = inspectRetained(history.retained, history.mayDegrade);
  const wills = inspectWills(history);
  const gapMs = quantiles(history.gapsMs);
  reasons.push(...retained, ...wills, ...(gapsJudged ? inspectGaps(gapMs) : []));
  return {
    ok: reasons.length === 0,
    reasons:
      reasons.length > reasonsMax
        ? [...reasons.slice(0, reasonsMax), `and ${reasons.length - reasonsMax} more`]
        : reasons,
    ...totals,
    droppedAtBound,
    gapMs,
    gapAtKilledMs: quantiles(history.gapsAtKilledMs),
    latencyMs: quantiles(history.latenciesMs),
    retainedEqual: retained.length === 0,
    willsExact: wills.length === 0,
  };
}

function inspectGaps({ p50, p99 }: Quantiles): string[] {
  if (p50 === null || p99 === null) return [];
  const reasons: string[] = [];
  if (p50 > gapMsP50Max)
    reasons.push(`half of the publishers waited ${p50} ms or more after a kill (P8: ${gapMsP50Max})`);
  if (p99 > gapMsP99Max) reasons.push(`a publisher waited ${p99} ms after a kill (P8: p99 ${gapMsP99Max})`);
  return reasons;
}

function quantiles(values: readonly number[]): Quantiles {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) };
}
