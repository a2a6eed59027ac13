import { missedGoals, renderLists } from '../src/lists/lists-report.ts';
import type { ListsResult } from '../src/lists/lists.ts';
import type { ListReading } from '../src/lists/operator.ts';
import { machine } from './support/machine.ts';

const reading: ListReading = {
  list: '/clients',
  items: 10,
  answersMs: [10, 1_000],
  bytesMost: 2_048,
  missing: [],
};
const loop = { samples: 1_000, p99Ms: 19.9, mostMs: 50 };
const calm = { acknowledged: { count: 100, p50Ms: 3, p99Ms: 10 }, loops: [loop, loop, loop] };
const listing = { ...calm, acknowledged: { count: 100, p50Ms: 6, p99Ms: 20 } };
const good: ListsResult = {
  members: 3,
  clients: 10,
  connected: 5,
  retained: 100,
  forMs: 1_000,
  calm,
  listing,
  deleting: listing,
  readings: [
    { member: 'm1', readings: [reading] },
    { member: 'm2', readings: [reading] },
  ],
  deletion: { messages: 100, seconds: 1, requests: 2, slowestMs: 900 },
  lost: 0,
};
const withReading = (changed: Partial<ListReading>): Partial<ListsResult> => ({
  readings: [{ member: 'm1', readings: [{ ...reading, ...changed }] }],
});
const withLatency = (p50Ms: number, p99Ms: number, count = 100): Partial<ListsResult> => ({
  listing: { ...listing, acknowledged: { count, p50Ms, p99Ms } },
});
test('a run at all bounds misses no goal', () => {
  expect(missedGoals(good)).toEqual([]);
  expect(renderLists(good, machine, 'c', 'd')).toMatch(
    /\| \/clients \| 10 \| 4 \| 2\.0 KiB \| 10\.0 ms, 10\.0 ms \| 1000\.0 ms, 1000\.0 ms \| ok \|[^]*\nok\n$/,
  );
});

test('a small latency may more than double', () => {
  const quick = { ...calm, acknowledged: { count: 100, p50Ms: 0.5, p99Ms: 2 } };
  expect(missedGoals({ ...good, calm: quick, ...withLatency(5, 5) })).toEqual([]);
});

test.each<[string, Partial<ListsResult>, string]>([
  ['answer', withReading({ answersMs: [1_001] }), '/clients at m1 answered after 1001.0 ms'],
  ['complete list', withReading({ missing: ['m3'] }), '/clients at m1 lacked m3'],
  ['list with items', withReading({ items: 0 }), '/clients at m1 was empty'],
  ['median', withLatency(6.1, 20), 'the p50 of the witness was 6.1 ms, above 6.0 ms'],
  ['p99', withLatency(6, Infinity), 'the p99 of the witness was no answer, above 20.0 ms'],
  ['message', withLatency(0, 0, 0), 'no message of the witness was measured'],
  [
    'event loop',
    { listing: { ...listing, loops: [loop, { ...loop, p99Ms: 20 }, loop] } },
    'the event loop of m2 had a p99 of 20.0 ms, not below 20 ms',
  ],
  [
    'sample of an event loop',
    { listing: { ...listing, loops: [{ samples: 0, p99Ms: 0, mostMs: 0 }, loop, loop] } },
    'the event loop of m1 was not measured',
  ],
  ['deletion', { deletion: { ...good.deletion, slowestMs: 1_001 } }, 'a part of the deletion took 1001.0 ms'],
  [
    'complete deletion',
    { deletion: { ...good.deletion, messages: 99 } },
    'only 99 of 100 retained messages were deleted',
  ],
  ['loss', { lost: 1 }, '1 acknowledged messages of the witness were lost'],
])('the verdict names a bad %s', (_what, changed, sentence) => {
  const result = { ...good, ...changed };
  expect(missedGoals(result)).toEqual([sentence]);
  expect(renderLists(result, machine, 'c', 'd')).toContain(`NOT OK: ${sentence}`);
});
