import { growthRunDurationMsMin, checkGrowth } from '../src/run/growth.ts';
import type { ResourceSample } from '../src/run/growth.ts';

const mebibyte = 1024 * 1024;
const count = 100;

function samples(resident: (share: number) => number, lastsMs = growthRunDurationMsMin): ResourceSample[] {
  return Array.from({ length: count }, (_, index) => {
    const share = index / (count - 1);
    return {
      atMs: share * lastsMs,
      usages: [{ server: 'm1', resident: resident(share) * mebibyte, descriptors: 40, disk: mebibyte }],
    };
  });
}

describe('checkGrowth', () => {
  it('reports a resource that grows during the whole run without levelling off', () => {
    const verdict = checkGrowth(samples((share) => 100 + 100 * share));
    expect(verdict.violations).toBe(1);
    expect(verdict.findings[0]?.text).toMatch(
      /^m1: resident grows without levelling off; medians of the quarters: \d+ MiB/,
    );
  });

  it.each([
    ['levels off', (share: number) => 100 + 150 * (1 - Math.exp(-8 * share))],
    ['is constant', () => 100],
    ['rises and falls', (share: number) => 100 + 80 * Math.sin(share * 20)],
    ['rises by less than the noise', (share: number) => 100 + 20 * share],
  ])('accepts resident memory that %s', (_, resident) => {
    const { checked, violations } = checkGrowth(samples(resident));
    expect([checked, violations]).toEqual([3, 0]);
  });

  it('checks nothing if the run is too short', () => {
    expect(checkGrowth(samples((share) => 100 + 500 * share, growthRunDurationMsMin / 2)).checked).toBe(0);
  });
});
