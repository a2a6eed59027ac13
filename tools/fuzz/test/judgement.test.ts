import { jest } from '@jest/globals';
import { judgeDisconnects, MachineLoad, MemberHealth } from '../src/index.ts';

const intervalMs = 500;

/** Members of which each sample says how long they waited for a processor. */
class Machine {
  nowMs = 0;
  readonly waitedMs: Record<string, number> = { m1: 0, m2: 0 };
  readonly load = new MachineLoad({
    pids: () => [
      ['m1', 1],
      ['m2', 2],
    ],
    intervalMs,
    waitedMs: (pid) => this.waitedMs[`m${pid}`] ?? 0,
    nowMs: () => this.nowMs,
  });

  constructor() {
    this.load.sample();
  }

  /** Lets time pass. @param waits part of the time in which each member waits for a processor */
  async pass(
    ms: number,
    waits: Record<string, number> = {},
    onSample = (): void => undefined,
  ): Promise<void> {
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs;) {
      this.nowMs += intervalMs;
      for (const [id, share] of Object.entries(waits)) this.waitedMs[id]! += intervalMs * share;
      this.load.sample();
      onSample();
      await Promise.resolve();
    }
  }
}

describe('the load of the machine', () => {
  it('is too high while a member waits for a processor most of the time, for this member only', async () => {
    const machine = new Machine();
    await machine.pass(10_000, { m1: 0.2, m2: 0.5 });
    expect(machine.load.isStarved(0, 10_000)).toBe(false);
    await machine.pass(5_000, { m2: 0.9 });
    expect(machine.load.isStarved(0, 15_000)).toBe(true);
    expect(machine.load.isStarved(0, 15_000, ['m1'])).toBe(false);
    expect(machine.load.isStarved(0, 15_000, ['m2'])).toBe(true);
    expect(machine.load.isStarved(0, 9_000)).toBe(false);
    expect(machine.load.judgedShare()).toBeCloseTo(2 / 3);
  });

  it('is too high for all members when this process is late', async () => {
    const machine = new Machine();
    machine.nowMs += 3_000;
    machine.load.sample();
    expect(machine.load.isStarved(0, 3_000, ['m1'])).toBe(true);
    expect(machine.load.excusedMs('m1')).toBe(2_500);
    await machine.pass(500);
    expect(machine.load.isStarved(3_200, 3_500)).toBe(false);
  });
});

describe('the health of the members', () => {
  const answering = { term: 3 };

  function healthOf(machine: Machine, ask: (id: string) => Promise<{ term: number } | null>): MemberHealth {
    const { load } = machine;
    return new MemberHealth({ ids: ['m1', 'm2'], load, ask, nowMs: () => machine.nowMs });
  }

  it('is a fault when a member does not answer although a processor is free', async () => {
    const machine = new Machine();
    let hangs = false;
    const health = healthOf(machine, (id) =>
      hangs && id === 'm1' ? new Promise(() => undefined) : Promise.resolve(answering),
    );
    await machine.pass(20_000, {}, () => health.check(['m1', 'm2']));
    expect(health.faults).toEqual([]);
    hangs = true;
    await machine.pass(20_000, { m1: 0.1 }, () => health.check(['m1', 'm2']));
    expect(health.faults).toEqual([expect.stringMatching(/^m1 hangs: it did not answer for 1\d s/)]);
    expect(health.hanging).toEqual(['m1']);
  });

  it('is also a fault on a busy machine, after the member has had the processor time for an answer', async () => {
    const machine = new Machine();
    const health = healthOf(machine, () => new Promise(() => undefined));
    await machine.pass(60_000, { m1: 0.9, m2: 0.9 }, () => health.check(['m1', 'm2']));
    expect(health.faults).toEqual([]);
    await machine.pass(120_000, { m1: 0.9, m2: 0.9 }, () => health.check(['m1', 'm2']));
    expect(health.faults).toHaveLength(2);
  });

  it('asks again after a refused connection, and continues to wait for a late answer', async () => {
    const machine = new Machine();
    const ask = jest.fn<(id: string) => Promise<{ term: number } | null>>();
    ask.mockRejectedValueOnce(new Error('ECONNRESET')).mockResolvedValue(answering);
    const health = healthOf(machine, ask);
    await machine.pass(60_000, {}, () => health.check(['m1', 'm2']));
    expect(ask.mock.calls.length).toBeGreaterThan(10);
    expect(health.faults).toEqual([]);
  });

  it('is no fault of a member whose process has ended: the report contains its end', async () => {
    const machine = new Machine();
    const health = healthOf(machine, () => Promise.resolve(null));
    await machine.pass(60_000, {}, () => health.check([]));
    expect(health.faults).toEqual([]);
  });

  it.each([
    ['a fault', {}, 'faults'],
    ['inconclusive if a member was starved before it', { m2: 0.9 }, 'inconclusive'],
  ] as const)('an election is %s', async (_name, waits, where) => {
    const machine = new Machine();
    let term = 3;
    const health = healthOf(machine, () => Promise.resolve({ term }));
    await machine.pass(20_000, {}, () => health.check(['m1', 'm2']));
    await machine.pass(5_000, waits, () => health.check(['m1', 'm2']));
    term = 4;
    await machine.pass(2_000, {}, () => health.check(['m1', 'm2']));
    const expected = { faults: [] as string[], inconclusive: [] as string[] };
    expected[where].push('the members elected a leader: term 3 before, 4 after');
    expect({ faults: health.faults, inconclusive: health.inconclusive }).toEqual(expected);
  });
});

describe('a lost connection of the witness', () => {
  it('is a fault unless its member or this process was starved', async () => {
    const machine = new Machine();
    await machine.pass(20_000);
    await machine.pass(5_000, { m2: 0.9 });
    const lost = (member: number, atMs: number) => ({ disconnected: [{ member, atMs }] });
    const fault = { faults: ['witness: 1 connections were lost'], inconclusive: [] };
    const excused = { faults: [], inconclusive: ['witness: 1 connections were lost'] };
    const ids = ['m1', 'm2'];
    expect(judgeDisconnects(lost(0, 24_000), ids, machine.load)).toEqual(fault);
    expect(judgeDisconnects(lost(1, 24_000), ids, machine.load)).toEqual(excused);
    expect(judgeDisconnects(lost(1, 19_000), ids, machine.load)).toEqual(fault);
  });
});
