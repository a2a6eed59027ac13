import type { ClusterConfig, HelloMessage, RaftMessage } from '@mqtt-cluster/contracts';
import { createMqttState } from '@mqtt-cluster/mqtt-state';
import { ClockRecorder } from '../src/index.ts';
import type { MemberOptions } from '../src/index.ts';
import { ClusterClock } from '../src/log/cluster-clock.ts';
import { TestCluster } from './cluster.ts';

const ids = ['a', 'b', 'c'];
const config: ClusterConfig = { members: ids.map((id) => ({ id, storeId: `${id}-store`, role: 'voter' })) };

/** Returns the clock of member `a`, whose monotonic clock shows `nowMs`. */
function clockAt(nowMs: number, wallTimeMs?: number): { clock: ClusterClock; context: { nowMs: number } } {
  const recovered = wallTimeMs === undefined ? {} : { clusterTimeMs: wallTimeMs };
  const options = { id: 'a', recovered } as MemberOptions;
  const context = { nowMs, state: createMqttState(), options };
  const clock = new ClusterClock(context);
  clock.started();
  return { clock, context };
}

const follower = (term: number) => ({ role: 'follower' as const, leader: 'b', term, config });
const leader = (term: number) => ({ role: 'leader' as const, leader: 'a', term, config });

function follow(clock: ClusterClock, term: number, clusterTimeMs: number): void {
  const message = { type: 'appendRequest', term } as RaftMessage;
  clock.messageReceived('b', { type: 'raft', message, clusterTimeMs }, follower(term));
}

function vote(clock: ClusterClock, from: string, term: number, clusterTimeMs: number): void {
  const message = { type: 'voteResponse', term, granted: true, pre: false } as RaftMessage;
  clock.messageReceived(from, { type: 'raft', message, clusterTimeMs }, follower(term));
}

function hello(id: string, wallTimeMs?: number): HelloMessage {
  return { storeId: `${id}-store`, ...(wallTimeMs === undefined ? {} : { wallTimeMs }) } as HelloMessage;
}

describe('a follower', () => {
  test('counts its own monotonic time since the last message of the leader', () => {
    const { clock, context } = clockAt(500);
    expect(clock.isContinuous).toBe(false);
    follow(clock, 1, 10_000);
    context.nowMs += 3_000;
    expect(clock.nowMs).toBe(13_000);
  });

  test('does not move back by more than a small part when a message was delayed', () => {
    const { clock, context } = clockAt(0);
    follow(clock, 1, 10_000);
    context.nowMs = 5_000;
    follow(clock, 1, 11_000);
    expect(clock.nowMs).toBeGreaterThan(14_980);
    expect(clock.nowMs).toBeLessThan(15_000);
  });

  test.each([11_000, 9_900])(
    'takes the time %d of a new leader at once when it is higher, or a little lower',
    (timeMs) => {
      const { clock } = clockAt(0);
      follow(clock, 1, 10_000);
      follow(clock, 2, timeMs);
      expect(clock.nowMs).toBe(timeMs);
    },
  );

  test('takes the lower time of a new leader after a second of its messages', () => {
    const { clock, context } = clockAt(0);
    follow(clock, 1, 10_000);
    follow(clock, 2, 8_000);
    expect(clock.nowMs).toBe(10_000);
    context.nowMs = 500;
    follow(clock, 2, 9_500);
    context.nowMs = 1_000;
    follow(clock, 2, 9_900);
    // The message at 500 ms was the fastest one.
    expect(clock.nowMs).toBe(10_000);
  });

  test('is not moved back by the only message of a new leader, which waited for a link', () => {
    const { clock, context } = clockAt(0);
    follow(clock, 1, 10_000);
    follow(clock, 2, 9_400);
    context.nowMs = 2_000;
    expect(clock.nowMs).toBe(12_000);
  });

  test('lets messages expire by the lower time while the first message of a new leader may have waited', () => {
    const { clock, context } = clockAt(0);
    follow(clock, 1, 10_000);
    expect(clock.expiryMs).toBe(10_000);
    follow(clock, 2, 9_400);
    context.nowMs = 500;
    expect([clock.nowMs, clock.expiryMs]).toEqual([10_500, 9_900]);
    follow(clock, 2, 10_450);
    expect([clock.nowMs, clock.expiryMs]).toEqual([10_500, 10_450]);
    context.nowMs = 1_000;
    follow(clock, 2, 10_960);
    expect([clock.nowMs, clock.expiryMs]).toEqual([10_960, 10_960]);
  });

  test.each([NaN, Infinity, -1, 2 ** 60])('ignores the time %d of a faulty peer', (timeMs) => {
    const { clock } = clockAt(0);
    follow(clock, 1, timeMs);
    vote(clock, 'b', 1, timeMs);
    expect(clock.isContinuous).toBe(false);
    clock.elected(1, 7_000, config);
    expect(clock.nowMs).toBe(7_000);
  });
});

