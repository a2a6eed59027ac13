import { loopFigures } from '../src/loop-delays.ts';

test('a delay of an event loop counts once for each interval of the samples that it covers', () => {
  expect(loopFigures('2000 0.4 12.5 0\n', 0, 5_000)).toEqual({ samples: 5, p99Ms: 12.5, mostMs: 12.5 });
});

test('the p99 of the delays is below the longest one if more than 99 of 100 samples are shorter', () => {
  const text = `2000 ${Array.from({ length: 200 }, () => '1.0').join(' ')} 4.5\n`;
  expect(loopFigures(text, 0, 5_000)).toEqual({ samples: 201, p99Ms: 1, mostMs: 4.5 });
});

test('only the seconds that lie within the phase count', () => {
  const text = '1900 9\n2000 1\n3000 2\n4000 3\n4100 9\n';
  expect(loopFigures(text, 1_000, 4_000)).toMatchObject({ samples: 3, mostMs: 3 });
});

test('an event loop without a sample has no figures', () => {
  expect(loopFigures('', 0, 1_000)).toEqual({ samples: 0, p99Ms: 0, mostMs: 0 });
});
