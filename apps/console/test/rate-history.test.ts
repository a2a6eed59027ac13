import { expect, test } from '@jest/globals';
import { RateHistory, samplesMax, totals } from '../src/app/rate-history.ts';
import { FakeCluster } from './support/fake-cluster.ts';

test('adds up the rates of the members that answered, and takes the slowest acknowledgement', () => {
  const cluster = new FakeCluster();
  cluster.unreachable = ['m2'];
  const { members } = cluster.overview();
  const answered = members.filter(({ reachable }) => reachable);
  const sum = totals(members);
  expect(answered).toHaveLength(6);
  expect(sum.received?.[1]).toBeCloseTo(
    answered.reduce((total, { rates }) => total + (rates?.receivedPerSecond[1] ?? 0), 0),
  );
  expect(sum.ackMsP99).toBe(Math.max(...answered.map(({ rates }) => rates?.ackMsP99 ?? 0)));
});

test('reports no rate when no member reported one, rather than zero', () => {
  const cluster = new FakeCluster();
  cluster.tooOld = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'];
  expect(totals(cluster.overview().members)).toEqual({
    received: null,
    delivered: null,
    dropped: null,
    ackMsP50: null,
    ackMsP99: null,
  });
});

test('keeps five minutes of samples, and ignores a sample from a clock that went back', () => {
  const history = new RateHistory();
  const cluster = new FakeCluster();
  const base = cluster.overview();
  for (let index = 0; index < samplesMax + 20; index += 1)
    history.add({ ...base, atMs: 1_000_000 + index * 2_000 });
  history.add({ ...base, atMs: 1_000 });
  expect(history.length).toBe(samplesMax);
  expect(history.times.at(-1)).toBe(1_000 + (samplesMax + 19) * 2);
  expect(history.series((sample) => sample.received?.[0])).toHaveLength(samplesMax);
});
