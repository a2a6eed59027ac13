import { percentile as exactPercentile } from '@mqtt-cluster/kit';

/** Returns the percentile of the values by the nearest-rank method, rounded to 0.1; null for no values. @param share 0 to 1 */
export function percentile(values: readonly number[], share: number): number | null {
  const value = exactPercentile(values, share);
  return value === null ? null : Math.round(value * 10) / 10;
}
