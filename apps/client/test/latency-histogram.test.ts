import { LatencyHistogram } from '../src/latency-histogram.ts';

test('an empty histogram has null percentiles', () => {
  expect(new LatencyHistogram().summary()).toEqual({ count: 0, p50: null, p99: null, p999: null, max: null });
});

test('the percentiles of a histogram are at most 5 % too high', () => {
  const histogram = new LatencyHistogram();
  for (let value = 1; value <= 1_000; value += 1) histogram.observe(value);
  const { count, p50, p99, p999, max } = histogram.summary();
  expect([count, max]).toEqual([1_000, 1_000]);
  for (const [percentile, exact] of [
    [p50, 500],
    [p99, 990],
    [p999, 999],
  ] as const) {
    expect(percentile).toBeGreaterThanOrEqual(exact);
    expect(percentile).toBeLessThanOrEqual(exact * 1.05);
  }
});

test('a histogram counts values outside its range in the first or last bucket', () => {
  const histogram = new LatencyHistogram();
  for (const value of [-5, 0, 1e9]) histogram.observe(value);
  expect(histogram.summary()).toMatchObject({ count: 3, p50: 0.1, max: 1e9 });
});