describe('a new leader', () => {
  test('takes the lower median of the continuous estimates, its own included', () => {
    const { clock } = clockAt(100, 1e9);
    follow(clock, 1, 20_000);
    vote(clock, 'b', 2, 20_300);
    vote(clock, 'c', 2, 5_000_000);
    clock.elected(2, 4_000, config);
    expect(clock.nowMs).toBe(20_300);
  });

  test('keeps its own time if the vote of a member has waited for a link', () => {
    const { clock, context } = clockAt(0);
    follow(clock, 1, 20_000);
    context.nowMs = 1_000;
    clock.votesRequested(2);
    context.nowMs = 1_500;
    clock.votesRequested(2);
    context.nowMs = 1_600;
    // The voter sent its vote at 1,010 ms, and its clock agrees with this one.
    vote(clock, 'b', 2, 21_010);
    clock.elected(2, 4_000, config);
    expect(clock.nowMs).toBe(21_600);
  });

  test('does not move forward by its own time, if that is wrong, by more than a vote can have waited', () => {
    const { clock, context } = clockAt(0);
    follow(clock, 1, 5_000_000);
    clock.votesRequested(2);
    context.nowMs = 30;
    vote(clock, 'b', 2, 20_020);
    clock.elected(2, 4_000, config);
    expect(clock.nowMs).toBe(20_050);
  });

  test('ignores estimates that came with votes of an older term', () => {
    const { clock } = clockAt(100);
    vote(clock, 'b', 1, 90_000);
    clock.elected(2, 4_000, config);
    expect(clock.nowMs).toBe(4_000);
  });

  test('takes the newest stamp when it is above all estimates', () => {
    const { clock } = clockAt(100);
    follow(clock, 1, 20_000);
    clock.elected(2, 30_000, config);
    expect(clock.nowMs).toBe(30_000);
  });

  test('takes wall clocks only without a continuous estimate', () => {
    const { clock } = clockAt(100, 50_000);
    clock.helloReceived('b', hello('b', 60_000), leader(1));
    clock.helloReceived('c', hello('c', 70_000), leader(1));
    vote(clock, 'b', 1, 45_000);
    clock.elected(1, 40_000, config);
    expect(clock.nowMs).toBe(45_000);
  });

  test.each([
    ['too far ahead', 1e12],
    ['behind', 0],
  ])('is not moved by one wall clock that is %s', (_, wrongMs) => {
    const { clock } = clockAt(100, 50_000);
    clock.helloReceived('b', hello('b', wrongMs), leader(1));
    clock.helloReceived('c', hello('c', 50_100), leader(1));
    clock.elected(1, 40_000, config);
    expect(clock.nowMs).toBeGreaterThanOrEqual(50_000);
    expect(clock.nowMs).toBeLessThanOrEqual(50_100);
  });

  test('moves forward when a member that starts later corrects a wall clock that is behind', () => {
    const { clock } = clockAt(100, 40_000);
    clock.helloReceived('b', hello('b', 70_000), leader(1));
    clock.elected(1, 40_000, config);
    expect(clock.nowMs).toBe(40_000);
    clock.helloReceived('c', hello('c', 70_100), leader(1));
    expect(clock.nowMs).toBe(70_000);
    clock.helloReceived('b', hello('b', 0), leader(1));
    expect(clock.nowMs).toBe(70_000);
  });

  test('takes no wall clock that is reported more than a minute after the election', () => {
    const { clock, context } = clockAt(100, 40_000);
    clock.elected(1, 40_000, config);
    context.nowMs += 60_001;
    clock.helloReceived('b', hello('b', 1e9), leader(1));
    clock.helloReceived('c', hello('c', 1e9), leader(1));
    expect(clock.nowMs).toBe(100_001);
  });

  test('continues from the newest stamp while older members report no estimates', () => {
    const { clock } = clockAt(100, 50_000);
    clock.helloReceived('b', hello('b'), leader(1));
    clock.elected(1, 40_000, config);
    expect(clock.nowMs).toBe(40_000);
  });

  test('takes no wall clock of a store that is not part of the configuration', () => {
    const { clock } = clockAt(100, 50_000);
    clock.helloReceived('b', { ...hello('b', 60_000), storeId: 'other' }, follower(1));
    clock.elected(1, 40_000, config);
    expect(clock.nowMs).toBe(40_000);
  });

  test('uses its own wall clock when it is the only voter', () => {
    const { clock } = clockAt(100, 50_000);
    clock.elected(1, 40_000, { members: config.members.slice(0, 1) });
    expect(clock.nowMs).toBe(50_000);
  });
});

