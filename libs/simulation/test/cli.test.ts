import { jest } from '@jest/globals';
import { readArguments, UsageError } from '../src/cli/arguments.ts';
import { memberCountOf } from '../src/cli/worker-pool.ts';
import { Progress } from '../src/cli/progress.ts';
import { markNames, runSeed } from '../src/index.ts';

test('readArguments accepts a number of seeds, a time, or one seed', () => {
  expect(readArguments(['--workers', '1'])).toMatchObject({ first: 1, seeds: 1_000, forMs: Infinity });
  expect(readArguments(['--for', '30m'])).toMatchObject({ seeds: Infinity, forMs: 1_800_000 });
  expect(readArguments(['--for', '90s', '--seeds', '5'])).toMatchObject({ seeds: 5, forMs: 90_000 });
  expect(readArguments(['--seed', '42', '--trace'])).toMatchObject({ first: 42, seeds: 1, trace: true });
  expect(readArguments(['--workers', '3'])?.workers).toBe(3);
});

test('readArguments accepts a range of seeds, so that a long run can be divided', () => {
  expect(readArguments(['--first', '3001', '--seeds', '3000'])).toMatchObject({ first: 3_001, seeds: 3_000 });
});

test('readArguments switches on faults of message pages only with --page-faults', () => {
  expect(readArguments([])).toMatchObject({ pageFaults: false });
  expect(readArguments(['--seed', '7', '--page-faults'])).toMatchObject({ first: 7, pageFaults: true });
});

test('readArguments adds a link only with --links', () => {
  expect(readArguments([])).toMatchObject({ links: false });
  expect(readArguments(['--seed', '7', '--links'])).toMatchObject({ first: 7, links: true });
});

test('readArguments prints the help and returns null for --help', () => {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    expect(readArguments(['--help'])).toBeNull();
    expect(write.mock.calls.join('')).toMatch(/^Usage: simulate .*--keep-going/s);
  } finally {
    write.mockRestore();
  }
});

test.each([
  [['--seeds', '-1'], /--seeds/],
  [['--seeds', 'many'], /--seeds many: must be a whole number from 1/],
  [['--members', '8'], /--members 8: must be a whole number from 1 to 7/],
  [['--for', '30'], /--for 30: must be a time such as 90s/],
  [['--for', '0m'], /--for 0m/],
  [['--trace'], /--seed K/],
  [['--seed', '1', '--for', '1m'], /--seed runs one seed/],
  [['--sedes', '1'], /unknown option '--sedes' \(Did you mean --seeds\?\); see --help/],
  [['now'], /too many arguments/],
])('readArguments rejects %j with a one-line message', (args, message) => {
  expect(() => readArguments(args)).toThrow(UsageError);
  expect(() => readArguments(args)).toThrow(message);
  expect(() => readArguments(args)).toThrow(/^[^\n]*$/);
});

test('memberCountOf gives three, five or seven members to most seeds, and one to six to every tenth seed', () => {
  expect([1, 2, 3].map((seed) => memberCountOf(seed, null))).toEqual([7, 5, 3]);
  expect([10, 20, 60, 70].map((seed) => memberCountOf(seed, null))).toEqual([2, 3, 1, 2]);
  expect(memberCountOf(10, 5)).toBe(5);
});

test('the summary of a run lists counters, marks, marks that no seed reached, and times', () => {
  let nowMs = 0;
  const progress = new Progress(() => nowMs);
  progress.add(runSeed({ seed: 10, members: 2 }));
  nowMs = 2_000;
  expect(progress.line()).toMatch(/^1 seeds in 2 s \(0\.5\/s\), 0 failed: \d+ messages, /);
  const summary = progress.summary();
  for (const name of markNames) expect(summary).toContain(name);
  expect(summary).toMatch(/marks that no seed reached: .*store-damage-healed/);
  expect(summary).toMatch(/one healthy cluster: p50 \d+ ms, p99 \d+ ms, max \d+ ms/);
  expect(progress.failed).toEqual([]);
});
