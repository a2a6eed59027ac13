import { jest } from '@jest/globals';
import type { Member, MemberOutput, PeerMessage } from '@mqtt-cluster/contracts';
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

  tick(): void {}

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

function runnerOf(member: RecordingMember, write: () => Promise<void>): MemberRunner {
  return new MemberRunner({
    id: 'a',
    member: member.asMember(),
    store: { write },
    now: () => 0,
    onEvents: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
}

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

test('a tick of the timer is a turn of its own kind', async () => {
  const member = new RecordingMember();
  const runner = runnerOf(member, () => new Promise(() => {}));
  await runner.start();
  await until(() => runner.turns.timer > 0);
  await runner.stop();
  expect(runner.turns.input).toBe(0);
});
