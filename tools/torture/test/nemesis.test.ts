import { Recorder } from '@mqtt-cluster/workload';
import type { HistoryEvent } from '@mqtt-cluster/history-checker';
import type { PlannedFault, FaultSlot } from '../src/nemesis/fault.ts';
import { Nemesis } from '../src/nemesis/nemesis.ts';
import type { Target } from '../src/targets/target.ts';
import { brokersTarget } from '../src/targets/brokers.ts';

const servers = ['a', 'b', 'c'].map((id) => ({ id, host: '127.0.0.1', port: 1 }));

/** Executes the slots with a nemesis, on a target that only records the calls of its methods. */
async function perform(
  slots: readonly FaultSlot[],
  failsAt?: string,
  shouldContinue?: (calls: readonly string[]) => boolean,
  findLeader: (() => Promise<number | null>) | null = async () => null,
  findRunner: () => Promise<number | null> = async () => null,
) {
  const calls: string[] = [];
  const note = (phase: string) => async (fault: PlannedFault) => {
    calls.push(`${phase} ${fault.kind}`);
    if (`${phase} ${fault.kind}` === failsAt) throw new Error(`${fault.kind} failed`);
  };
  const target: Target = {
    ...brokersTarget(servers),
    begin: note('begin'),
    end: note('end'),
    ...(findLeader && { findLeader }),
    findRunner,
    remotes: ['remote', 'other'].map((id) => ({ id, host: '127.0.0.1', port: 2 })),
    aimAtRemotes: (kind) => (kind === 'kill' ? [[1]] : [[0, 1]]),
  };
  const events: HistoryEvent[] = [];
  const problems: string[] = [];
  const plan = slots[Symbol.iterator]() as unknown as Generator<FaultSlot, void, void>;
  let left = slots.length;
  const nemesis = new Nemesis({
    plan,
    target,
    recorder: new Recorder((event) => events.push(event)),
    leaderMsMax: 500,
    log: () => undefined,
    onProblem: (sentence) => problems.push(sentence),
  });
  // For a slot with a duration of 0 ms the nemesis calls this function once.
  await nemesis.run(() => (shouldContinue === undefined ? left-- > 0 : shouldContinue(calls)));
  return { calls, events, problems, faults: nemesis.faults, slots: nemesis.slots };
}

const slot = (...faults: PlannedFault[]): FaultSlot => ({ faults, holdMs: 0, recoveryMs: 0 });

describe('Nemesis', () => {
  it('ends the link faults of a slot before its process faults, and records the beginning and the end of each fault', async () => {
    const { calls, events, faults } = await perform([
      slot({ kind: 'kill', groups: [[0]] }, { kind: 'cut', groups: [[0], [1, 2]] }),
    ]);
    expect(calls).toEqual(['begin kill', 'begin cut', 'end cut', 'end kill']);
    expect(faults).toBe(2);
    expect(
      events.map((event) => (event.type === 'fault' ? [event.id, event.phase, event.members] : [])),
    ).toEqual([
      [1, 'begin', ['a']],
      [2, 'begin', ['a', 'b', 'c']],
      [2, 'end', ['a', 'b', 'c']],
      [1, 'end', ['a']],
    ]);
  });

  it('waits for the pause before a fault (`afterMs`), and omits the fault if the run ends during the pause', async () => {
    const later = { kind: 'kill', groups: [[0]], afterMs: 1 } as const;
    const cut = { kind: 'cut', groups: [[0], [1, 2]] } as const;
    const all = await perform([slot(cut, later)], undefined, (calls) => !calls.includes('end kill'));
    expect(all.calls).toEqual(['begin cut', 'begin kill', 'end cut', 'end kill']);
    // The run ends during the pause, so the second fault does not begin.
    const ended = await perform([slot(cut, later)], undefined, (calls) => calls.length === 0);
    expect(ended.calls).toEqual(['begin cut', 'end cut']);
  });

  const ofLeader: PlannedFault = { kind: 'kill', groups: [[0]], leader: true };
  const untilEndOf = (kind: string) => (calls: readonly string[]) => !calls.includes(`end ${kind}`);
  const membersOf = (events: readonly HistoryEvent[]) =>
    events.flatMap((event) => (event.type === 'fault' ? [event.members] : []));

  it('injects a fault of the leader into the leader, also if an election is running at first', async () => {
    const answers = [null, null, 2];
    const findLeader = async () => answers.shift() ?? null;
    const { events, problems } = await perform([slot(ofLeader)], undefined, untilEndOf('kill'), findLeader);
    expect(membersOf(events)).toEqual([['c'], ['c']]);
    expect(problems).toEqual([]);
  });

  it('omits a fault of the leader and reports it if no member leads', async () => {
    const cut: PlannedFault = { kind: 'cut', groups: [[0], [1, 2]] };
    const { calls, problems, faults } = await perform([slot(ofLeader, cut)], undefined, untilEndOf('cut'));
    expect(calls).toEqual(['begin cut', 'end cut']);
    expect(faults).toBe(1);
    expect(problems).toEqual(['kill of the leader omitted: no member leads']);
  });

  it('injects a fault of the leader into the planned server of a target that cannot find its leader', async () => {
    const { events } = await perform([slot(ofLeader)], undefined, untilEndOf('kill'), null);
    expect(membersOf(events)).toEqual([['a'], ['a']]);
  });

  const ofRunner: PlannedFault = { kind: 'kill', groups: [[0]], runner: true };

  it('injects a fault of the runner of the link into the member that runs it, and omits it if no member does', async () => {
    const runner = async () => 1;
    const { events } = await perform([slot(ofRunner)], undefined, untilEndOf('kill'), null, runner);
    expect(membersOf(events)).toEqual([['b'], ['b']]);
    const cut: PlannedFault = { kind: 'cut', groups: [[0]], remote: true };
    const none = await perform([slot(ofRunner, cut)], undefined, untilEndOf('cut'));
    expect(none.problems).toEqual(['kill of the runner of the link omitted: no member runs the link']);
  });

  it('records a fault beyond the link with the names of the brokers that the target has chosen for it', async () => {
    const stop: PlannedFault = { kind: 'stop', groups: [[0]], remote: true };
    const { events } = await perform([slot(stop, { ...stop, kind: 'kill' })]);
    expect(membersOf(events)).toEqual([['remote', 'other'], ['other'], ['other'], ['remote', 'other']]);
  });

  it('counts the slots that it has executed completely', async () => {
    const kill: PlannedFault = { kind: 'kill', groups: [[0]] };
    const ended = (calls: readonly string[]): number => calls.filter((call) => call === 'end kill').length;
    const { slots } = await perform([slot(kill), slot(kill)], undefined, (calls) => ended(calls) < 2);
    expect(slots).toBe(2);
  });

  it('ends the faults of a slot in reverse order, because a killed member serves only when the members of the later stop run again', async () => {
    const { events } = await perform([
      slot({ kind: 'kill', groups: [[0]] }, { kind: 'stop', groups: [[0, 1, 2]] }),
    ]);
    expect(events.map((event) => (event.type === 'fault' ? [event.fault, event.phase] : []))).toEqual([
      ['kill', 'begin'],
      ['stop', 'begin'],
      ['stop', 'end'],
      ['kill', 'end'],
    ]);
  });

  it('reports a fault that the target could not end, and continues with the plan', async () => {
    const { calls, problems } = await perform([slot({ kind: 'pause', groups: [[1]] })], 'end pause');
    expect(calls).toEqual(['begin pause', 'end pause']);
    expect(problems).toEqual(['pause failed']);
  });
});
