import type { ClientInput, QoS } from '@mqtt-cluster/contracts';
import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';
import { defaultLimits } from '../src/index.ts';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** Pages that count the messages that are read from them. Nothing is moved on them. */
class CountingPages extends MemoryMessagePages {
  reads = 0;

  override get hasSparse(): boolean {
    return false;
  }

  override read(position: number, length: number): Uint8Array {
    this.reads++;
    return super.read(position, length);
  }
}

/**
 * A member with all queued messages on pages, and a subscriber whose window has room for one message. The subscriber has
 * received the message `first` and has not acknowledged it.
 */
class Backlog {
  readonly cluster: TestCluster;
  /** The number of messages that each turn dropped because they had expired, of the turns that dropped some. */
  readonly dropped: number[] = [];
  /** For each of these turns, whether it asked for another turn at once. */
  readonly more: boolean[] = [];
  readonly #qos: QoS;
  #pages = new CountingPages();
  #packetId = 0;

  constructor(qos: QoS) {
    this.#qos = qos;
    const openMessagePages = (): CountingPages => (this.#pages = new CountingPages());
    const limits = { ...defaultLimits, messageCacheBytesMax: 0 };
    this.cluster = new TestCluster(['a'], { openMessagePages, limits });
    this.cluster.serve();
    this.cluster.run(3_000);
    this.cluster.onOutput('a', (output) => {
      const expired = output.events.filter((event) => event.kind === 'dropped' && event.reason === 'expired');
      if (expired.length > 0) {
        this.dropped.push(sum(expired.map((event) => ('count' in event ? event.count : 0))));
        this.more.push(output.more);
      }
      return output;
    });
    const session = { ...request('subscriber', never), receiveMaximum: 1 };
    this.#input({ kind: 'connect', request: session });
    this.#input({ kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos }] });
    this.cluster.member('a').input(2, { kind: 'connect', request: request('publisher') });
    this.publish('first');
  }

  get reads(): number {
    return this.#pages.reads;
  }

  /** Number of the messages in the queue of the subscriber. */
  get queued(): number {
    return this.cluster.member('a').status().queuedMessages;
  }

  /** Publishes messages. @param expirySeconds their Message Expiry Interval */
  publish(name: string, count = 1, expirySeconds?: number): void {
    const properties = expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds };
    for (let left = count; left > 0; left--) {
      const packetId = ++this.#packetId;
      const message = { topic: 'x', payload: text(name), qos: this.#qos, retain: false, properties };
      this.cluster.member('a').input(2, { kind: 'publish', request: { ...message, packetId } });
    }
    this.cluster.run(200);
  }

  /** The subscriber sends an acknowledgement, and the member runs as long as it has more to do. */
  acknowledge(kind: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void {
    this.cluster.member('a').input(1, { kind, packetId });
    this.cluster.run(10);
  }

  /** Returns the messages that the subscriber has received since the last call. */
  received(): { name: string; packetId: number }[] {
    return this.cluster.takeEffects('a', 1).flatMap((effect) => {
      if (effect.kind !== 'deliver') return [];
      return [{ name: new TextDecoder().decode(effect.message.payload), packetId: effect.packetId }];
    });
  }

  #input(input: ClientInput): void {
    this.cluster.member('a').input(1, input);
    this.cluster.run(100);
  }
}

describe('expired messages behind a full window', () => {
  test('are not read from their pages to be dropped', () => {
    const backlog = new Backlog(1);
    const [first] = backlog.received();
    backlog.publish('short', 1_000, 1);
    backlog.cluster.run(2_000);
    const before = backlog.reads;
    backlog.acknowledge('puback', first!.packetId);
    expect(backlog.reads - before).toBe(0);
    expect(backlog.dropped).toEqual([1_000]);
    expect(backlog.queued).toBe(0);
  });

  test('are not read from their pages to be dropped, with QoS 2', () => {
    const backlog = new Backlog(2);
    const [first] = backlog.received();
    backlog.publish('short', 3, 1);
    backlog.publish('long');
    backlog.cluster.run(2_000);
    const before = backlog.reads;
    backlog.acknowledge('pubrec', first!.packetId);
    backlog.cluster.run(100);
    backlog.acknowledge('pubcomp', first!.packetId);
    backlog.cluster.run(1_000);
    expect(sum(backlog.dropped)).toBe(3);
    expect(backlog.received().map(({ name }) => name)).toEqual(['long']);
    expect(backlog.reads - before).toBe(1);
  });

  test('are dropped in turns of at most 1,000 without a pause between them, and the message behind them is delivered', () => {
    const backlog = new Backlog(1);
    const [first] = backlog.received();
    backlog.publish('short', 2_500, 1);
    backlog.publish('long');
    backlog.cluster.run(2_000);
    const before = backlog.reads;
    backlog.acknowledge('puback', first!.packetId);
    expect(backlog.dropped).toEqual([1_000, 1_000, 500]);
    expect(backlog.more).toEqual([true, true, false]);
    expect(backlog.received().map(({ name }) => name)).toEqual(['long']);
    expect(backlog.reads - before).toBe(1);
    backlog.cluster.run(1_000);
    expect(backlog.queued).toBe(1);
  });
});
