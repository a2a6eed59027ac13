import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput } from '@mqtt-cluster/contracts';
import type { AppliedMark } from '../../src/jetstream/applied-mark.ts';
import { decodeAppliedMark, encodeAppliedMark } from '../../src/jetstream/applied-mark.ts';
import { setSession, toHeaders } from '../../src/jetstream/headers.ts';
import { JetstreamIncoming } from '../../src/jetstream/incoming.ts';
import type { StoredMessage } from '../../src/jetstream/incoming.ts';
import { hopsOf } from '../../src/remote/properties.ts';
import { createCounters } from '../../src/link/counters.ts';

const definition = linkDefinitionSchema.parse({
  kind: 'jetstream',
  addresses: ['nats://n'],
  jetstream: { stream: 'S' },
  rules: [{ direction: 'in', filter: 'a/#', localPrefix: 'site/' }],
});

/** The replicated state of the publishing session: it ends runs, and the next run continues with it. */
class State {
  readonly packetIds = new Set<number>();
  readonly published: string[] = [];
  /** Links that the messages have passed. */
  readonly hops: number[] = [];
  mark: AppliedMark = { stream: 's', rules: 'r', sequence: 0, packetIds: [] };
}

/** A run of the incoming direction. Its inputs wait in the log until the test applies them. */
class Run {
  readonly counters = createCounters();
  readonly faults: string[] = [];
  readonly full: (string | null)[] = [];
  readonly #log: (() => void)[] = [];
  readonly #timers: (() => void)[] = [];
  readonly incoming: JetstreamIncoming;

  constructor(state: State) {
    this.incoming = new JetstreamIncoming(
      {
        definition,
        mark: 'c/plant',
        session: 'own',
        packetBytesMax: 1_000,
        counters: this.counters,
        input: (input) => this.#log.push(() => this.#apply(state, input)),
        writeMark: (mark, _former, onMarked) =>
          this.#log.push(() => {
            state.mark = decodeAppliedMark(encodeAppliedMark(mark));
            onMarked();
          }),
        onFault: (text) => this.faults.push(text),
        onFull: (text) => this.full.push(text),
        onRefused: (text) => this.faults.push(text),
        now: () => 0,
        after: (_delayMs, run) => {
          this.#timers.push(run);
          return () => this.#timers.splice(this.#timers.indexOf(run), 1);
        },
      },
      state.mark,
    );
  }

  #apply(state: State, input: ClientInput): void {
    if (input.kind === 'pubrel') {
      state.packetIds.delete(input.packetId);
      this.incoming.onAnswer({ kind: 'pubcomp', packetId: input.packetId });
    } else if (input.kind === 'publish') {
      const { packetId, payload, properties } = input.request;
      // The state ignores a packet id that it has.
      if (!state.packetIds.has(packetId!)) {
        state.published.push(Buffer.from(payload).toString());
        state.hops.push(hopsOf(properties));
      }
      state.packetIds.add(packetId!);
      this.incoming.onAnswer({ kind: 'pubrec', connection: -1, packetId: packetId!, result: 'ok' });
    }
  }

  /** Applies entries of the log. */
  apply(count = Infinity): void {
    for (let applied = 0; applied < count; applied++) {
      const entry = this.#log.shift();
      if (entry === undefined) return;
      entry();
    }
  }

  /** Lets the time of all timers pass. */
  pass(): void {
    for (const run of this.#timers.splice(0)) run();
  }

  give(message: StoredMessage): void {
    this.incoming.onMessage(message);
  }
}

