import type { MemberEvent, Snapshot } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../src/context.ts';
import { defaultLimits } from '../src/index.ts';
import { PendingWrites } from '../src/log/pending-writes.ts';
import { TestCluster } from './cluster.ts';

const snapshot: Snapshot = { index: 5, term: 1, config: { members: [] }, data: new Uint8Array(10) };

describe('snapshots', () => {
  test('of a large state are taken after more log than those of a small one', () => {
    const limits = { ...defaultLimits, logBytesMax: 40_000, keepEntries: 4 };
    const cluster = new TestCluster(['a', 'b', 'c'], { limits });
    cluster.serve();
    const request = { client: 'p', clean: true, sessionExpirySeconds: 0, receiveMaximum: 100 };
    cluster.member('a').input(1, { kind: 'connect', request });
    cluster.run(300);
    const publish = (number: number, topic: string, retain: boolean): void => {
      const payload = new Uint8Array(2_000);
      const packetId = 1 + (number % 60_000);
      cluster
        .member('a')
        .input(1, { kind: 'publish', request: { topic, payload, qos: 1, retain, packetId } });
      cluster.run(20);
    };
    const takenBy = (act: () => void): number => {
      cluster.events.set('a', []);
      act();
      const isTaken = (event: MemberEvent) => event.kind === 'snapshot' && event.action === 'taken';
      return cluster.events.get('a')!.filter(isTaken).length;
    };
    const few = takenBy(() => {
      for (let number = 0; number < 200; number++) publish(number, 't', false);
    });
    for (let number = 0; number < 400; number++) publish(number, `r/${number}`, true);
    const many = takenBy(() => {
      for (let number = 0; number < 200; number++) publish(number, 't', false);
    });
    expect(few).toBeGreaterThan(8);
    // The state has 800 KB, so the log grows by at least 200 KB between two snapshots.
    expect(many).toBeLessThanOrEqual(3);
    expect(cluster.member('a').status().bounds.logBytesMax).toBeGreaterThan(300_000);
  });

  test("of the member's own state are writes of their own, and do not count as a slow disk", () => {
    const context = { nowMs: 1_000 } as MemberContext;
    const writes = new PendingWrites(context);
    writes.putOutbox([{ incarnation: 1, sequence: 1, data: new Uint8Array(1) }]);
    writes.snapshot(snapshot, false);
    const first = writes.take()!;
    expect(first.change).toEqual({ snapshot });
    const second = writes.take()!;
    expect(Object.keys(second.change)).toEqual(['outboxPut']);
    context.nowMs = 5_000;
    expect(writes.slowestMs).toBe(4_000);
    writes.written(second.token);
    expect(writes.slowestMs).toBe(0);
    expect(writes.snapshotPending).toBe(true);
    expect(writes.written(first.token)?.snapshot).toBe(snapshot);
    expect(writes.snapshotPending).toBe(false);
  });
});
