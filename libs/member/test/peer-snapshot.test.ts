import type { Member, MemberId } from '@mqtt-cluster/contracts';
import type { EncodedState, MqttState, StateEncoding } from '@mqtt-cluster/mqtt-state';
import { currentSemantics, defaultLimits } from '../src/index.ts';
import type { SemanticsVersion } from '../src/index.ts';
import { JoinedSnapshot } from '../src/log/joined-snapshot.ts';
import { SnapshotEncoding } from '../src/log/snapshot-encoding.ts';
import { request, TestCluster } from './cluster.ts';
import { HeldPages } from './held-pages.ts';

const messageBytes = 500;
const queuedMessages = 900;
const keepEntries = 4;
/** Less than the bytes of the whole state. */
const stateBytesMin = queuedMessages * messageBytes;
/** Bytes that one turn may encode or read. The whole state has several hundred times as many. */
const bytesPerTurn = 1_024;
/** More than a piece of the encoded state has: a message with its topic, origin and number. */
const pieceBytesMax = messageBytes + 200;
/** Time that encoding or reading a byte of a state takes. Reading the whole state takes several election timeouts. */
const msPerByte = 4 / bytesPerTurn;

/** Observes what the members of a cluster encode and read of their states, and lets it take time. */
class SlowEncoding {
  readonly cluster: TestCluster;
  readonly #pages: HeldPages[] = [];
  /** Bytes of a state that were encoded or read, by member. */
  readonly read = new Map<MemberId, number>();
  #inTurn = 0;
  mostInTurn = 0;
  /** Number of the states that were encoded. */
  started = 0;
  isSlow = false;

  constructor(ids: readonly MemberId[]) {
    this.cluster = new TestCluster(ids, {
      limits: {
        ...defaultLimits,
        logBytesMax: 60_000,
        keepEntries,
        messageCacheBytesMax: 0,
        snapshotBytesPerTurnMax: bytesPerTurn,
      },
      openMessagePages: () => {
        this.#pages.push(new HeldPages());
        return this.#pages.at(-1)!;
      },
      semantics: this.#semantics(),
    });
    for (const id of ids) {
      this.cluster.onOutput(id, (output) => {
        this.read.set(id, (this.read.get(id) ?? 0) + this.#inTurn);
        this.mostInTurn = Math.max(this.mostInTurn, this.#inTurn);
        this.#inTurn = 0;
        return output;
      });
    }
  }

  /** Number of the encoded states that use pages. */
  get holds(): number {
    return this.#pages.reduce((sum, { holds }) => sum + holds, 0);
  }

  #semantics(): SemanticsVersion {
    const { createState, decodeState } = currentSemantics;
    return {
      ...currentSemantics,
      createState: (cache) => this.#observed(createState(cache)),
      decodeState: (bytes, cache) => this.#observed(decodeState(bytes, cache)),
    };
  }

  #observed(state: MqttState): MqttState {
    const encode = state.encode.bind(state);
    const beginEncoding = state.beginEncoding.bind(state);
    state.encode = () => {
      const bytes = encode();
      this.#count(bytes);
      return bytes;
    };
    state.beginEncoding = () => {
      const encoding = beginEncoding();
      this.started++;
      const advance = encoding.advance.bind(encoding);
      encoding.advance = (bounds) => {
        // An encoding without a bound would take as long as that of the whole state.
        this.#count({ length: Math.min(bounds.bytes, stateBytesMin) });
        const encoded = advance(bounds);
        return encoded === null ? null : this.#observedPieces(encoded);
      };
      return encoding;
    };
    return state;
  }

  #observedPieces(encoded: EncodedState): EncodedState {
    const pieces = encoded.pieces.bind(encoded);
    const count = this.#count.bind(this);
    encoded.pieces = function* () {
      for (const piece of pieces()) {
        count(piece);
        yield piece;
      }
    };
    return encoded;
  }

  #count({ length }: { readonly length: number }): void {
    if (!this.isSlow) return;
    this.#inTurn += length;
    this.cluster.nowMs += length * msPerByte;
  }
}