describe('the clock recorder', () => {
  test('saves nothing while the cluster time is unknown', () => {
    expect(new ClockRecorder(null).due(null, 1_000)).toBeNull();
  });

  test('is asked every 50 ms until the first record, because a stop without a record loses its time', () => {
    const recorder = new ClockRecorder(null);
    expect(recorder.checkMs).toBe(50);
    recorder.due(null, 1_000);
    expect(recorder.checkMs).toBe(50);
    recorder.due(5_000, 1_000);
    expect(recorder.checkMs).toBe(1_000);
  });

  test('saves a record at once, after a step of the wall clock, and after 30 s', () => {
    const recorder = new ClockRecorder(null);
    expect(recorder.due(5_000, 1_000)).toEqual({ clusterTimeMs: 5_000, wallMs: 1_000 });
    expect(recorder.due(6_000, 2_000)).toBeNull();
    expect(recorder.due(7_000, 903_000)).toEqual({ clusterTimeMs: 7_000, wallMs: 903_000 });
    expect(recorder.due(36_000, 932_000)).toBeNull();
    expect(recorder.due(37_000, 933_000)).not.toBeNull();
  });

  describe('with the record of the process before', () => {
    const recovered = { clusterTimeMs: 5_000, wallMs: 1_000 };

    test('is asked once a second, because a stop loses nothing', () => {
      const recorder = new ClockRecorder(recovered);
      expect([recorder.hasRecord, recorder.checkMs]).toEqual([true, 1_000]);
    });

    test('replaces the record at once when cluster time is not behind it', () => {
      expect(new ClockRecorder(recovered).due(15_000, 11_000)).toEqual({
        clusterTimeMs: 15_000,
        wallMs: 11_000,
      });
    });

    test('keeps the record while a new leader may not have the time of the stop yet', () => {
      const recorder = new ClockRecorder(recovered);
      expect(recorder.due(5_000, 11_000)).toBeNull();
      expect(recorder.due(6_000, 12_000)).toBeNull();
      // The other members' estimates have arrived, and the leader has moved cluster time forward.
      expect(recorder.due(17_000, 13_000)).toEqual({ clusterTimeMs: 17_000, wallMs: 13_000 });
    });

    test('replaces the record after five seconds, because the wall clock of this host was wrong', () => {
      const recorder = new ClockRecorder(recovered);
      expect(recorder.due(6_000, 911_000)).toBeNull();
      expect(recorder.due(10_999, 915_999)).toBeNull();
      expect(recorder.due(11_000, 916_000)).toEqual({ clusterTimeMs: 11_000, wallMs: 916_000 });
    });
  });
});

describe('the answer to a vote request', () => {
  const storeId = (id: string): string => String(ids.indexOf(id)).padStart(32, '0');

  /** Returns the answer of a follower that the leader of a quiet cluster has sent heartbeats for ten seconds. */
  function answer(lastIndex: number) {
    const cluster = new TestCluster(ids);
    cluster.serve();
    cluster.run(10_000);
    const [voter, candidate] = ids.filter((id) => id !== cluster.leader()) as [string, string];
    const member = cluster.member(voter);
    const { term } = member.status();
    member.receive(candidate, {
      type: 'raft',
      message: {
        type: 'voteRequest',
        storeId: storeId(candidate),
        toStoreId: storeId(voter),
        term: term + 1,
        lastIndex,
        lastTerm: term,
        pre: false,
        force: true,
      },
    });
    for (let turn = 0; turn < 10; turn++) {
      const { send, write } = member.take();
      if (write !== null) member.written(write.token);
      for (const { message } of send)
        if (message.type === 'raft' && message.message.type === 'voteResponse')
          return { granted: message.message.granted, message, timeMs: member.clusterTimeMs() };
    }
    throw new Error('the member does not answer the vote request');
  }

  test('carries the cluster time of the voter if the vote is granted', () => {
    const { granted, message, timeMs } = answer(1_000_000);
    expect(granted).toBe(true);
    expect(timeMs).toBeGreaterThan(9_000);
    expect(message).toHaveProperty('clusterTimeMs', timeMs);
  });

  test('carries no time if the vote is not granted', () => {
    const { granted, message } = answer(0);
    expect(granted).toBe(false);
    expect(message).not.toHaveProperty('clusterTimeMs');
  });
});
