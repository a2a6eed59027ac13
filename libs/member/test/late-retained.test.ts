import type { MemberId, QoS } from '@mqtt-cluster/contracts';
import type { MemberOptions } from '../src/index.ts';
import { defaultLimits } from '../src/index.ts';
import { request, TestCluster, text } from './cluster.ts';

/** A client publishes at its home, while the cluster does not get the message in time. */
class LateMessage {
  readonly cluster: TestCluster;
  readonly home: MemberId;
  readonly other: MemberId;

  constructor(options: Partial<MemberOptions> = {}) {
    this.cluster = new TestCluster(['a', 'b', 'c'], options);
    this.cluster.serve();
    const followers = ['a', 'b', 'c'].filter((id) => id !== this.cluster.leader());
    [this.home, this.other] = followers as [MemberId, MemberId];
  }

  connect(member: MemberId, connection: number): void {
    this.cluster.member(member).input(connection, { kind: 'connect', request: request('publisher') });
    this.cluster.run(200);
  }

  publish(member: MemberId, connection: number, payload: string, qos: QoS, packetId: number): void {
    const message = { topic: 'r', payload: text(payload), qos, retain: true };
    this.cluster
      .member(member)
      .input(connection, { kind: 'publish', request: qos === 0 ? message : { ...message, packetId } });
  }

  leave(member: MemberId, connection: number, graceful: boolean): void {
    this.cluster.member(member).input(connection, { kind: 'disconnect', graceful });
  }

  /** The client gives up at its home, publishes again at another member, and deletes the message there. */
  deleteElsewhere(qos: QoS, leaves: boolean): void {
    this.leave(this.home, 1, false);
    this.cluster.run(100);
    this.connect(this.other, 2);
    this.publish(this.other, 2, 'old', qos, 1);
    this.publish(this.other, 2, '', qos, 2);
    this.cluster.run(100);
    if (leaves) this.leave(this.other, 2, true);
    this.cluster.run(100);
  }

  /** The payloads of the retained messages that a new subscriber receives at the other member. */
  retained(): string[] {
    const subscriptions = [{ filter: 'r', qos: 0 as const }];
    const member = this.cluster.member(this.other);
    member.input(9, { kind: 'connect', request: request('reader') });
    this.cluster.run(200);
    member.input(9, { kind: 'subscribe', packetId: 1, subscriptions });
    this.cluster.run(200);
    return this.cluster
      .takeEffects(this.other, 9)
      .flatMap((effect) =>
        effect.kind === 'deliver' ? [new TextDecoder().decode(effect.message.payload)] : [],
      );
  }
}

describe('a retained message that its client has published again and deleted at another member', () => {
  const cases = (['hold', 'accept'] as const).flatMap((whenIsolated) =>
    ([0, 1, 2] as const).flatMap((qos) => [
      { whenIsolated, qos, client: 'stays there', leaves: false },
      { whenIsolated, qos, client: 'has left', leaves: true },
    ]),
  );

  test.each(cases)(
    'does not come back after a partition with whenIsolated $whenIsolated, QoS $qos, when the client $client (P5)',
    ({ whenIsolated, qos, leaves }) => {
      const late = new LateMessage({ whenIsolated });
      late.connect(late.home, 1);
      late.cluster.cut(late.home);
      late.publish(late.home, 1, 'old', qos, 1);
      late.cluster.run(100);
      late.deleteElsewhere(qos, leaves);
      late.cluster.run(10_000);
      late.cluster.heal(late.home);
      late.cluster.run(3_000);
      expect(late.retained()).toEqual([]);
    },
  );

  test.each([0, 1] as const)(
    'does not come back when the link to the leader delays the proposals of the home, QoS %d (P5)',
    (qos) => {
      const late = new LateMessage();
      late.connect(late.home, 1);
      late.cluster.holdProposals = late.home;
      late.publish(late.home, 1, 'old', qos, 1);
      late.cluster.run(50);
      late.deleteElsewhere(qos, true);
      late.cluster.run(500);
      late.cluster.holdProposals = null;
      late.cluster.run(5_000);
      expect(late.retained()).toEqual([]);
    },
  );
});

test('a retained message that waits behind other commands of its home does not come back (P5)', () => {
  const late = new LateMessage({ whenIsolated: 'hold', limits: { ...defaultLimits, batchesInFlightMax: 1 } });
  late.connect(late.home, 1);
  late.cluster.cut(late.home);
  late.cluster.member(late.home).input(3, { kind: 'connect', request: request('first in line', 60) });
  late.cluster.run(50);
  late.publish(late.home, 1, 'old', 1, 1);
  late.deleteElsewhere(1, true);
  late.cluster.run(10_000);
  late.cluster.heal(late.home);
  late.cluster.run(3_000);
  expect(late.retained()).toEqual([]);
});

describe('a retained message of a client that has published it at one member only', () => {
  test.each([0, 1] as const)(
    'is retained after the partition, although the client has left its home, QoS %d',
    (qos) => {
      const late = new LateMessage({ whenIsolated: 'hold' });
      late.connect(late.home, 1);
      late.cluster.cut(late.home);
      late.publish(late.home, 1, 'first', qos, 1);
      late.publish(late.home, 1, 'second', qos, 2);
      late.cluster.run(100);
      late.leave(late.home, 1, false);
      late.cluster.run(10_000);
      late.cluster.heal(late.home);
      late.cluster.run(3_000);
      expect(late.retained()).toEqual(['second']);
    },
  );

  test('is retained although the cluster has ended the session of the client, which has stayed at its home', () => {
    const late = new LateMessage({ whenIsolated: 'hold' });
    late.connect(late.home, 1);
    late.cluster.cut(late.home);
    late.publish(late.home, 1, 'first', 1, 1);
    late.cluster.run(10_000);
    expect(late.cluster.member(late.other).status().sessions).toBe(0);
    late.cluster.heal(late.home);
    late.cluster.run(3_000);
    expect(late.retained()).toEqual(['first']);
  });
});
