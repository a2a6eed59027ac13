import { judge } from '../src/load/verdict.ts';
import type { SentMessage, WillHistory } from '../src/load/history.ts';
import { historyOf, streamOf, subscriberOf } from './history.ts';

describe('the verdict on messages', () => {
  test('a clean history is ok', () => {
    const verdict = judge(historyOf({ streams: [streamOf(2, 3)], subscribers: [subscriberOf([1, 2, 3])] }));
    expect(verdict).toMatchObject({ ok: true, reasons: [], sent: { qos2: 3 }, acked: { qos2: 3 } });
    expect(verdict.delivered.qos2).toBe(3);
  });

  test.each([1, 2] as const)('an acked QoS %d message that never came is lost (P1, P2)', (qos) => {
    const verdict = judge(historyOf({ streams: [streamOf(qos, 3)], subscribers: [subscriberOf([1, 3])] }));
    expect(verdict.lost[`qos${qos}`]).toBe(1);
    expect(verdict.delivered[`qos${qos}`]).toBe(2);
    expect(verdict.ok).toBe(false);
    expect(verdict.reasons[0]).toContain('never got');
  });

  test('a loss beside drops at a bound is explained, but not ok', () => {
    const history = historyOf({ streams: [streamOf(1, 2)], subscribers: [subscriberOf([1])] });
    const verdict = judge({ ...history, droppedAtBound: 5 });
    expect(verdict).toMatchObject({ ok: false, droppedAtBound: 5 });
    expect(verdict.reasons.join()).toContain('up to 5 of the deliveries');
  });

  test('an unacked message owes nothing', () => {
    const unacked: Partial<SentMessage> = { ackedAtMs: null, ackConnection: null };
    const stream = streamOf(1, 2, [{}, unacked]);
    expect(judge(historyOf({ streams: [stream], subscribers: [subscriberOf([1])] })).ok).toBe(true);
  });

  test('a lost QoS 0 message is counted only', () => {
    const verdict = judge(historyOf({ streams: [streamOf(0, 2)], subscribers: [subscriberOf([2])] }));
    expect(verdict).toMatchObject({ ok: true, lost: { qos0: 1 } });
  });

  test('messages before the subscription are not owed', () => {
    const stream = streamOf(1, 2, [{ sentAtMs: -5 }]);
    expect(judge(historyOf({ streams: [stream], subscribers: [subscriberOf([2])] })).ok).toBe(true);
  });

  test.each([0, 2] as const)('QoS %d twice is wrong', (qos) => {
    const verdict = judge(historyOf({ streams: [streamOf(qos, 2)], subscribers: [subscriberOf([1, 2, 2])] }));
    expect(verdict).toMatchObject({ ok: false, duplicated: { [`qos${qos}`]: 1 } });
  });

  test('QoS 1 twice is counted only, and QoS 2 for a QoS 1 subscription', () => {
    const one = judge(historyOf({ streams: [streamOf(1, 2)], subscribers: [subscriberOf([1, 2, 1])] }));
    expect(one).toMatchObject({ ok: true, duplicated: { qos1: 1 } });
    const lowered = subscriberOf([1, 2, 2], { qos: 1 });
    expect(judge(historyOf({ streams: [streamOf(2, 2)], subscribers: [lowered] })).ok).toBe(true);
  });

  test.each([0, 1, 2] as const)('QoS %d out of order on one connection is wrong', (qos) => {
    const verdict = judge(historyOf({ streams: [streamOf(qos, 3)], subscribers: [subscriberOf([1, 3, 2])] }));
    expect(verdict).toMatchObject({ ok: false, outOfOrder: { [`qos${qos}`]: 1 } });
  });

  test('a message acked earlier by a member without a majority may come late, elsewhere not', () => {
    const moved: Partial<SentMessage> = { firstConnection: 2, ackConnection: 2 };
    const history = historyOf({
      streams: [streamOf(1, 2, [{}, moved])],
      subscribers: [subscriberOf([2, 1])],
    });
    expect(judge({ ...history, mayDegrade: true }).ok).toBe(true);
    expect(judge({ ...history, mayDegrade: false }).outOfOrder.qos1).toBe(1);
  });

  test('nor may one be overtaken on the connection that acked both', () => {
    const history = historyOf({ streams: [streamOf(1, 2)], subscribers: [subscriberOf([2, 1])] });
    expect(judge({ ...history, mayDegrade: true }).outOfOrder.qos1).toBe(1);
  });

  test('QoS 2 is never acked without a majority', () => {
    const moved: Partial<SentMessage> = { firstConnection: 2, ackConnection: 2 };
    const history = historyOf({
      streams: [streamOf(2, 2, [{}, moved])],
      subscribers: [subscriberOf([2, 1])],
    });
    expect(judge({ ...history, mayDegrade: true }).outOfOrder.qos2).toBe(1);
  });

  test('a clean session is owed everything while it lasts, and nothing once it is over', () => {
    const history = (ended: boolean) =>
      historyOf({
        streams: [streamOf(1, 2)],
        subscribers: [subscriberOf([1], { persistent: false, ended })],
      });
    expect(judge(history(false)).lost.qos1).toBe(1);
    expect(judge(history(true)).ok).toBe(true);
  });

  test('a message that nobody sent is wrong', () => {
    const verdict = judge(historyOf({ streams: [streamOf(2, 1)], subscribers: [subscriberOf([1, 7])] }));
    expect(verdict.reasons.join()).toContain('never sent');
  });

  test('a lost session and other problems are reasons (P3)', () => {
    expect(judge(historyOf({ sessionsLost: ['p has no session'] })).reasons).toEqual(['p has no session']);
    expect(judge(historyOf({ problems: ['m3 ended by itself'] })).ok).toBe(false);
  });
});

