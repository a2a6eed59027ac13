import { describe, expect, test } from '@jest/globals';
import { assertNoViolations, busiestOf, countersOf } from '../src/load/client-counters.ts';
import { ClientTally, violationsOf } from '../src/load/tally.ts';
import type { Allowance, ClientCounters, TallySnapshot } from '../src/load/tally.ts';

function counters(messages: number, connects: number, left: readonly string[] = []): ClientCounters {
  const failovers = left.map((from, index) => ({ from, to: 'z', at: `2026-01-01T00:00:0${index}Z` }));
  return { messages, connects, failovers };
}

/** Passes the counters to a tally, one second apart. @returns the snapshots after the first and after the last counters */
function observe(observed: readonly ClientCounters[]): { before: TallySnapshot; now: TallySnapshot } {
  const tally = new ClientTally();
  tally.observe(observed[0]!, 0);
  tally.restartClock(0);
  const before = tally.snapshot(0);
  for (const [index, next] of observed.slice(1).entries()) tally.observe(next, (index + 1) * 1_000);
  return { before, now: tally.snapshot((observed.length - 1) * 1_000) };
}

const sevenHosts: Allowance = { reconnectsMax: 7, perHostMax: 1 };

function violations(observed: readonly ClientCounters[], allowance = sevenHosts): string[] {
  const { before, now } = observe(observed);
  return violationsOf('c', before, now, allowance);
}

describe('violationsOf', () => {
  test('accepts one reconnect for each host', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(violations([counters(100, 1), counters(200, 8, hosts)])).toEqual([]);
  });

  test('reports a client that reconnected more often than the number of hosts', () => {
    expect(violations([counters(100, 1), counters(200, 9)])).toEqual(['c: reconnected 8 times (allowed: 7)']);
  });

  test('reports two failovers from the same host, even if the total number of reconnects is allowed', () => {
    expect(violations([counters(100, 1), counters(200, 3, ['a', 'a'])])).toEqual([
      'c: left a 2 times (allowed: 1)',
    ]);
  });

  test('ignores reconnects before the first snapshot', () => {
    expect(violations([counters(100, 2, ['a']), counters(200, 3, ['a', 'a'])])).toEqual([]);
  });

  test('reports a client that received no message', () => {
    expect(violations([counters(100, 1), counters(100, 1)])).toEqual(['c: received no more messages']);
  });

  test('reports a client that received no message for longer than the allowed time', () => {
    const observed = [
      counters(100, 1),
      counters(101, 1),
      counters(101, 1),
      counters(101, 1),
      counters(102, 1),
    ];
    expect(violations(observed, { ...sevenHosts, silenceMsMax: 3_000 })).toEqual([]);
    expect(violations(observed, { ...sevenHosts, silenceMsMax: 2_000 })).toEqual([
      'c: 3 s without a message (allowed: 2 s)',
    ]);
    expect(violations([...observed.slice(0, 4)], { ...sevenHosts, silenceMsMax: 1_000 })).toEqual([
      'c: 2 s without a message (allowed: 1 s)',
    ]);
  });
});

describe('ClientTally', () => {
  test('adds the counters of a restarted client process, but does not count its first connection as a reconnect', () => {
    const { before, now } = observe([counters(100, 5), counters(150, 7), counters(20, 1), counters(30, 2)]);
    expect(before).toMatchObject({ messages: 100, reconnects: 4, restarts: 0 });
    expect(now).toMatchObject({ messages: 180, reconnects: 7, restarts: 1 });
  });

  test('counts the second connection of a process as its first reconnect', () => {
    expect(observe([counters(0, 0), counters(5, 1)]).now).toMatchObject({ reconnects: 0 });
    expect(observe([counters(0, 0), counters(5, 3)]).now).toMatchObject({ reconnects: 2 });
    expect(observe([counters(9, 4), counters(0, 0), counters(5, 1)]).now).toMatchObject({ reconnects: 3 });
  });

  test('counts a failover once, even if several statuses list the same failover', () => {
    const { now } = observe([counters(1, 1), counters(2, 2, ['a']), counters(3, 3, ['a', 'b'])]);
    expect(now.left).toEqual({ a: 1, b: 1 });
  });

  test('countersOf adds the messages of all QoS levels', () => {
    const of = (received: number) => ({ received, missing: 0, duplicates: 0 });
    const client = { connected: true, server: 'a', connects: 2, failovers: 1 };
    const status = { byQos: [of(1), of(2), of(3)], violations: [], client, failovers: [] };
    expect(countersOf(status)).toEqual({ messages: 6, connects: 2, failovers: [] });
  });
});

test('assertNoViolations throws an error with all violations', () => {
  expect(() => assertNoViolations(['a', 'b'])).toThrow('a; b');
  expect(() => assertNoViolations([])).not.toThrow();
});

describe('busiestOf', () => {
  const at = (server: string | null, connected = true) => ({
    client: { connected, server, connects: 1, failovers: 0 },
  });

  test('returns the host with the most connected clients', () => {
    const statuses = [at('h1'), at('h2'), at('h2'), at('h1', false), at('h1', false)];
    expect(busiestOf([1, 2, 3], (host) => `h${host}`, statuses)).toBe(2);
  });

  test('throws an error if no client is connected', () => {
    expect(() => busiestOf([1], String, [at(null)])).toThrow('no subscriber is connected');
  });
});
