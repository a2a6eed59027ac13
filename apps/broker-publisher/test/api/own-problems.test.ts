import { existsSync } from 'node:fs';
import type { MemberStatus } from '@mqtt-cluster/contracts';
import { ownProblems } from '../../src/api/members/own-problems.ts';

const bounded = { bytes: 0, max: 100 };
const healthy = {
  id: 'm1',
  state: 'serving',
  reason: '',
  digestsAgree: true,
  heldPublishes: [0, 0, 0],
  stateBytes: { queues: bounded, retained: bounded, subscriptions: bounded, wills: bounded },
  homeBytes: { subscriptions: bounded, queues: bounded },
  outboxBytes: 0,
  bounds: { logBytesMax: 1, outboxBytesMax: 100 },
} as unknown as MemberStatus;
const host = { freeShare: 0.5, pressure: 'none' } as const;

function problemOf(change: Partial<MemberStatus>, at: Parameters<typeof ownProblems>[1] = host) {
  return ownProblems({ ...healthy, ...change }, at);
}

it('finds nothing wrong at a healthy member', () => {
  expect(problemOf({})).toEqual([]);
});

const near = { bytes: 80, max: 100 };
const cases: readonly (readonly [
  string,
  Partial<MemberStatus>,
  Parameters<typeof ownProblems>[1],
  RegExp,
])[] = [
  [
    'isolation',
    { state: 'isolated', heldPublishes: [0, 2, 1] },
    host,
    /isolated.* 3 publishes of its clients wait/,
  ],
  ['a drain', { state: 'draining' }, host, /m1 drains/],
  ['joining', { state: 'joining', reason: 'no quorum' }, host, /has not joined the cluster: no quorum/],
  ['another digest', { digestsAgree: false }, host, /differs/],
  [
    'full queues',
    { stateBytes: { ...healthy.stateBytes, queues: near } },
    host,
    /queues of the cluster use 80 %/,
  ],
  [
    'full home queues',
    { homeBytes: { ...healthy.homeBytes, queues: near } },
    host,
    /clean sessions of m1 use 80 %/,
  ],
  ['a full outbox', { outboxBytes: 90 }, host, /outbox of m1 uses 90 %/],
  ['a full disk', {}, { ...host, freeShare: 0.1 }, /10 % of its space left/],
  ['memory', {}, { ...host, pressure: 'refuseClients' }, /refuses new clients/],
];

it.each(cases)('describes %s in words, with a runbook that exists', (_name, change, at, text) => {
  const [problem, ...others] = problemOf(change, at);
  expect(others).toEqual([]);
  expect(problem!.text).toMatch(text);
  if (problem!.runbook !== undefined)
    expect(existsSync(new URL(`../../../../${problem!.runbook}`, import.meta.url))).toBe(true);
});

it('counts an unknown free space as no problem', () => {
  expect(problemOf({}, { ...host, freeShare: null })).toEqual([]);
});
