import { Doubt } from '../src/connection/server-probe.ts';
import type { Packet } from 'mqtt';
import { DuplicateFilter } from '../src/duplicate-filter.ts';
import { Liveness } from '../src/connection/keep-alive.ts';
import { PacketStore } from '../src/session/packet-store.ts';
import { filterMatches, SubscriptionTable } from '../src/session/subscription-table.ts';

describe('liveness', () => {
  function clock(): { now: number; pings: number; silent: boolean; liveness: Liveness } {
    const state = { now: 0, pings: 0, silent: false } as {
      now: number;
      pings: number;
      silent: boolean;
      liveness: Liveness;
    };
    state.liveness = new Liveness({
      pingIntervalMs: 1_000,
      silenceMsMax: 2_000,
      now: () => state.now,
      ping: () => (state.pings += 1),
      silent: () => (state.silent = true),
    });
    state.liveness.check(0);
    return state;
  }

  function pass(state: ReturnType<typeof clock>, ms: number, bytes: (nowMs: number) => number): void {
    const until = state.now + ms;
    while (state.now < until) {
      state.now += state.liveness.checkIntervalMs;
      state.liveness.check(bytes(state.now));
    }
  }

  test('pings every interval, and is content with any byte', () => {
    const state = clock();
    pass(state, 10_000, (nowMs) => Math.floor(nowMs / 1_900));
    expect(state.pings).toBe(10);
    expect(state.silent).toBe(false);
  });

  test('notices silence within two and a half seconds', () => {
    const state = clock();
    pass(state, 1_750, () => 0);
    expect(state.silent).toBe(false);
    pass(state, 750, () => 0);
    expect(state.silent).toBe(true);
  });

  test('after its own pause it asks once more before it believes in silence', () => {
    const state = clock();
    state.now = 60_000;
    state.liveness.check(0);
    expect([state.silent, state.pings]).toEqual([false, 1]);
    pass(state, 1_000, () => 0);
    expect(state.silent).toBe(true);
  });

  test('lastHeardMs is when bytes came, not when we woke', () => {
    const state = clock();
    pass(state, 500, () => 1);
    const heardMs = state.liveness.lastHeardMs;
    state.now = 60_000;
    state.liveness.check(1);
    expect(state.liveness.lastHeardMs).toBe(heardMs);
  });
});

describe('packet store', () => {
  function publish(messageId: number): Packet {
    return { cmd: 'publish', topic: 't', payload: 'x', qos: 1, retain: false, dup: false, messageId };
  }

  function store(): { store: PacketStore; sent: Packet[] } {
    const sent: Packet[] = [];
    return {
      store: new PacketStore(
        (packet) => sent.push(packet),
        () => 0,
      ),
      sent,
    };
  }

  const done = (): void => undefined;

  test('ids in use are not given again, over connections', () => {
    const { store: made } = store();
    const ids = [1, 2, 3].map(() => made.messageIds.allocate());
    made.put(publish(ids[1] ?? 0), done);
    made.messageIds.clear();
    const given = Array.from({ length: 65_534 }, () => made.messageIds.allocate());
    expect(new Set(given).size).toBe(65_534);
    expect(given).not.toContain(ids[1]);
    expect(made.messageIds.allocate()).toBeNull();
  });

  test('all at once in their order, PUBREL in the place of its message', () => {
    const { store: made, sent } = store();
    for (const id of [3, 1, 2]) made.put(publish(id), done);
    made.put({ cmd: 'pubrel', messageId: 3 }, done);
    made.prepare(true, 100);
    made.createStream();
    expect(sent.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
      ['pubrel', 3],
      ['publish', 1],
      ['publish', 2],
    ]);
  });

  test('within the window; the rest as acks come', () => {
    const { store: made, sent } = store();
    for (const id of [1, 2, 3, 4]) made.put(publish(id), done);
    made.prepare(true, 2);
    made.createStream();
    expect([sent.length, made.unsent]).toEqual([2, 2]);
    made.del({ messageId: 1 }, done);
    expect(sent.map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
    expect(made.unsent).toBe(1);
  });

  test('taken out before it was sent again: never sent', () => {
    const { store: made, sent } = store();
    for (const id of [1, 2, 3]) made.put(publish(id), done);
    made.prepare(true, 1);
    made.createStream();
    made.del({ messageId: 2 }, done);
    made.del({ messageId: 1 }, done);
    expect(sent.map(({ messageId }) => messageId)).toEqual([1, 3]);
  });
});

