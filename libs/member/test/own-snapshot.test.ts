import type { MemberId, MemberOutput } from '@mqtt-cluster/contracts';
import { wholeBytes } from '@mqtt-cluster/contracts';
import type { MqttState } from '@mqtt-cluster/mqtt-state';
import { currentSemantics, defaultLimits } from '../src/index.ts';
import { request, TestCluster } from './cluster.ts';
import { HeldPages } from './held-pages.ts';

const messageBytes = 500;
const queuedMessages = 300;
const keepEntries = 4;
/** Each turn encodes one value: with one byte, the bound is reached. */
const bytesPerTurn = 1;

type OwnSnapshot = NonNullable<NonNullable<MemberOutput['write']>['change']['snapshot']>;

/** A cluster whose members encode their states slowly. It keeps what each state was when its encoding began. */
class SlowMembers {
  readonly pages: HeldPages[] = [];
  /** The bytes of each state whose encoding has begun, by index. The members agree on them. */
  readonly begun = new Map<number, Uint8Array>();
  /** The snapshots that each member gives to its store. */
  readonly given: ReadonlyMap<MemberId, OwnSnapshot[]>;
  readonly cluster: TestCluster;

  constructor(ids: readonly MemberId[], messageCacheBytesMax: number) {
    const { createState, decodeState } = currentSemantics;
    this.cluster = new TestCluster(ids, {
      limits: {
        ...defaultLimits,
        logBytesMax: 60_000,
        keepEntries,
        messageCacheBytesMax,
        snapshotBytesPerTurnMax: bytesPerTurn,
      },
      openMessagePages: () => {
        this.pages.push(new HeldPages());
        return this.pages.at(-1)!;
      },
      semantics: {
        ...currentSemantics,
        createState: (cache) => this.#observed(createState(cache)),
        decodeState: (bytes, cache) => this.#observed(decodeState(bytes, cache)),
      },
    });
    this.given = new Map(ids.map((id) => [id, this.#givenBy(id)]));
    this.cluster.serve();
  }

  #givenBy(id: MemberId): OwnSnapshot[] {
    const snapshots: OwnSnapshot[] = [];
    this.cluster.onOutput(id, (output) => {
      const change = output.write?.change;
      if (change?.snapshot !== undefined && change.dropLog !== true) snapshots.push(change.snapshot);
      return output;
    });
    return snapshots;
  }

  #observed(state: MqttState): MqttState {
    const beginEncoding = state.beginEncoding.bind(state);
    state.beginEncoding = () => {
      this.begun.set(state.index, state.encode());
      return beginEncoding();
    };
    return state;
  }

  /** Publishes messages through a member, which another client queues. */
  fill(home: MemberId): (count: number) => void {
    const { cluster } = this;
    const member = cluster.member(home);
    member.input(1, { kind: 'connect', request: request('publisher') });
    member.input(2, { kind: 'connect', request: request('absent', 3_600) });
    cluster.run(200);
    member.input(2, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'q', qos: 1 }] });
    cluster.run(200);
    member.input(2, { kind: 'disconnect', graceful: true });
    cluster.run(200);
    let published = 0;
    const publish = (count: number): void => {
      for (const end = published + count; published < end; published++) {
        const payload = new Uint8Array(messageBytes).fill(published);
        const packetId = 1 + (published % 60_000);
        const publishing = { topic: 'q', payload, qos: 1, retain: false, packetId } as const;
        member.input(1, { kind: 'publish', request: publishing });
        if (published % 10 === 9) cluster.run(10);
      }
    };
    publish(queuedMessages);
    cluster.run(500);
    return publish;
  }

  /** Returns the index of the snapshot that the member is encoding, or null. */
  unfinished(id: MemberId): number | null {
    let unfinished: number | null = null;
    for (const event of this.cluster.events.get(id)!) {
      if (event.kind === 'snapshotBegun') unfinished = event.index;
      else if (event.kind === 'snapshot' && event.action === 'taken') unfinished = null;
    }
    return unfinished;
  }
}

describe("a snapshot of the member's own state", () => {
  test.each([
    ['in memory', Infinity],
    ['on pages', 0],
  ])(
    'is encoded over many turns, and entries of that time do not show in it: messages %s',
    (_, cacheBytes) => {
      const members = new SlowMembers(['a'], cacheBytes);
      const { cluster } = members;
      const publish = members.fill('a');
      const member = cluster.member('a');
      const turnsWith = new Map<number, number>();
      const appliedWith = new Map<number, number>();
      cluster.onOutput('a', (output) => {
        const index = members.unfinished('a');
        if (index === null) return output;
        turnsWith.set(index, (turnsWith.get(index) ?? 0) + 1);
        appliedWith.set(index, member.status().appliedIndex);
        return output;
      });
      const snapshots = members.given.get('a')!;
      snapshots.length = 0;
      while (snapshots.length < 2) publish(10);
      for (const { index, data } of snapshots) {
        expect(turnsWith.get(index)).toBeGreaterThan(queuedMessages);
        expect(appliedWith.get(index)).toBeGreaterThan(index);
        expect(Buffer.compare(wholeBytes(data), members.begun.get(index)!)).toBe(0);
      }
    },
  );

  test('is given up when the snapshot of a peer replaces the state, and a backup of the former state goes on', () => {
    const members = new SlowMembers(['a', 'b', 'c'], 0);
    const { cluster } = members;
    const leader = cluster.leader();
    const [home, laggard] = ['a', 'b', 'c'].filter((id) => id !== leader) as [MemberId, MemberId];
    const publish = members.fill(home);
    while (members.unfinished(laggard) === null) publish(10);
    const index = members.unfinished(laggard)!;
    const backup = cluster.member(laggard).beginSnapshot()!;
    cluster.cut(laggard);
    cluster.hanging.add(laggard);
    const { lastIndex } = cluster.member(laggard).status();
    while (cluster.member(leader).status().snapshotIndex - keepEntries <= lastIndex) publish(10);
    cluster.events.set(leader, []);
    cluster.heal(laggard);
    const isTaken = (): boolean =>
      cluster.events.get(leader)!.some((event) => event.kind === 'snapshot' && event.action === 'taken');
    cluster.until('the leader has the snapshot for the peer', isTaken);
    expect(members.unfinished(laggard)).toBe(index);
    const given = members.given.get(laggard)!.length;
    cluster.hanging.delete(laggard);
    const isInstalled = (): boolean =>
      cluster.events.get(laggard)!.some((event) => event.kind === 'snapshot' && event.action === 'installed');
    cluster.until('the peer has installed the snapshot', isInstalled);
    cluster.run(500);
    expect(members.unfinished(laggard)).toBe(index);
    expect(members.given.get(laggard)).toHaveLength(given);
    let former = backup.advance();
    while (former === null) former = backup.advance();
    expect(former.index).toBeLessThan(cluster.member(laggard).status().snapshotIndex);
    expect(Buffer.compare(former.data, members.begun.get(former.index)!)).toBe(0);
    // The stores of this test take no pieces, so the snapshots that they were given hold their pages, and no others do.
    for (const id of [leader, home])
      cluster.until(`${id} encodes nothing`, () => members.unfinished(id) === null);
    const holds = members.pages.reduce((sum, pages) => sum + pages.holds, 0);
    expect(holds).toBe([...members.given.values()].flat().length);
  });
});
