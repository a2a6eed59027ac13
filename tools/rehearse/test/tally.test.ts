import { describe, expect, test } from '@jest/globals';
import { assertNone, busiestOf, countersOf } from '../src/load/client-counters.ts';
import { ClientTally, violationsOf } from '../src/load/tally.ts';
import type { Allowance, ClientCounters, TallySnapshot } from '../src/load/tally.ts';

function counters(messages: number, connects: number, left: readonly string[] = []): ClientCounters {
  const failovers = left.map((from, index) => ({ from, to: 'z', at: `2026-01-01T00:00:0${index}Z` }));
  return { messages, connects, failovers };
}

/** The marks before and after these looks, a second apart; the first look is before. */
function watched(looks: readonly ClientCounters[]): { before: TallySnapshot; now: TallySnapshot } {
  const tally = new ClientTally();
  tally.observe(looks[0]!, 0);
  tally.restartClock(0);
  const before = tally.snapshot(0);
  for (const [index, look] of looks.slice(1).entries()) tally.observe(look, (index + 1) * 1_000);
  return { before, now: tally.snapshot((looks.length - 1) * 1_000) };
}

const sevenHosts: Allowance = { reconnectsMax: 7, perHostMax: 1 };

function judged(looks: readonly ClientCounters[], allowance = sevenHosts): string[] {
  const { before, now } = watched(looks);
  return violationsOf('c', before, now, allowance);
}

describe('the violations of a client', () => {
  test('are none when it reconnects once for each host', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(judged([counters(100, 1), counters(200, 8, hosts)])).toEqual([]);
  });

  test('include one reconnect more than there are hosts', () => {
    expect(judged([counters(100, 1), counters(200, 9)])).toEqual(['c: connected 8 times again (allowed: 7)']);
  });

  test('include leaving the same host twice, even within the total', () => {
    expect(judged([counters(100, 1), counters(200, 3, ['a', 'a'])])).toEqual([
      'c: left a 2 times (allowed: 1)',
    ]);
  });

  test('exclude reconnects before the first snapshot', () => {
    expect(judged([counters(100, 2, ['a']), counters(200, 3, ['a', 'a'])])).toEqual([]);
  });

  test('include receiving no message at all', () => {
    expect(judged([counters(100, 1), counters(100, 1)])).toEqual(['c: received no more messages']);
  });

  test('include a long silence, which means that there was no load', () => {
    const looks = [counters(100, 1), counters(101, 1), counters(101, 1), counters(101, 1), counters(102, 1)];
    expect(judged(looks, { ...sevenHosts, silenceMsMax: 3_000 })).toEqual([]);
    expect(judged(looks, { ...sevenHosts, silenceMsMax: 2_000 })).toEqual([
      'c: 3 s without a message (allowed: 2)',
    ]);
    expect(judged([...looks.slice(0, 4)], { ...sevenHosts, silenceMsMax: 1_000 })).toEqual([
      'c: 2 s without a message (allowed: 1)',
    ]);
  });
});

describe('the counters of a client', () => {
  test('continue in a new process, whose first connection is no reconnect', () => {
    const { before, now } = watched([counters(100, 5), counters(150, 7), counters(20, 1), counters(30, 2)]);
    expect(before).toMatchObject({ messages: 100, reconnects: 4, restarts: 0 });
    expect(now).toMatchObject({ messages: 180, reconnects: 7, restarts: 1 });
  });

  test('count the second connection of a process as its first reconnect', () => {
    expect(watched([counters(0, 0), counters(5, 1)]).now).toMatchObject({ reconnects: 0 });
    expect(watched([counters(0, 0), counters(5, 3)]).now).toMatchObject({ reconnects: 2 });
    expect(watched([counters(9, 4), counters(0, 0), counters(5, 1)]).now).toMatchObject({ reconnects: 3 });
  });

  test('count a failover once, even if the status lists it again', () => {
    const { now } = watched([counters(1, 1), counters(2, 2, ['a']), counters(3, 3, ['a', 'b'])]);
    expect(now.left).toEqual({ a: 1, b: 1 });
  });

  test('include the messages of all QoS levels', () => {
    const of = (received: number) => ({ received, missing: 0, duplicates: 0 });
    const client = { connected: true, server: 'a', connects: 2, failovers: 1 };
    const status = { byQos: [of(1), of(2), of(3)], violations: [], client, failovers: [] };
    expect(countersOf(status)).toEqual({ messages: 6, connects: 2, failovers: [] });
  });
});

test('any violation fails the step', () => {
  expect(() => assertNone(['a', 'b'])).toThrow('a; b');
  expect(() => assertNone([])).not.toThrow();
});

describe('the busiest host', () => {
  const at = (server: string | null, connected = true) => ({
    client: { connected, server, connects: 1, failovers: 0 },
  });

  test('has the most connected clients', () => {
    const statuses = [at('h1'), at('h2'), at('h2'), at('h1', false), at('h1', false)];
    expect(busiestOf([1, 2, 3], (host) => `h${host}`, statuses)).toBe(2);
  });

  test('does not exist without a connected client', () => {
    expect(() => busiestOf([1], String, [at(null)])).toThrow('no subscriber is connected');
  });
});
