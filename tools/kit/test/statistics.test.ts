import { LatencyHistogram, median, percentile } from '../src/index.ts';

describe('LatencyHistogram', () => {
  it('returns percentiles that are exact to three significant digits', () => {
    const histogram = new LatencyHistogram();
    for (let value = 1; value <= 10_000; value++) histogram.record(value / 10);
    expect(histogram.count).toBe(10_000);
    for (const share of [0.01, 0.5, 0.99, 1]) {
      const exact = share * 1_000;
      expect(Math.abs(histogram.percentile(share)! - exact)).toBeLessThanOrEqual(exact / 1_000);
    }
  });

  it('includes one slow message in the maximum but not in the median', () => {
    const histogram = new LatencyHistogram();
    for (let count = 0; count < 999; count++) histogram.record(1);
    histogram.record(5_000);
    expect(histogram.percentile(0.5)).toBeCloseTo(1, 2);
    expect(histogram.percentile(1)!).toBeGreaterThanOrEqual(4_995);
  });

  it('returns null as a percentile of no values, and limits recorded values to its range', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.percentile(0.5)).toBeNull();
    histogram.record(0);
    histogram.record(-1);
    expect(histogram.percentile(1)).toBe(0.001);
    histogram.record(1e12);
    expect(histogram.percentile(1)!).toBeGreaterThanOrEqual(3_596_400);
  });
});

test('percentile returns the value at the nearest rank', () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.2, 0.21, 0.5, 1].map((share) => percentile(values, share))).toEqual([1, 1, 2, 3, 5]);
  expect(percentile([], 0.5)).toBeNull();
});

test('median returns the middle value, or the mean of the two middle values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
