import { parseDuration } from '../src/fault-forms.ts';
import { natureOf, parseFaults } from '../src/fault-plan.ts';

describe('the grammar of faults', () => {
  test('reads actions, targets and times, and sorts by time', () => {
    expect(parseFaults('start:3@15s, kill:3@5s', 7)).toEqual([
      { action: 'kill', groups: [[3]], atMs: 5_000 },
      { action: 'start', groups: [[3]], atMs: 15_000 },
    ]);
  });

  test('takes several members, names with m, and all', () => {
    expect(parseFaults('kill:1+m2+3@500ms', 7)[0]?.groups).toEqual([[1, 2, 3]]);
    expect(parseFaults('kill:all@1s', 3)[0]?.groups).toEqual([[1, 2, 3]]);
  });

  test('cut takes several groups, heal none', () => {
    expect(parseFaults('cut:1+2+3/4+5+6@5s,heal@2m', 7)).toEqual([
      {
        action: 'cut',
        groups: [
          [1, 2, 3],
          [4, 5, 6],
        ],
        atMs: 5_000,
      },
      { action: 'heal', groups: [], atMs: 120_000 },
    ]);
  });

  test('commas may join members, as every fault ends with its time', () => {
    expect(parseFaults('cut:1,2,3/4,5@5s,one-way:6@6s', 7).map(({ groups }) => groups)).toEqual([
      [
        [1, 2, 3],
        [4, 5],
      ],
      [[6]],
    ]);
  });

  test.each([
    ['slow-disk:3=200ms@1s', 200],
    ['clock:3=+5s@1s', 5_000],
    ['clock:3=-1h@1s', -3_600_000],
    ['throttle:3=1mbit@1s', 125_000],
    ['loss:3@1s', 0.01],
    ['loss:3=5%@1s', 0.05],
  ])('%s has the value %d', (text, value) => {
    expect(parseFaults(text, 7)[0]?.value).toBeCloseTo(value);
  });

  test('rolling may name members, or mean all', () => {
    expect(parseFaults('rolling@1s,rolling:1+2@2s', 7).map(({ groups }) => groups)).toEqual([[], [[1, 2]]]);
  });

  test('no faults are a plan too', () => {
    expect(parseFaults('', 7)).toEqual([]);
  });

  test.each([
    ['kill', 'is no fault'],
    ['kill:3', 'is no fault'],
    ['explode:3@5s', '"explode"'],
    ['kill:8@5s', '"8" is no member of 1 to 7'],
    ['kill:0@5s', '"0" is no member'],
    ['kill:x@5s', '"x" is no member'],
    ['kill:3@soon', '"soon" is no duration'],
    ['kill@5s', 'names no member'],
    ['heal:3@5s', 'takes no member'],
    ['kill:1/2@5s', 'only cut and one-way take several groups'],
    ['cut:1+2/2+3@5s', 'names a member twice'],
    ['kill:1+1@5s', 'names a member twice'],
    ['slow-disk:3@5s', 'needs a value as in slow-disk:3=200ms'],
    ['slow-disk:3=2h@5s', 'needs a value as in slow-disk:3=200ms'],
    ['throttle:3=fast@5s', 'needs a value as in throttle:3=1mbit'],
    ['loss:3=200%@5s', 'needs a value as in loss:3=1%'],
    ['kill:3=4@5s', 'kill takes no value'],
    ['one-way:1/2/3@5s', 'one-way takes'],
    ['cut:1+2', 'is no fault'],
  ])('%s is refused in one line', (text, message) => {
    expect(() => parseFaults(text, 7)).toThrow(message);
  });

  test('durations have units; a bare number counts seconds', () => {
    expect(['250ms', '1.5s', '2m', '3'].map(parseDuration)).toEqual([250, 1_500, 120_000, 3_000]);
  });
});

describe('what a plan does to the cluster', () => {
  const nature = (text: string, members = 7) => natureOf(parseFaults(text, members), members);

  test('a kill that leaves a majority is measured', () => {
    const { minorityKills, mayDegrade } = nature('kill:1+2@1s,start:1@5s,kill:3@6s');
    expect(minorityKills.map(({ atMs }) => atMs)).toEqual([1_000, 6_000]);
    expect(mayDegrade).toBe(false);
  });

  test('a kill that leaves none is not, and may degrade acks', () => {
    expect(nature('kill:1+2+3@1s,kill:4@2s').minorityKills).toHaveLength(1);
    expect(nature('kill:1+2+3@1s,kill:4@2s').mayDegrade).toBe(true);
    expect(nature('kill:1@1s', 2).minorityKills).toHaveLength(0);
  });

  test.each(['one-way:1', 'flap:1', 'loss:1', 'throttle:1=1mbit', 'full-disk:1', 'slow-disk:1=1s'])(
    '%s may degrade acks',
    (text) => expect(nature(`${text}@1s`).mayDegrade).toBe(true),
  );

  test('a stepped clock and a rolling restart may not, while a majority is left', () => {
    expect(nature('clock:1=+5s@1s,rolling@2s').mayDegrade).toBe(false);
    expect(nature('rolling@2s', 2).mayDegrade).toBe(true);
  });

  test('a cut may degrade acks', () => {
    expect(nature('cut:1+2+3@1s,heal@2s').mayDegrade).toBe(true);
  });
});