/** Returns a cluster with a large queue. The log of the serving members has no entries that the absent ones lack. */
function withLaggards(ids: readonly MemberId[], absent: readonly MemberId[]) {
  const encoding = new SlowEncoding(ids);
  const { cluster } = encoding;
  cluster.serve();
  for (const id of absent) cluster.cut(id);
  cluster.until('a leader with a majority', () => {
    const leader = cluster.leader();
    return !absent.includes(leader) && cluster.member(leader).status().state === 'serving';
  });
  const leader = cluster.leader();
  const member = cluster.member(leader);
  const home = cluster.member(ids.find((id) => id !== leader && !absent.includes(id))!);
  home.input(1, { kind: 'connect', request: request('publisher') });
  home.input(2, { kind: 'connect', request: request('absent', 3_600) });
  cluster.run(200);
  home.input(2, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'q', qos: 1 }] });
  cluster.run(200);
  home.input(2, { kind: 'disconnect', graceful: true });
  cluster.run(200);
  let published = 0;
  const publish = (count: number, topic = 'q', bytes = messageBytes): void => {
    for (const end = published + count; published < end; published++) {
      const payload = new Uint8Array(bytes).fill(published);
      const packetId = 1 + (published % 60_000);
      home.input(1, { kind: 'publish', request: { topic, payload, qos: 1, retain: false, packetId } });
      if (published % 20 === 19) cluster.run(20);
    }
  };
  publish(queuedMessages);
  cluster.run(500);
  for (const id of absent)
    expect(member.status().snapshotIndex - keepEntries).toBeGreaterThan(
      cluster.member(id).status().lastIndex,
    );
  encoding.started = 0;
  return { encoding, cluster, leader, member, home, publish, holdsBefore: encoding.holds };
}

function isFilled(cluster: TestCluster, id: MemberId): boolean {
  const { lastIndex } = cluster.member(cluster.leader()).status();
  return cluster.member(id).status().appliedIndex === lastIndex;
}

function installed(cluster: TestCluster, id: MemberId): number {
  return cluster.events.get(id)!.filter((event) => event.kind === 'snapshot' && event.action === 'installed')
    .length;
}

function stateOf(member: Member): Uint8Array {
  const unfinished = member.beginSnapshot()!;
  for (;;) {
    const snapshot = unfinished.advance();
    if (snapshot !== null) return snapshot.data;
  }
}

function expectEqualStates(cluster: TestCluster, ids: readonly MemberId[]): void {
  const [first, ...others] = ids.map((id) => stateOf(cluster.member(id)));
  for (const other of others) expect(Buffer.compare(first!, other)).toBe(0);
}

function encodingOf(encoding: Partial<StateEncoding>): SnapshotEncoding {
  const header = { index: 5, term: 1, config: { members: [] } };
  return new SnapshotEncoding(header, encoding as StateEncoding, bytesPerTurn);
}

