import { Latencies } from '../src/generator/latencies.ts';

test('percentiles are right to two per cent', () => {
  const latencies = new Latencies();
  for (let milliseconds = 1; milliseconds <= 1_000; milliseconds++) latencies.add(milliseconds);
  for (const share of [0.01, 0.5, 0.99, 1]) {
    const found = latencies.percentile(share)!;
    expect(found / (share * 1_000)).toBeGreaterThan(0.98);
    expect(found / (share * 1_000)).toBeLessThan(1.021);
  }
});

test('one slow message is the last percentile, not the median', () => {
  const latencies = new Latencies();
  for (let count = 0; count < 99; count++) latencies.add(1);
  latencies.add(5_000);
  expect(latencies.percentile(0.5)!).toBeLessThan(1.03);
  expect(latencies.percentile(1)!).toBeGreaterThan(4_900);
});

test('nothing has no percentile', () => {
  expect(new Latencies().percentile(0.5)).toBeNull();
});