describe('the verdict on wills (P6)', () => {
  const topic = 'will/w/1';
  const withWill = (expected: WillHistory['expected'], count: number) =>
    judge(
      historyOf({
        subscribers: [subscriberOf([], { wills: [[topic, count]] })],
        wills: [{ topic, expected, how: 'w died' }],
      }),
    ).willsExact;

  test.each([
    ['exactlyOne', 0, false],
    ['exactlyOne', 1, true],
    ['exactlyOne', 2, false],
    ['atMostOne', 0, true],
    ['atMostOne', 1, true],
    ['atMostOne', 2, false],
    ['none', 0, true],
    ['none', 1, false],
    ['stayed', 0, true],
    ['stayed', 1, false],
  ] as const)('%s and %d wills: %s', (expected, count, right) => {
    expect(withWill(expected, count)).toBe(right);
  });
});

test('the will of a client whose home had no majority may fire once: others took it for dead', () => {
  const history = historyOf({
    subscribers: [subscriberOf([], { wills: [['w', 1]] })],
    wills: [{ topic: 'w', expected: 'stayed', how: 'w stayed at m1' }],
  });
  expect(judge({ ...history, mayDegrade: true }).willsExact).toBe(true);
  expect(judge({ ...history, mayDegrade: false }).willsExact).toBe(false);
});

describe('the verdict on retained messages (P5)', () => {
  const view = (member: string, ...found: [string, string][]) => ({ member, found: new Map(found) });

  test('a value that differs, is missing or should have been deleted is wrong', () => {
    const expected = new Map([
      ['a', '1'],
      ['gone', ''],
    ]);
    const equal = (...found: [string, string][]) =>
      judge(historyOf({ retained: { expected, views: [view('m1', ...found)] } })).retainedEqual;
    expect(equal(['a', '1'])).toBe(true);
    expect(equal(['a', '2'])).toBe(false);
    expect(equal()).toBe(false);
    expect(equal(['a', '1'], ['gone', 'x'])).toBe(false);
  });

  test('after a split members need only agree', () => {
    const expected = new Map([['a', '2']]);
    const agree = [view('m1', ['a', '1']), view('m2', ['a', '1'])];
    const differ = [view('m1', ['a', '1']), view('m2', ['a', '2'])];
    expect(judge(historyOf({ mayDegrade: true, retained: { expected, views: agree } })).ok).toBe(true);
    expect(judge(historyOf({ mayDegrade: true, retained: { expected, views: differ } })).ok).toBe(false);
  });
});

describe('the verdict on gaps (P8)', () => {
  test('quantiles by nearest rank', () => {
    const gapsMs = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(judge(historyOf({ gapsMs })).gapMs).toEqual({ p50: 50, p99: 99, max: 100 });
  });

  test('too long a gap, or one without end, is wrong', () => {
    expect(judge(historyOf({ gapsMs: [10, 20, 900] })).ok).toBe(true);
    expect(judge(historyOf({ gapsMs: [10, 20, 1_100] })).ok).toBe(false);
    expect(judge(historyOf({ gapsMs: [400, 400, 10] })).ok).toBe(false);
    expect(judge(historyOf({ gapsMs: [10, Infinity] })).ok).toBe(false);
  });

  test('is left out where gaps are only to be shown', () => {
    const { ok, gapMs } = judge(historyOf({ gapsMs: [10, 1_100] }), { gapsJudged: false });
    expect({ ok, max: gapMs.max }).toEqual({ ok: true, max: 1_100 });
  });
});
