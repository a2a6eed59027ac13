import { gapOf, Observation } from '../src/failover/gaps.ts';
import { renderFailover } from '../src/failover/failover-report.ts';
import { lossesOf } from '../src/failover/losses.ts';
import { feederName, seriesName, witnessed } from '../src/failover/protocol.ts';
import type { RoundResult } from '../src/failover/rounds.ts';
import { machine } from './support/machine.ts';

/** Returns times every 10 ms from `from` until before `to`. */
function every10(from: number, to: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / 10) }, (_, index) => from + index * 10);
}

describe('gapOf', () => {
  test('measures the gap from the last event before the fault to the first event after it', () => {
    expect(gapOf([...every10(0, 1_000), ...every10(1_290, 2_000)], 1_000)).toBe(300);
  });

  test('does not end the gap at a packet that arrives late from a buffer just after the fault', () => {
    expect(gapOf([...every10(0, 1_000), 1_002, ...every10(1_302, 2_000)], 1_000)).toBe(300);
  });

  test('ignores pauses that ended before the fault', () => {
    expect(gapOf([0, 700, ...every10(710, 2_000)], 1_000)).toBe(10);
  });

  test('returns the second pause after the fault when the second pause is longer than the first pause', () => {
    expect(gapOf([...every10(0, 1_000), 1_100, 1_500, ...every10(1_510, 2_000)], 1_000)).toBe(400);
  });

  test('returns Infinity for a client without an event after the fault', () => {
    expect(gapOf(every10(0, 1_000), 1_000)).toBe(Infinity);
    expect(gapOf([], 1_000)).toBe(Infinity);
  });
});

describe('Observation', () => {
  test('reports that all clients are served when each client had service without a break for half a second', () => {
    const observation = new Observation();
    observation.add({ quick: every10(0, 1_000), slow: every10(0, 500) });
    expect(observation.allServed(1_000)).toBe(false);
    observation.add({ quick: every10(1_000, 2_000), slow: every10(1_400, 2_000) });
    expect(observation.allServed(1_890)).toBe(false);
    expect(observation.allServed(2_000)).toBe(true);
    expect(observation.gaps(600)).toEqual({ quick: 10, slow: 910 });
  });

  test('returns the longest pause before the fault', () => {
    const observation = new Observation();
    observation.add({ client: [0, 30, 40, 1_000] });
    expect(observation.calm(100)).toEqual({ client: 30 });
  });
});

const noLosses = { publishedLost: 0, publishedTwice: 0, qos1Lost: 0, qos1Twice: 0, qos0Lost: 0 };

describe('lossesOf', () => {
  test('counts what a client published and no subscriber received, and what arrived twice', () => {
    const received = { [witnessed('c')]: [0, 1, 1, 3] };
    expect(lossesOf({ sent: { c: 5 }, received })).toEqual({
      c: { ...noLosses, publishedLost: 2, publishedTwice: 1 },
    });
  });

  test('counts acknowledged QoS 1 messages and sent QoS 0 messages that a subscriber did not receive', () => {
    const received = {
      // Number 5 was not acknowledged to its publisher, so its loss is none.
      [seriesName(feederName, 'publisher')]: [1, 3, 7],
      [seriesName('c', 'subscriber QoS 1')]: [1, 1, 7],
      [seriesName('c', 'subscriber QoS 0')]: [0, 6],
    };
    expect(lossesOf({ sent: { c: 0, [feederName]: 8 }, received })).toEqual({
      c: { ...noLosses, qos1Lost: 1, qos1Twice: 1, qos0Lost: 2 },
    });
  });
});

describe('renderFailover', () => {
  const series = 'failover-client: publisher';
  const round = (number: number, gapMs: number | null): RoundResult => ({
    round: number,
    fault: 'kill',
    victim: 'm1',
    victimLed: number % 2 === 0,
    gapsMs: { [series]: gapMs },
    calmMs: { [series]: 7 },
    losses: { 'failover-client': { ...noLosses, qos0Lost: number } },
  });
  const render = (rounds: readonly RoundResult[]): string =>
    renderFailover(
      {
        seed: 7,
        rate: 200,
        rounds,
        missing: ['paho: not installed'],
        failures: [],
        pahoVersion: null,
        seconds: 9,
      },
      machine,
      'the command',
      '2026-11-22',
    );

  test('reports the figures, the seed, the missing libraries, and whether P8 was kept', () => {
    const text = render([round(1, 100), round(2, 200), round(3, 900)]);
    expect(text).toContain(`| ${series} | 7 | 200 | 900 | 900 | 900 |`);
    expect(text).toContain('| failover-client | 0 (0) | 0 (0) | 0 (0) | 0 (0) | 2 (3) |');
    expect(text).toContain('seed 7; 2026-11-22');
    expect(text).toContain('not measured: paho: not installed');
    expect(text).toContain(`- kill, ${series}, p50: 200 ms (met: under 300 ms)`);
  });

  test('reports a client that is not served again, and a missed limit of P8', () => {
    const text = render([round(1, 100), round(2, null)]);
    expect(text).toContain('not back after 30 s');
    expect(text).toContain(`- kill, ${series}, p99: not back after 30 s (MISSED: under 1000 ms)`);
  });
});
