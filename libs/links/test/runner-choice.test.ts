import { positionOf, runnerStep } from '../src/runner/runner-choice.ts';
import type { RunnerView } from '../src/runner/runner-choice.ts';

const idle: RunnerView = { self: 'm1', state: 'serving', home: null, runsHere: false, isHomeDead: false };

test.each<[string, Partial<RunnerView>, string]>([
  ['no member holds the session of the link', {}, 'choose'],
  ['another member holds it', { home: 'm2', homeState: 'serving' }, 'keep'],
  ['the process of its home is dead', { home: 'm2', homeState: 'serving', isHomeDead: true }, 'choose'],
  ['its home drains', { home: 'm2', homeState: 'draining' }, 'choose'],
  ['the state still names the former process of this member', { home: 'm1' }, 'choose'],
  ['this member runs the link', { home: 'm1', runsHere: true }, 'keep'],
  ['this member runs the link and is isolated', { home: 'm1', runsHere: true, state: 'isolated' }, 'leave'],
  ['this member runs the link and drains', { home: 'm1', runsHere: true, state: 'draining' }, 'leave'],
  ['this member is isolated', { state: 'isolated' }, 'keep'],
  ['this member has not caught up', { state: 'joining', home: 'm2', isHomeDead: true }, 'keep'],
])('a member whose view is "%s" decides', (_name, change, step) => {
  expect(runnerStep({ ...idle, ...change })).toBe(step);
});

const all = ['m1', 'm2', 'm3'];

test('the members that may run a link agree on their order, whatever order they hear of each other in', () => {
  const candidates = all.map((member) => ({ member, mayRun: true }));
  const positions = all.map((self) => positionOf(self, 'plant', candidates));
  const others = all.map((self) => positionOf(self, 'plant', candidates.toReversed()));
  expect(positions.toSorted()).toEqual([0, 1, 2]);
  expect(others).toEqual(positions);
});

test('a member without the files of a link has no position, and the others move up', () => {
  const able = (without: string) => all.map((member) => ({ member, mayRun: member !== without }));
  for (const without of all) {
    expect(positionOf(without, 'plant', able(without))).toBeNull();
    const rest = all.filter((member) => member !== without);
    expect(rest.map((self) => positionOf(self, 'plant', able(without))).toSorted()).toEqual([0, 1]);
  }
});
