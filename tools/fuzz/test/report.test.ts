import { faultsOf, growthFault, renderReport, verdictOf } from '../src/index.ts';

const mebibyte = 1024 * 1024;
const witness = {
  acknowledged: 10,
  received: [10, 10, 10],
  missing: 0,
  outOfOrder: 0,
  foreign: 0,
  disconnects: 0,
  disconnected: [],
  p50Ms: 3,
  p99Ms: 9,
};
const campaign = { cases: new Map([['mqtt', 7]]), faults: [] };
const online = { witness, memory: [], faults: [], inconclusive: [], judgedShare: 1 };

describe('the verdict of a run', () => {
  it('is ok if the witness received every acknowledged message', () => {
    expect(faultsOf(campaign, online)).toEqual([]);
    expect(renderReport(campaign, online)).toMatch(/^cases: mqtt 7\nwitness: 10 acknowledged.*\nok$/s);
  });

  it.each([
    [{ missing: 1 }, '1 acknowledged messages did not arrive'],
    [{ outOfOrder: 2 }, '2 messages arrived out of order'],
    [{ foreign: 3 }, '3 messages came from clients without the right to publish them'],
    [{ acknowledged: 0 }, 'no message was acknowledged'],
  ])('is a fault if the witness saw %o', (seen, text) => {
    const faults = faultsOf(campaign, { ...online, witness: { ...witness, ...seen } });
    expect(faults).toEqual([`witness: ${text}`]);
  });

  it('is a fault if a member ended, or if a target ran no case', () => {
    expect(faultsOf(campaign, { ...online, faults: ['m1: its process ended'] })).toEqual([
      'm1: its process ended',
    ]);
    expect(faultsOf({ ...campaign, cases: new Map([['http', 0]]) }, null)).toEqual(['http: no case was run']);
  });

  it('is inconclusive if something was excused and the machine was busy for most of the attack; a fault stays a fault', () => {
    const busy = { ...online, judgedShare: 0.4, inconclusive: ['an election'] };
    expect(verdictOf(campaign, busy)).toBe('inconclusive');
    expect(renderReport(campaign, busy)).toMatch(/INCONCLUSIVE {2}an election\ninconclusive: /);
    expect(verdictOf(campaign, { ...busy, faults: ['m1 hangs'] })).toBe('failed');
    expect(verdictOf(campaign, { ...busy, judgedShare: 0.6 })).toBe('passed');
    expect(verdictOf(campaign, { ...busy, inconclusive: [] })).toBe('passed');
  });

  it('is inconclusive if the run was stopped before the attack on the cluster; a fault stays a fault', () => {
    expect(verdictOf(campaign, 'stopped')).toBe('inconclusive');
    expect(renderReport(campaign, 'stopped')).toMatch(
      /^cases: mqtt 7\ninconclusive: the run was stopped before/,
    );
    expect(verdictOf({ ...campaign, cases: new Map([['http', 0]]) }, 'stopped')).toBe('failed');
    expect(verdictOf(campaign, null)).toBe('passed');
  });

  it('is a fault if the memory of a member grew by a third and by 32 MiB', () => {
    const memory = (warm: number, end: number) => ({
      id: 'm1',
      warmBytes: warm * mebibyte,
      peakBytes: 900 * mebibyte,
      endBytes: end * mebibyte,
    });
    expect(growthFault(memory(100, 200))).toEqual(['m1: its live memory grew from 100 to 200 MiB']);
    expect(growthFault(memory(100, 131))).toEqual([]);
    expect(growthFault(memory(400, 500))).toEqual([]);
  });
});
