import { describe, expect, test } from '@jest/globals';
import { assertNone, complaints, markOf } from '../src/load/client-counters.ts';
import type { ClientStatus } from '../src/load/client-counters.ts';

function status(received: number, connects: number, violations: string[] = []): ClientStatus {
  const none = { received: 0, missing: 0, duplicates: 0 };
  return {
    byQos: [none, { ...none, received }, none],
    violations,
    client: { connected: true, connects, failovers: 0 },
  };
}

describe('the verdict on a client', () => {
  const before = markOf(status(100, 1));

  test('one that received on, over as many connections as there were hosts, has nothing to complain of', () => {
    expect(complaints('c', before, status(200, 8), 7)).toEqual([]);
  });

  test('one more connection than hosts is too many', () => {
    expect(complaints('c', before, status(200, 9), 7)).toEqual([
      'c: connected 8 times again, at most 7 were allowed',
    ]);
  });

  test('silence is a complaint, even without a hole', () => {
    expect(complaints('c', before, status(100, 1), 7)).toEqual(['c: received nothing more']);
  });

  test('one that was restarted counts anew', () => {
    expect(complaints('c', markOf(status(100, 9)), status(50, 1), 7)).toEqual([]);
    expect(complaints('c', markOf(status(100, 9)), status(0, 1), 7)).toEqual(['c: received nothing more']);
  });

  test("the client's own findings are passed on", () => {
    expect(complaints('c', before, status(200, 1, ['QoS 1: 3 missing']), 7)).toEqual(['c: QoS 1: 3 missing']);
  });

  test('any complaint fails the step', () => {
    expect(() => assertNone(['a', 'b'])).toThrow('a; b');
    expect(() => assertNone([])).not.toThrow();
  });
});