describe('duplicates', () => {
  test('the second copy within the window', () => {
    let nowMs = 0;
    const filter = new DuplicateFilter(10, 1_000, () => nowMs);
    expect(filter.first('a')).toBe(true);
    nowMs = 999;
    expect(filter.first('a')).toBe(false);
    nowMs = 1_000;
    expect(filter.first('a')).toBe(true);
  });

  test('bounded: the oldest is forgotten', () => {
    const filter = new DuplicateFilter(2, 1_000, () => 0);
    for (const identity of ['a', 'b', 'c', 'd']) filter.first(identity);
    expect(filter.first('d')).toBe(false);
    expect(filter.first('a')).toBe(true);
  });
});

describe('subscriptions', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/#', 'a', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['a', 'a/b', false],
    ['$share/g/a/#', 'a/b', true],
  ])('%s and %s: %s', (filter, topic, matches) => {
    expect(filterMatches(filter, topic)).toBe(matches);
  });

  test('missing until acknowledged, and again in a new session or with other options', () => {
    const table = new SubscriptionTable();
    table.want({ a: { qos: 1 }, b: { qos: 2 } });
    table.acknowledge(['a', 'unknown']);
    expect(table.missing()).toEqual({ b: { qos: 2 } });
    table.want({ a: { qos: 2 } });
    expect(Object.keys(table.missing()).sort()).toEqual(['a', 'b']);
    table.acknowledge(['a', 'b']);
    table.newSession();
    table.forget(['b']);
    expect(table.missing()).toEqual({ a: { qos: 2 } });
  });
});

describe('doubt', () => {
  const options = { askAfterMs: 100, answerMsMax: 150 };

  /** Checks every 50 ms from `from` to `to`; what each said. */
  function checks(doubt: Doubt, from: number, to: number, bytes: number): string[] {
    const answers: string[] = [];
    for (let at = from; at <= to; at += 50) answers.push(doubt.check(at, bytes, false));
    return answers;
  }

  test('who has sent nothing expects nothing', () => {
    expect(new Set(checks(new Doubt(options), 0, 10_000, 1))).toEqual(new Set(['fine']));
  });

  test('a server that does not answer is asked once, and doubtful when it does not answer that', () => {
    const doubt = new Doubt(options);
    checks(doubt, 0, 0, 1);
    doubt.sent(0);
    expect(checks(doubt, 50, 300, 1)).toEqual(['fine', 'ask', 'fine', 'fine', 'doubtful', 'doubtful']);
    expect(doubt.check(350, 2, false)).toBe('fine');
  });

  test('a server that answers the ping only waits for the cluster', () => {
    const doubt = new Doubt(options);
    checks(doubt, 0, 0, 1);
    doubt.sent(0);
    expect(checks(doubt, 50, 100, 1)).toEqual(['fine', 'ask']);
    expect(checks(doubt, 150, 2_000, 2)).not.toContain('doubtful');
  });

  test('what was heard may be older than what was sent, or not its ack', () => {
    const doubt = new Doubt(options);
    checks(doubt, 0, 0, 1);
    doubt.sent(10);
    expect(doubt.check(50, 2, false)).toBe('fine');
    expect(checks(doubt, 100, 300, 2)).toEqual(['fine', 'ask', 'fine', 'fine', 'doubtful']);
    expect(doubt.check(350, 3, true)).toBe('fine');
    expect(doubt.check(450, 3, true)).toBe('ask');
  });

  test('after a sleep of our own the answers may be unread: asked first', () => {
    const doubt = new Doubt(options);
    checks(doubt, 0, 0, 1);
    doubt.sent(0);
    expect(checks(doubt, 50, 100, 1)).toEqual(['fine', 'ask']);
    expect(doubt.check(5_000, 1, false)).toBe('fine');
    expect(checks(doubt, 5_050, 5_100, 1)).toEqual(['fine', 'ask']);
  });
});
