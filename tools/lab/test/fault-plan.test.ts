import { natureOf, parseDuration, parseFaults } from '../src/fault-plan.ts';

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
    ['kill:1/2@5s', 'only cut takes several groups'],
    ['cut:1+2/2+3@5s', 'names a member twice'],
    ['kill:1+1@5s', 'names a member twice'],
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

  test('a cut may degrade acks', () => {
    expect(nature('cut:1+2+3@1s,heal@2s').mayDegrade).toBe(true);
  });
});