function message(sequence: number, more: Partial<StoredMessage> = {}): StoredMessage {
  return {
    sequence,
    subject: 'a.b',
    payload: Buffer.from(String(sequence)),
    headers: undefined,
    ageSeconds: 0,
    ...more,
  };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('publishes each message once, whenever another member takes over', () => {
  // Each number of applied entries is a point where the former member may have ended.
  for (let applied = 0; applied < 260; applied += 7) {
    const state = new State();
    const former = new Run(state);
    for (const sequence of range(1, 90)) former.give(message(sequence));
    former.apply(applied);
    former.pass();
    former.apply(Math.floor(applied / 3));
    const next = new Run(state);
    expect(next.incoming.nextSequence).toBeLessThanOrEqual(state.published.length + 1);
    for (const sequence of range(next.incoming.nextSequence, 120)) {
      next.give(message(sequence));
      next.apply();
    }
    next.pass();
    next.apply();
    expect(state.published.map(Number)).toEqual(range(1, 120));
    expect(state.packetIds.size).toBe(0);
    expect(state.mark.sequence).toBe(120);
  }
});

test('a packet id that the former member has not released hides no later message', () => {
  const state = new State();
  const former = new Run(state);
  former.give(message(7));
  former.apply();
  former.pass();
  // The mark is applied, and the PUBREL is not.
  former.apply(1);
  expect(state.mark).toMatchObject({ sequence: 7, packetIds: [8] });
  expect(state.packetIds).toEqual(new Set([8]));
  const next = new Run(state);
  next.apply();
  next.give(message(7 + 65_535));
  next.apply();
  expect(state.published).toEqual(['7', '65542']);
});

test('a message waits while an older one with its packet id is not released', async () => {
  const state = new State();
  const run = new Run(state);
  run.give(message(1));
  let hasRoom = false;
  const room = run.incoming.room(1 + 65_535, () => false).then(() => (hasRoom = true));
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  run.apply();
  run.pass();
  run.apply();
  await room;
  expect(state.packetIds.size).toBe(0);
});

test('a reader that has ended does not wait for room', async () => {
  const run = new Run(new State());
  run.give(message(1));
  let isEnded = false;
  const room = run.incoming.room(1 + 65_535, () => isEnded);
  isEnded = true;
  run.incoming.onDisconnected();
  await room;
});

test('a message that finds no room in the memory is read again by the next connection', () => {
  const run = new Run(new State());
  let sequence = 0;
  while (run.faults.length === 0) run.give(message(++sequence, { payload: Buffer.alloc(900) }));
  expect(run.faults).toEqual([expect.stringContaining('more messages than this member keeps in memory')]);
  expect(run.incoming.nextSequence).toBe(sequence);
});

test('the cluster has no room until it accepts a message', () => {
  const run = new Run(new State());
  run.give(message(1));
  const answer = { kind: 'pubrec', connection: -1, packetId: 2 } as const;
  run.incoming.onAnswer({ ...answer, result: 'quotaExceeded' });
  expect(run.full).toEqual([expect.stringContaining('no room')]);
  run.incoming.onAnswer({ ...answer, result: 'ok' });
  expect(run.full.at(-1)).toBeNull();
});

test('a sequence number that is not above the last one ends the connection', () => {
  const run = new Run(new State());
  run.give(message(2));
  run.give(message(2));
  expect(run.faults).toEqual(['the stream has sent its message 2 after 2: it may have been created again']);
});

test('skips messages of other rules and its own, and publishes those of other links as one hop', () => {
  const state = new State();
  const run = new Run(state);
  const storedBy = (session: string): StoredMessage['headers'] => {
    const properties = { userProperties: [['mqtt-cluster-link', 'd/plant']] as const };
    const headers = toHeaders({ qos: 1, retain: false, properties });
    setSession(headers, session);
    return headers;
  };
  run.give(message(1, { subject: 'other' }));
  run.give(message(2, { headers: storedBy('own') }));
  run.give(message(3, { headers: storedBy('other') }));
  run.give(message(4, { subject: 'a.x/y' }));
  run.give(message(5, { payload: Buffer.alloc(2_000) }));
  run.give(message(6));
  run.apply();
  run.pass();
  run.apply();
  expect(state.published).toEqual(['3', '6']);
  expect(state.hops).toEqual([1, 1]);
  expect(state.mark.sequence).toBe(6);
  expect(run.counters.dropped).toMatchObject({ loop: 0, too_large: 1 });
  expect(run.faults).toEqual([expect.stringContaining('members accept 1000')]);
});
