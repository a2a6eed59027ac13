import { describe, expect, test } from '@jest/globals';
import { assertNone, busiestOf, countersOf } from '../src/load/client-counters.ts';
import { ClientTally, complaints } from '../src/load/tally.ts';
import type { Allowance, ClientCounters, Mark } from '../src/load/tally.ts';

function counters(messages: number, connects: number, left: readonly string[] = []): ClientCounters {
  const failovers = left.map((from, index) => ({ from, to: 'z', at: `2026-01-01T00:00:0${index}Z` }));
  return { messages, connects, failovers };
}

/** The marks before and after these looks, a second apart; the first look is before. */
function watched(looks: readonly ClientCounters[]): { before: Mark; now: Mark } {
  const tally = new ClientTally();
  tally.observe(looks[0]!, 0);
  tally.restartClock(0);
  const before = tally.mark(0);
  for (const [index, look] of looks.slice(1).entries()) tally.observe(look, (index + 1) * 1_000);
  return { before, now: tally.mark((looks.length - 1) * 1_000) };
}

const sevenHosts: Allowance = { reconnectsMax: 7, perHostMax: 1 };

function judged(looks: readonly ClientCounters[], allowance = sevenHosts): string[] {
  const { before, now } = watched(looks);
  return complaints('c', before, now, allowance);
}

describe('the verdict on a client', () => {
  test('one that went on, over as many connections as there were hosts, has nothing to complain of', () => {
    const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(judged([counters(100, 1), counters(200, 8, hosts)])).toEqual([]);
  });

  test('one more connection than hosts is too many', () => {
    expect(judged([counters(100, 1), counters(200, 9)])).toEqual([
      'c: connected 8 times again, at most 7 were allowed',
    ]);
  });

  test('the same host left twice is too often, though it was not too many in all', () => {
    expect(judged([counters(100, 1), counters(200, 3, ['a', 'a'])])).toEqual([
      'c: left a 2 times, at most 1 were allowed',
    ]);
  });

  test('what was left before does not count', () => {
    expect(judged([counters(100, 2, ['a']), counters(200, 3, ['a', 'a'])])).toEqual([]);
  });

  test('silence is a complaint, even without a hole', () => {
    expect(judged([counters(100, 1), counters(100, 1)])).toEqual(['c: no message more']);
  });

  test('a long silence means that the load was not there all the time', () => {
    const looks = [counters(100, 1), counters(101, 1), counters(101, 1), counters(101, 1), counters(102, 1)];
    expect(judged(looks, { ...sevenHosts, silenceMsMax: 3_000 })).toEqual([]);
    expect(judged(looks, { ...sevenHosts, silenceMsMax: 2_000 })).toEqual([
      'c: 3 s without a message, at most 2 were allowed',
    ]);
    expect(judged([...looks.slice(0, 4)], { ...sevenHosts, silenceMsMax: 1_000 })).toEqual([
      'c: 2 s without a message, at most 1 were allowed',
    ]);
  });
});

describe('the tally of a client', () => {
  test('a new process counts anew, and its first connection is no reconnect', () => {
    const { before, now } = watched([counters(100, 5), counters(150, 7), counters(20, 1), counters(30, 2)]);
    expect(before).toMatchObject({ messages: 100, reconnects: 4, restarts: 0 });
    expect(now).toMatchObject({ messages: 180, reconnects: 7, restarts: 1 });
  });

  test('a process that had no connection yet reconnects with its second one', () => {
    expect(watched([counters(0, 0), counters(5, 1)]).now).toMatchObject({ reconnects: 0 });
    expect(watched([counters(0, 0), counters(5, 3)]).now).toMatchObject({ reconnects: 2 });
    expect(watched([counters(9, 4), counters(0, 0), counters(5, 1)]).now).toMatchObject({ reconnects: 3 });
  });

  test('a failover that is listed again is counted once', () => {
    const { now } = watched([counters(1, 1), counters(2, 2, ['a']), counters(3, 3, ['a', 'b'])]);
    expect(now.left).toEqual({ a: 1, b: 1 });
  });

  test('all levels of QoS are messages', () => {
    const of = (received: number) => ({ received, missing: 0, duplicates: 0 });
    const client = { connected: true, server: 'a', connects: 2, failovers: 1 };
    const status = { byQos: [of(1), of(2), of(3)], violations: [], client, failovers: [] };
    expect(countersOf(status)).toEqual({ messages: 6, connects: 2, failovers: [] });
  });
});

test('any complaint fails the step', () => {
  expect(() => assertNone(['a', 'b'])).toThrow('a; b');
  expect(() => assertNone([])).not.toThrow();
});

describe('the busiest host', () => {
  const at = (server: string | null, connected = true) => ({
    client: { connected, server, connects: 1, failovers: 0 },
  });

  test('has most of those that are connected', () => {
    const statuses = [at('h1'), at('h2'), at('h2'), at('h1', false), at('h1', false)];
    expect(busiestOf([1, 2, 3], (host) => `h${host}`, statuses)).toBe(2);
  });

  test('when nobody is connected a fault would prove nothing', () => {
    expect(() => busiestOf([1], String, [at(null)])).toThrow('no subscriber is connected');
  });
});
