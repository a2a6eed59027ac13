import { jest } from '@jest/globals';
import type { Member, MemberOutput, PeerMessage } from '@mqtt-cluster/contracts';
import { MessagePageError } from '@mqtt-cluster/contracts';
import { until } from '@mqtt-cluster/testing';
import { MemberRunner } from '../../src/node/member-runner.ts';

afterEach(() => {
  jest.useRealTimers();
});

const empty: MemberOutput = { write: null, send: [], effects: [], events: [], more: false };
const message: PeerMessage = { type: 'propose', batches: [] };

/** A member that records its calls and has one write for its first turn. */
class RecordingMember {
  readonly calls: string[] = [];
  #wrote = false;

  asMember(): Member {
    return this as unknown as Member;
  }

  readonly tickMs: number[] = [];

  tick(nowMs: number): void {
    this.tickMs.push(nowMs);
  }

  nextTickMs(): number {
    return 0;
  }

  commitIndex(): number {
    return 10;
  }

  receive(from: string): void {
    this.calls.push(`receive ${from}`);
  }

  written(token: number): void {
    this.calls.push(`written ${token}`);
  }

  take(): MemberOutput {
    this.calls.push('take');
    if (this.#wrote) return empty;
    this.#wrote = true;
    return { ...empty, write: { token: 7, change: {} } };
  }
}

function runnerOf(member: RecordingMember, write: () => Promise<void>, now = () => 0): MemberRunner {
  return new MemberRunner({
    id: 'a',
    member: member.asMember(),
    store: { write },
    now,
    onEvents: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
}

test('an input gets the current time after a pause between two inputs of one iteration', async () => {
  jest.useFakeTimers();
  let nowMs = 1_000;
  const member = new RecordingMember();
  const runner = runnerOf(
    member,
    async () => {},
    () => nowMs,
  );
  await runner.start();
  runner.receive('b', message);
  nowMs += 5;
  runner.receive('b', message);
  nowMs += 3_000;
  runner.receive('b', message);
  expect(member.tickMs).toEqual([1_000, 4_005]);
  expect(member.calls).toEqual(['receive b', 'receive b', 'receive b']);
});

test('all messages of one iteration of the event loop share one turn, and a completed write causes another turn', async () => {
  // No tick is due during this test.
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  const member = new RecordingMember();
  const runner = runnerOf(member, async () => {});
  await runner.start();
  runner.receive('b', message);
  runner.receive('c', message);
  while (member.calls.length < 5) await new Promise((resolve) => setImmediate(resolve));
  await runner.stop();
  expect(member.calls).toEqual(['receive b', 'receive c', 'take', 'written 7', 'take']);
  expect(runner.turns).toEqual({ input: 2, timer: 0 });
});

describe('an acknowledgement of a follower', () => {
  const response = (matchIndex: number, success = true): PeerMessage => ({
    type: 'raft',
    message: {
      ...{ type: 'appendResponse', term: 1, storeId: 's', toStoreId: 't' },
      ...{ success, matchIndex, conflictTerm: 0, round: 1 },
    },
  });
  const entry = { index: 10, term: 1, kind: 'normal', data: new Uint8Array(1) } as const;
  /** An append of entry 10, which is committed. */
  const append: PeerMessage = {
    type: 'raft',
    message: {
      ...{ type: 'appendRequest', term: 1, storeId: 's', toStoreId: 't' },
      ...{ previousIndex: 9, previousTerm: 1, entries: [entry], commit: 10, round: 1 },
    },
  };

  /** A member that sends an append in each turn. A busy one has one write. */
  class Leader extends RecordingMember {
    readonly #isBusy: boolean;

    constructor(isBusy: boolean) {
      super();
      this.#isBusy = isBusy;
    }

    override take(): MemberOutput {
      const { write, ...output } = super.take();
      return {
        ...output,
        write: this.#isBusy ? write : null,
        send: [{ to: 'b', channel: 'raft', message: append }],
      };
    }
  }

  async function turnsAfter(answer: PeerMessage, isBusy = true): Promise<string[]> {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const member = new Leader(isBusy);
    const runner = runnerOf(member, () => new Promise(() => {}));
    await runner.start();
    // The write of this turn makes the member busy, if it has one.
    runner.receive('b', message);
    while (member.calls.length < 2) await new Promise((resolve) => setImmediate(resolve));
    member.calls.length = 0;
    runner.receive('c', answer);
    for (let count = 0; count < 5; count++) await new Promise((resolve) => setImmediate(resolve));
    await runner.stop();
    return member.calls;
  }

  test('of the newest entry causes no turn when the entry is committed', async () => {
    expect(await turnsAfter(response(10))).toEqual(['receive c']);
  });

  test('of an earlier entry causes a turn, because the follower may lack entries', async () => {
    expect(await turnsAfter(response(9))).toEqual(['receive c', 'take']);
  });

  test('of an entry that is not committed causes a turn', async () => {
    expect(await turnsAfter(response(11))).toEqual(['receive c', 'take']);
  });

  test('that rejects an append causes a turn', async () => {
    expect(await turnsAfter(response(10, false))).toEqual(['receive c', 'take']);
  });

  test('causes no turn while the leader is idle, because it answers a heartbeat', async () => {
    expect(await turnsAfter(response(9), false)).toEqual(['receive c']);
  });
});

describe('the ticks of an idle member', () => {
  const electionMs = 450;

  /** A follower whose election is due some time after the last message of the leader. */
  class Follower extends RecordingMember {
    #electionAtMs = Infinity;
    readonly takenAtMs: number[] = [];

    override receive(from: string): void {
      super.receive(from);
      this.#electionAtMs = performance.now() + electionMs;
    }

    override nextTickMs(): number {
      return this.#electionAtMs;
    }

    override take(): MemberOutput {
      this.takenAtMs.push(performance.now());
      return { ...empty, events: this.calls.length > 1 ? [] : [{ kind: 'leader', leader: 'b', term: 1 }] };
    }
  }

  /** Advances the time, and runs the turns that become due. */
  async function pass(milliseconds: number): Promise<void> {
    for (let count = 0; count < milliseconds; count += 10) {
      jest.advanceTimersByTime(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function idleFollower(): Promise<{ member: Follower; runner: MemberRunner }> {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const member = new Follower();
    const runner = new MemberRunner({
      id: 'a',
      member: member.asMember(),
      store: { write: async () => {} },
      now: () => performance.now(),
      onEvents: () => {},
      onFatal: () => {},
    });
    await runner.start();
    runner.receive('b', message);
    await pass(100);
    return { member, runner };
  }

  test('a follower has no tick while the heartbeats of the leader arrive', async () => {
    const { runner } = await idleFollower();
    const ticksBefore = runner.turns.timer;
    for (let beats = 0; beats < 5; beats++) {
      runner.receive('b', message);
      await pass(300);
    }
    await runner.stop();
    expect(runner.turns.timer).toBe(ticksBefore);
  });

  test('a follower ticks when its election is due, although a message of another member has caused a turn before', async () => {
    const { member, runner } = await idleFollower();
    runner.receive('b', message);
    const heartbeatAtMs = performance.now();
    await pass(400);
    runner.callMember(() => {});
    await pass(100);
    await runner.stop();
    expect(member.takenAtMs.some((atMs) => Math.abs(atMs - heartbeatAtMs - electionMs) <= 10)).toBe(true);
  });
});

test('a SUBSCRIBE makes an idle member tick often, because SUBACK may wait for a deadline', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  class Listening extends RecordingMember {
    override nextTickMs(): number {
      return Infinity;
    }

    override take(): MemberOutput {
      const events = this.calls.length > 1 ? [] : [{ kind: 'leader' as const, leader: 'b', term: 1 }];
      return { ...empty, events };
    }

    input(): void {}
  }
  const member = new Listening();
  const components = { id: 'a', member: member.asMember(), store: { write: async () => {} } };
  const callbacks = { now: () => performance.now(), onEvents: () => {}, onFatal: () => {} };
  const runner = new MemberRunner({ ...components, ...callbacks });
  const ticksIn200Ms = async (): Promise<number> => {
    const before = runner.turns.timer;
    for (let count = 0; count < 20; count++) {
      jest.advanceTimersByTime(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return runner.turns.timer - before;
  };
  await runner.start();
  runner.receive('b', message);
  await ticksIn200Ms();
  expect(await ticksIn200Ms()).toBeLessThan(2);
  runner.input(1, { kind: 'subscribe', packetId: 1, subscriptions: [] });
  expect(await ticksIn200Ms()).toBeGreaterThan(3);
  await runner.stop();
});

test('a message that a reader cannot read ends the process, and another error does not', () => {
  const fatal: unknown[] = [];
  const components = { id: 'a', member: new RecordingMember().asMember(), store: { write: async () => {} } };
  const runner = new MemberRunner({
    ...components,
    now: () => 0,
    onEvents: () => {},
    onFatal: (e) => fatal.push(e),
  });
  const damaged = new MessagePageError('a page has a wrong checksum');
  for (const error of [damaged, new Error('another')])
    expect(() =>
      runner.readMember(() => {
        throw error;
      }),
    ).toThrow(error.message);
  expect(fatal).toEqual([damaged]);
});

test('the status is computed again only after an input or a turn', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  class Counting extends RecordingMember {
    statuses = 0;

    status(): number {
      return ++this.statuses;
    }
  }
  const member = new Counting();
  const runner = runnerOf(member, () => new Promise(() => {}));
  await runner.start();
  expect([runner.status(), runner.status()]).toEqual([1, 1]);
  runner.receive('b', message);
  expect(runner.status()).toBe(2);
  while (!member.calls.includes('take')) await new Promise((resolve) => setImmediate(resolve));
  expect(runner.status()).toBe(3);
  await runner.stop();
});

test('an adjustment of the member reaches it at once and causes no turn', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  const member = new RecordingMember();
  const runner = runnerOf(member, () => new Promise(() => {}));
  await runner.start();
  runner.adjustMember((adjusted) => adjusted.receive('load', message));
  for (let count = 0; count < 5; count++) await new Promise((resolve) => setImmediate(resolve));
  await runner.stop();
  expect(member.calls).toEqual(['receive load']);
});

test('a turn of the timer counts with the cause timer, not input', async () => {
  const member = new RecordingMember();
  const runner = runnerOf(member, () => new Promise(() => {}));
  await runner.start();
  await until(() => runner.turns.timer > 0);
  await runner.stop();
  expect(runner.turns.input).toBe(0);
});
