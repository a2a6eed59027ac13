import { summarizePlan, parseFaults } from '../src/fault-plan.ts';

describe('parseFaults', () => {
  test('returns the actions, members and times of all faults, sorted by time', () => {
    expect(parseFaults('start:3@15s, kill:3@5s', 7)).toEqual([
      { action: 'kill', groups: [[3]], atMs: 5_000 },
      { action: 'start', groups: [[3]], atMs: 15_000 },
    ]);
  });

  test('accepts several members, member ids, and "all"', () => {
    expect(parseFaults('kill:1+m2+3@500ms', 7)[0]?.groups).toEqual([[1, 2, 3]]);
    expect(parseFaults('kill:all@1s', 3)[0]?.groups).toEqual([[1, 2, 3]]);
  });

  test('accepts the fault cut with several groups of members, and the fault heal without a member', () => {
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

  test('accepts commas between members, because every fault ends with its time', () => {
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
  ])('converts the value of %s to %d', (text, value) => {
    expect(parseFaults(text, 7)[0]?.value).toBeCloseTo(value);
  });

  test('accepts the fault rolling with and without members', () => {
    expect(parseFaults('rolling@1s,rolling:1+2@2s', 7).map(({ groups }) => groups)).toEqual([[], [[1, 2]]]);
  });

  test('returns no faults for an empty plan', () => {
    expect(parseFaults('', 7)).toEqual([]);
  });

  test.each([
    ['kill', '"kill" has no time (example: kill:3@5s)'],
    ['kill:3', 'has no time'],
    [':3@5s', 'invalid fault ":3" (example: kill:3)'],
    ['explode:3@5s', 'unknown fault "explode" in "explode:3" (faults: kill, stop,'],
    ['kill:8@5s', '"8" is not a member from 1 to 7'],
    ['kill:0@5s', '"0" is not a member'],
    ['kill:x@5s', '"x" is not a member'],
    ['kill:3@soon', '"kill:3@soon": "soon" is not a time (examples: 500ms, 30s, 2m)'],
    ['kill@5s', 'needs a member'],
    ['heal:3@5s', 'takes no member'],
    ['kill:1/2@5s', 'only cut and one-way take several groups'],
    ['cut:1+2/2+3@5s', 'contains a member twice'],
    ['kill:1+1@5s', 'contains a member twice'],
    ['slow-disk:3@5s', 'needs a value (example: slow-disk:3=200ms)'],
    ['slow-disk:3=2h@5s', 'needs a value (example: slow-disk:3=200ms)'],
    ['throttle:3=fast@5s', 'needs a value (example: throttle:3=1mbit)'],
    ['loss:3=200%@5s', 'needs a value (example: loss:3=1%)'],
    ['kill:3=4@5s', 'kill takes no value'],
    ['one-way:1/2/3@5s', 'one-way takes'],
    ['cut:1+2', 'has no time'],
  ])('rejects the plan %s with an error message of one line', (text, message) => {
    expect(() => parseFaults(text, 7)).toThrow(message);
  });
});

describe('summarizePlan', () => {
  const summary = (text: string, members = 7) => summarizePlan(parseFaults(text, members), members);

  test('lists the kills that leave a majority of the members running', () => {
    const { minorityKills, mayDegrade } = summary('kill:1+2@1s,start:1@5s,kill:3@6s');
    expect(minorityKills.map(({ atMs }) => atMs)).toEqual([1_000, 6_000]);
    expect(mayDegrade).toBe(false);
  });

  test('reports a kill that leaves no majority running as a cause of degraded acknowledgements', () => {
    expect(summary('kill:1+2+3@1s,kill:4@2s').minorityKills).toHaveLength(1);
    expect(summary('kill:1+2+3@1s,kill:4@2s').mayDegrade).toBe(true);
    expect(summary('kill:1@1s', 2).minorityKills).toHaveLength(0);
  });

  test.each(['one-way:1', 'flap:1', 'loss:1', 'throttle:1=1mbit', 'full-disk:1', 'slow-disk:1=1s'])(
    'reports the fault %s as a cause of degraded acknowledgements',
    (text) => expect(summary(`${text}@1s`).mayDegrade).toBe(true),
  );

  test('reports that a changed clock and a rolling restart cause no degraded acknowledgements while a majority runs', () => {
    expect(summary('clock:1=+5s@1s,rolling@2s').mayDegrade).toBe(false);
    expect(summary('rolling@2s', 2).mayDegrade).toBe(true);
  });

  test('reports a cut as a cause of degraded acknowledgements', () => {
    expect(summary('cut:1+2+3@1s,heal@2s').mayDegrade).toBe(true);
  });
});
