import type { BytesInPieces, MemberEvent, RecoveredState, Snapshot } from '@mqtt-cluster/contracts';
import { wholeBytes } from '@mqtt-cluster/contracts';
import { createMqttState, decodeMqttState } from '@mqtt-cluster/mqtt-state';
import { collectGarbage } from '@mqtt-cluster/testing';
import type { MemberContext } from '../src/context.ts';
import { defaultLimits } from '../src/index.ts';
import { PendingWrites } from '../src/log/pending-writes.ts';
import { TestCluster } from './cluster.ts';

const snapshot: Snapshot = { index: 5, term: 1, config: { members: [] }, data: new Uint8Array(10) };

const mebibyte = 1024 * 1024;

describe('snapshots', () => {
  test('keep the state at their index while newer entries are applied, until the store takes their bytes', () => {
    const limits = { ...defaultLimits, logBytesMax: 4 * mebibyte, keepEntries: 4 };
    const cluster = new TestCluster(['a', 'b', 'c'], { limits });
    cluster.serve();
    const member = cluster.member('a');
    const taken: { index: number; data: BytesInPieces }[] = [];
    const take = member.take.bind(member);
    member.take = () => {
      const output = take();
      const snapshot = output.write?.change.snapshot;
      if (snapshot !== undefined) taken.push({ index: snapshot.index, data: snapshot.data as BytesInPieces });
      return output;
    };
    member.input(1, {
      kind: 'connect',
      request: { client: 'p', clean: true, sessionExpirySeconds: 0, receiveMaximum: 100 },
    });
    cluster.run(300);
    const publish = (number: number): void =>
      member.input(1, {
        kind: 'publish',
        request: {
          ...{ topic: `r/${number % 50}`, payload: new Uint8Array(200_000).fill(number) },
          ...{ qos: 1, retain: true, packetId: 1 + number },
        },
      });
    for (let number = 0; number < 120; number++) {
      publish(number);
      if (number % 5 === 4) cluster.run(20);
    }
    expect(taken.length).toBeGreaterThan(2);
    expect(taken.at(-1)!.data.length).toBeGreaterThan(8 * mebibyte);
    for (const { index, data } of taken) {
      expect(member.status().appliedIndex).toBeGreaterThan(index);
      const bytes = wholeBytes(data);
      expect(bytes).toHaveLength(data.length);
      const state = decodeMqttState(bytes);
      expect(state.index).toBe(index);
      expect(Buffer.compare(state.encode(), bytes)).toBe(0);
    }
  });

  test('are taken by the members at different times', () => {
    const limits = { ...defaultLimits, logBytesMax: 60_000, keepEntries: 4 };
    const cluster = new TestCluster(['a', 'b', 'c'], { limits });
    cluster.serve();
    const request = { client: 'p', clean: true, sessionExpirySeconds: 0, receiveMaximum: 100 };
    cluster.member('a').input(1, { kind: 'connect', request });
    cluster.run(300);
    for (const id of ['a', 'b', 'c']) cluster.events.set(id, []);
    const firstOf = (id: string): number | undefined =>
      cluster.events
        .get(id)!
        .flatMap((event) => (event.kind === 'snapshot' && event.action === 'taken' ? [event.index] : []))[0];
    for (let number = 0; number < 40; number++) {
      const payload = new Uint8Array(2_000);
      const publish = { topic: 't', payload, qos: 1, retain: false, packetId: 1 + number } as const;
      cluster.member('a').input(1, { kind: 'publish', request: publish });
      cluster.run(20);
    }
    const [a, b, c] = ['a', 'b', 'c'].map(firstOf) as [number, number, number];
    expect(c).toBeLessThan(b);
    expect(b).toBeLessThan(a);
  });

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

  test('that the store rejects are tried again after 10 s, and the cluster goes on with its leader', () => {
    const limits = { ...defaultLimits, logBytesMax: 40_000, keepEntries: 4 };
    const cluster = new TestCluster(['a', 'b', 'c'], { limits });
    cluster.serve();
    cluster.refusesSnapshots = true;
    const { leader, term } = cluster.member('a').status();
    const request = { client: 'p', clean: true, sessionExpirySeconds: 0, receiveMaximum: 100 };
    cluster.member('a').input(1, { kind: 'connect', request });
    cluster.run(300);
    const taken = (): number =>
      cluster.events.get('a')!.filter((event) => event.kind === 'snapshot' && event.action === 'taken')
        .length;
    let packetId = 0;
    const publishUntil = (timeMs: number): void => {
      while (cluster.nowMs < timeMs) {
        const message = { topic: 't', payload: new Uint8Array(2_000), qos: 1, retain: false } as const;
        cluster.member('a').input(1, { kind: 'publish', request: { ...message, packetId: ++packetId } });
        cluster.run(50);
      }
    };
    for (let round = 0; round < 200 && taken() === 0; round++) publishUntil(cluster.nowMs + 50);
    expect(taken()).toBe(1);
    const firstMs = cluster.nowMs;
    publishUntil(firstMs + 9_800);
    expect(taken()).toBe(1);
    publishUntil(firstMs + 10_200);
    expect(taken()).toBe(2);
    cluster.run(300);
    const acknowledged = cluster.effects.get('a')!.filter(({ kind }) => kind === 'puback').length;
    expect(acknowledged).toBe(packetId);
    expect(cluster.member('a').status()).toMatchObject({ leader, term });
  });

  test('of the start of a member do not stay in memory', async () => {
    const started = (): { cluster: TestCluster; contents: WeakRef<object>[] } => {
      const recovered: RecoveredState = {
        storeId: 's',
        incarnation: 2,
        fresh: false,
        hardState: { term: 1, votedFor: null },
        snapshot: { ...snapshot, data: createMqttState().encode() },
        entries: [{ index: 6, term: 1, kind: 'noop', data: new Uint8Array(0) }],
        outbox: [],
        repairs: [],
      };
      const contents = [new WeakRef(recovered.snapshot!), new WeakRef(recovered.entries)];
      return { cluster: new TestCluster(['a'], { recovered }), contents };
    };
    const { cluster, contents } = started();
    // A weak reference keeps its value until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(contents.map((content) => content.deref())).toEqual([undefined, undefined]);
    expect(cluster.member('a').status().lastIndex).toBe(6);
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

  test("of the member's own state that the disk has no room for do not count as a full disk", () => {
    const writes = new PendingWrites({ nowMs: 1_000 } as MemberContext);
    writes.snapshot(snapshot, false);
    expect(writes.refused(writes.take()!.token)?.snapshot).toBe(snapshot);
    expect({ full: writes.full, mayTry: writes.mayTry }).toEqual({ full: false, mayTry: true });
    writes.snapshot(snapshot, true);
    writes.refused(writes.take()!.token);
    expect({ full: writes.full, mayTry: writes.mayTry }).toEqual({ full: true, mayTry: false });
  });
});
