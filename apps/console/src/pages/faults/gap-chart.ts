import type { LabClient, LabState } from '../../lab/shapes.ts';

/** A part of a line in percent of the width of the chart. */
export interface Bar {
  readonly left: number;
  readonly width: number;
  readonly lengthMs: number;
  readonly isOpen: boolean;
}

/** The time that the chart covers. */
export const spanMs = 120_000;
/** A shorter bar could not be seen. */
const widthMin = 0.35;

/** Returns the gaps of a client that the chart shows. */
export function bars({ gaps }: Pick<LabClient, 'gaps'>, nowMs: number): Bar[] {
  const fromMs = nowMs - spanMs;
  return gaps.flatMap(({ startMs, endMs }) => {
    const end = Math.min(endMs ?? nowMs, nowMs);
    if (end <= fromMs) return [];
    const left = percent(Math.max(startMs, fromMs) - fromMs);
    const width = Math.min(Math.max(widthMin, percent(end - fromMs) - left), 100 - left);
    return [{ left, width, lengthMs: (endMs ?? nowMs) - startMs, isOpen: endMs === null }];
  });
}

/** Returns the places of the faults in percent of the width. */
export function marks(history: LabState['history'], nowMs: number): { left: number; text: string }[] {
  return history
    .filter(({ atMs, error }) => atMs > nowMs - spanMs && error === undefined)
    .map(({ atMs, text }) => ({ left: percent(atMs - (nowMs - spanMs)), text }));
}

/** Returns the longest gap of the time that the chart covers, milliseconds; null without a gap. */
export function longestGapMs(client: Pick<LabClient, 'gaps'>, nowMs: number): number | null {
  const lengths = bars(client, nowMs).map(({ lengthMs }) => lengthMs);
  return lengths.length === 0 ? null : Math.max(...lengths);
}

function percent(ms: number): number {
  return Math.round(((100 * ms) / spanMs) * 100) / 100;
}
