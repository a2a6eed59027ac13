import { ConnectRate } from '../src/connect-rate.ts';
import { TokenBucket } from '../src/token-bucket.ts';

/** Admits connects at equal intervals from `fromMs` until `untilMs`, and returns how many were accepted. */
function connects(rate: ConnectRate, key: string, count: number, fromMs: number, untilMs: number): number {
  let accepted = 0;
  for (let attempt = 0; attempt < count; attempt++) {
    if (rate.admit(key, fromMs + ((untilMs - fromMs) * attempt) / count)) accepted++;
  }
  return accepted;
}

test('40,000 connects in 6 s from one address do not lock the address out: it then connects at the normal rate at once', () => {
  const rate = new ConnectRate(1_000);
  const during = connects(rate, '192.0.2.1', 40_000, 0, 6_000);
  expect(during).toBeGreaterThan(10_900);
  expect(during).toBeLessThanOrEqual(11_000);
  // One second later at half of the rate: no attempt is refused.
  expect(connects(rate, '192.0.2.1', 500, 6_001, 7_001)).toBe(500);
});

test('connects from one address cost no other address its connects', () => {
  const rate = new ConnectRate(1_000);
  connects(rate, '192.0.2.1', 40_000, 0, 6_000);
  expect(connects(rate, '192.0.2.2', 5_000, 6_000, 6_001)).toBe(5_000);
});

test('connects from a million addresses take bounded memory, and addresses seen before keep their rate', () => {
  const rate = new ConnectRate(10);
  for (let attempt = 0; attempt < 40; attempt++) rate.admit('seen before', 0);
  for (let address = 0; address < 1_000_000; address++) rate.admit(`address ${address}`, 0);
  expect(rate.size).toBe(10_000);
  expect(rate.admit('seen before', 0)).toBe(true);
  expect(rate.admit('another new one', 0)).toBe(false);
  rate.sweep(10_000);
  expect(rate.size).toBe(0);
});

test('a rate of 0 admits all connects', () => {
  expect(connects(new ConnectRate(0), '192.0.2.1', 100_000, 0, 1)).toBe(100_000);
});

test('a refused attempt takes no token, and a publish that has already arrived does', () => {
  const bucket = new TokenBucket(10, 1);
  expect(bucket.tryTake(0)).toBe(true);
  for (let attempt = 0; attempt < 1_000; attempt++) expect(bucket.tryTake(1)).toBe(false);
  expect(bucket.tryTake(101)).toBe(true);
  expect(bucket.take(101, 5)).toBe(500);
});

test('a bucket says how long its next token takes, and gives it then and not before', () => {
  const bucket = new TokenBucket(7, 1);
  expect(bucket.tokenMs(0)).toBe(0);
  bucket.tryTake(0);
  expect(bucket.tokenMs(0)).toBe(143);
  expect(bucket.tokenMs(100)).toBe(43);
  expect(bucket.tryTake(142)).toBe(false);
  expect(bucket.tryTake(143)).toBe(true);
});