describe('a snapshot for a peer', () => {
  test('that is given up while it is encoded lets go of the encoding', () => {
    let discarded = 0;
    const snapshot = new JoinedSnapshot(bytesPerTurn);
    snapshot.begin(encodingOf({ advance: () => null, discard: () => void discarded++ }));
    expect(snapshot.advance()).toBeNull();
    expect(snapshot.isUnfinished).toBe(true);
    snapshot.discard();
    expect(discarded).toBe(1);
    expect(snapshot.isUnfinished).toBe(false);
    expect(snapshot.advance()).toBeNull();
  });

  test('copies a bounded number of small pieces in one turn', () => {
    const length = 5_000;
    let read = 0;
    const data = {
      length,
      *pieces() {
        while (read < length) yield new Uint8Array([read++ % 256]);
      },
      discard: () => undefined,
    };
    const snapshot = new JoinedSnapshot(2 * length);
    snapshot.begin(encodingOf({ advance: () => data as unknown as EncodedState }));
    expect(snapshot.advance()).toBeNull();
    expect(read).toBe(0);
    expect(snapshot.advance()).toBeNull();
    expect(read).toBe(2_048);
    expect(snapshot.advance()).toBeNull();
    expect(read).toBe(4_096);
    const bytes = Uint8Array.from({ length }, (_, position) => position % 256);
    expect(snapshot.advance()).toEqual({ index: 5, term: 1, config: { members: [] }, data: bytes });
    expect(snapshot.isUnfinished).toBe(false);
  });

  test('is built over many turns, so that the leader of a large state stays the leader', () => {
    const { encoding, cluster, leader, member, home, publish } = withLaggards(['a', 'b', 'c'], ['c']);
    const { term } = member.status();
    encoding.isSlow = true;
    cluster.heal('c');
    cluster.until('the snapshot begins', () => (encoding.read.get(leader) ?? 0) > 0);
    // Meanwhile the log goes on, and the messages of the snapshot leave the queue.
    publish(20);
    home.input(3, { kind: 'connect', request: { ...request('absent', 3_600), clean: true } });
    expect(isFilled(cluster, 'c')).toBe(false);
    cluster.until('c is filled', () => isFilled(cluster, 'c'));
    expect(member.status()).toMatchObject({ role: 'leader', term });
    expect(encoding.read.get(leader)).toBeGreaterThan(stateBytesMin);
    expect(encoding.mostInTurn).toBeLessThan(bytesPerTurn + pieceBytesMax);
    expect(installed(cluster, 'c')).toBe(1);
    encoding.isSlow = false;
    expect(member.status().queuedMessages).toBe(0);
    expectEqualStates(cluster, ['a', 'b', 'c']);
  });

  test('is shared by all peers that need one', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const { encoding, cluster, leader } = withLaggards(ids, ['d', 'e']);
    encoding.isSlow = true;
    cluster.heal('d');
    cluster.until('the snapshot begins', () => (encoding.read.get(leader) ?? 0) > 0);
    cluster.heal('e');
    cluster.until('d and e are filled', () => isFilled(cluster, 'd') && isFilled(cluster, 'e'));
    expect(encoding.started).toBe(1);
    expect([installed(cluster, 'd'), installed(cluster, 'e')]).toEqual([1, 1]);
    encoding.isSlow = false;
    expectEqualStates(cluster, ids);
  });

  test('is complete before the leader takes a snapshot of its own, which would remove entries that the peer needs', () => {
    const { encoding, cluster, leader, publish } = withLaggards(['a', 'b', 'c'], ['c']);
    encoding.isSlow = true;
    cluster.events.set(leader, []);
    cluster.heal('c');
    cluster.until('the snapshot begins', () => (encoding.read.get(leader) ?? 0) > 0);
    const begun = (): number =>
      cluster.events.get(leader)!.filter((event) => event.kind === 'snapshotBegun').length;
    let begunBefore = 0;
    while (encoding.read.get(leader)! < stateBytesMin) {
      begunBefore = begun();
      publish(20, 'nobody', 10_000);
    }
    expect(begunBefore).toBe(1);
    cluster.until('the leader takes a snapshot of its own', () => begun() > 1);
    cluster.until('c is filled', () => isFilled(cluster, 'c'));
  });

  test('is given up at the end of the leadership, and the next leader builds one', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const { encoding, cluster, leader, member, holdsBefore } = withLaggards(ids, ['e']);
    encoding.isSlow = true;
    cluster.heal('e');
    cluster.until('the snapshot begins', () => (encoding.read.get(leader) ?? 0) > 0);
    expect(encoding.holds).toBe(holdsBefore + 1);
    cluster.cut(leader);
    cluster.until('the leader steps down', () => member.status().role !== 'leader');
    const read = encoding.read.get(leader)!;
    expect(read).toBeLessThan(stateBytesMin);
    cluster.until('another leader', () => ids.some((id) => cluster.member(id).status().role === 'leader'));
    cluster.until('e is filled', () => isFilled(cluster, 'e'));
    expect(encoding.read.get(leader)).toBe(read);
    expect(encoding.mostInTurn).toBeLessThan(bytesPerTurn + pieceBytesMax);
    expect(encoding.holds).toBe(holdsBefore);
    encoding.isSlow = false;
    cluster.heal(leader);
    cluster.until('the former leader has caught up', () => isFilled(cluster, leader));
    expectEqualStates(cluster, ids);
  });
});
