import { accessSemantics, largeStateSemantics } from '@mqtt-cluster/contracts';
import type { ClusterConfig, MemberEvent } from '@mqtt-cluster/contracts';
import type { Part } from '@mqtt-cluster/mqtt-state';
import { Digests } from '../src/log/digests.ts';

type DigestsParameters = ConstructorParameters<typeof Digests>;

const digestEvery = 16;
const valuesOfPart = 2_048;
const mebibyte = 1024 * 1024;

interface StateSize {
  readonly queuedMessages?: number;
  readonly queuedBytes?: number;
}

/** The digests of one member. The digest of each part is its number. */
class Subject {
  readonly digested: (Part & { index: number })[] = [];
  readonly events: MemberEvent[] = [];
  readonly hellos = new Map<string, object>();
  readonly digests: Digests;
  config: ClusterConfig | null = null;
  #index = 0;

  constructor({ queuedMessages = 0, queuedBytes = 0 }: StateSize) {
    const sizes = { sessions: 0, retained: 0, willBytes: 0, subscriptionBytes: 0 };
    const digest = (part: Part): string => {
      this.digested.push({ ...part, index: this.#index });
      return `digest of part ${part.part}`;
    };
    const state = { counts: () => ({ ...sizes, queuedMessages, queuedBytes }), digest };
    const context = { state, options: { limits: { digestEvery } }, events: this.events };
    this.digests = new Digests(
      context as unknown as DigestsParameters[0],
      { hellos: this.hellos } as unknown as DigestsParameters[1],
    );
  }

  apply(entries: number, semantics = largeStateSemantics): void {
    for (let left = entries; left > 0; left--) this.digests.applied(++this.#index, semantics, this.config);
  }

  /** Receives the digest that a peer computed at the newest common index. */
  hello(peer: string, value: string, index = this.digests.latest!.index, storeId = `store of ${peer}`): void {
    this.hellos.set(peer, { storeId, digest: { index, value } });
    this.digests.compare(this.config);
  }
}

describe('the digests of a member', () => {
  test('cover a small state as a whole at each interval', () => {
    const subject = new Subject({ queuedMessages: valuesOfPart });
    subject.apply(3 * digestEvery);
    expect(subject.digested).toEqual([
      { part: 0, parts: 1, index: 16 },
      { part: 0, parts: 1, index: 32 },
      { part: 0, parts: 1, index: 48 },
    ]);
  });

  test('cover all parts of a large state at consecutive intervals', () => {
    const subject = new Subject({ queuedMessages: 100 * valuesOfPart });
    subject.apply(100 * digestEvery);
    expect(new Set(subject.digested.map(({ parts }) => parts))).toEqual(new Set([100]));
    expect(new Set(subject.digested.map(({ part }) => part)).size).toBe(100);
  });

  test('cover a large state as a whole and at longer intervals before `largeStateSemantics`', () => {
    const subject = new Subject({ queuedMessages: 100 * valuesOfPart, queuedBytes: 2 * mebibyte });
    subject.apply(16 * digestEvery, accessSemantics);
    expect(subject.digested).toEqual([
      { part: 0, parts: 1, index: 128 },
      { part: 0, parts: 1, index: 256 },
    ]);
  });

  test('report a difference until each part of the state has agreed again', () => {
    const parts = 10;
    const subject = new Subject({ queuedMessages: parts * valuesOfPart });
    subject.apply(digestEvery);
    subject.hello('b', 'another digest');
    expect(subject.digests.agree).toBe(false);
    expect(subject.events).toEqual([{ kind: 'digestDiffers', index: 16, members: ['b'] }]);
    for (let part = 0; part < parts; part++) {
      subject.apply(digestEvery);
      subject.hello('b', `digest of part ${subject.digested.at(-1)!.part}`);
      expect(subject.digests.agree).toBe(false);
    }
    subject.apply(digestEvery);
    expect(subject.digests.agree).toBe(true);
    expect(subject.events).toHaveLength(1);
  });

  test('report no difference any more when the peer has another store', () => {
    const subject = new Subject({ queuedMessages: 10 * valuesOfPart });
    subject.apply(digestEvery);
    subject.hello('b', 'another digest');
    subject.hello('c', subject.digests.latest!.value);
    expect(subject.digests.agree).toBe(false);
    subject.hello('b', subject.digests.latest!.value, subject.digests.latest!.index, 'new store');
    expect(subject.digests.agree).toBe(true);
  });

  test('show an unfit store when a majority reports one other digest, although the reports arrive at different times', () => {
    const subject = new Subject({ queuedMessages: 10 * valuesOfPart });
    const members = ['a', 'b', 'c', 'd'].map((id) => ({
      id,
      storeId: `store of ${id}`,
      role: 'voter' as const,
    }));
    subject.config = { members };
    subject.apply(digestEvery);
    subject.hello('b', 'another digest');
    subject.hello('c', 'another digest');
    // The next part is equal everywhere.
    subject.apply(digestEvery);
    for (const peer of ['b', 'c']) subject.hello(peer, subject.digests.latest!.value);
    expect(subject.events).not.toContainEqual({ kind: 'storeUnfit', index: 16 });
    subject.hello('d', 'another digest', 16);
    expect(subject.events).toContainEqual({ kind: 'storeUnfit', index: 16 });
  });
});
