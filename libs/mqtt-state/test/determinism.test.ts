import { accessSemantics, handoverSemantics, semanticsVersion, wholeBytes } from '@mqtt-cluster/contracts';
import type { Command } from '@mqtt-cluster/contracts';
import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';
import fc from 'fast-check';
import { createMqttState, decodeMqttState, encodeBatch } from '../src/index.ts';
import type { BodyCache, MqttState, StateEffect, StateEncoding } from '../src/index.ts';
import { decodeState } from '../src/codec/state-codec.ts';
import { members, steps, topics } from './support/commands-arbitrary.ts';
import type { Step, StepCommand } from './support/commands-arbitrary.ts';
import { dataOf, derivedOf } from './support/derived-data.ts';

/** What an encoding writes between two entries. */
const encodingStep = { values: 2, bytes: 40 };
/** Number of parts of the digests that are compared. */
const partCount = 5;
const clients = ['one', 'two', 'three', '__proto__'];

/** The pages reject every fifth write, so that messages stay in memory longer than others. */
function smallCache(): BodyCache {
  let writes = 0;
  return { pages: new MemoryMessagePages(() => ++writes % 5 > 0), bytesMax: 1_200 };
}

/**
 * Two states that apply the same entries. One of the states is sometimes replaced by its decoded snapshot, and has room for
 * a few messages in memory.
 */
class Replicas {
  readonly plain = createMqttState();
  decoded: MqttState = createMqttState(smallCache());
  /** Members of the current cluster configuration. */
  #named: readonly string[] = members;
  timeMs = 0;
  readonly #homes = new Map(
    members.map((member) => [member, { storeId: `store-${member}`, incarnation: 0, sequence: 0 }]),
  );

  readonly #semantics: number;
  /** Encodings that began some entries ago, and the state's bytes of that time. */
  #encodings: { readonly encoding: StateEncoding; readonly bytes: Uint8Array }[] = [];
  /** Number of the encodings during which the state has changed. */
  encodings = 0;

  constructor(semantics: number) {
    this.#semantics = semantics;
    for (const member of members) this.restart(member, false);
    for (let version = 2; version <= semantics; version++)
      this.#propose('a', [{ kind: 'semantics', version }]);
  }

  run(step: Step): void {
    switch (step.kind) {
      case 'decode':
        this.decoded = decodeMqttState(this.decoded.encode(), smallCache());
        expect(this.decoded.digest()).toBe(this.plain.digest());
        return;
      case 'pass':
        this.timeMs += step.ms;
        return this.#apply(null);
      case 'restart':
        return this.restart(step.member, step.keeps);
      case 'bound': {
        const clusterQueueMemoryMax = Math.max(1, this.plain.counts().queueMemory);
        const settings = { clusterQueueMemoryMax, connectedQueueReserve: 1 };
        return this.#propose('a', [{ kind: 'settings', settings }]);
      }
      case 'repeat':
        return this.#repeat(step.member, step.ahead);
      case 'config':
        return this.#configure(step.members);
      case 'commands':
        return this.#propose(
          step.member,
          step.commands.map((command) => this.#command(command)),
        );
    }
  }

  restart(member: string, keeps: boolean): void {
    const home = this.#home(member);
    const outboxIncarnations = keeps
      ? Array.from({ length: home.incarnation }, (_, earlier) => earlier + 1)
      : [];
    home.incarnation++;
    home.sequence = 0;
    this.#propose(member, [{ kind: 'start', semantics: 1, outboxIncarnations }]);
  }

  /** Ends all connections and sessions, so that the state must be empty afterwards. */
  finish(): void {
    for (const member of members) {
      this.#propose(
        member,
        members.map((lost) => ({ kind: 'lost', member: lost, incarnation: 1_000 })),
      );
    }
    for (const client of clients) {
      const owner = this.plain.session(client)?.owner ?? 'anybody';
      const access = { source: 'jwt', user: owner, address: '', listener: '' } as const;
      const opening = {
        kind: 'open',
        client,
        clean: true,
        expirySeconds: 0,
        receiveMaximum: 1,
        ...(this.plain.semantics >= accessSemantics && { access }),
      } as const;
      const member = this.#named[0] ?? 'a';
      this.#propose(member, [opening]);
      const epoch = this.plain.session(client)?.epoch ?? 0;
      this.#propose(member, [{ kind: 'close', client, epoch, graceful: true }]);
    }
    this.timeMs += 2 ** 43;
    this.#apply(null);
  }

  #home(member: string): { storeId: string; incarnation: number; sequence: number } {
    const home = this.#homes.get(member);
    if (!home) throw new Error(`member ${member} does not exist`);
    return home;
  }

  #propose(member: string, commands: readonly Command[]): void {
    const home = this.#home(member);
    const sequence = home.sequence + 1;
    this.#apply(encodeBatch({ member, ...home, sequence, commands }));
    // Batches of a member outside the configuration are not applied, so its number stays.
    if (this.#named.includes(member)) home.sequence = sequence;
  }

  #repeat(member: string, ahead: number): void {
    const home = this.#home(member);
    if (ahead === 1) return;
    const sequence = home.sequence + ahead;
    // Due timers run with any entry, so they run here, before the comparison.
    this.#apply(null);
    const before = [this.plain.counts(), this.plain.proposer(member)];
    this.#apply(
      encodeBatch({
        member,
        ...home,
        sequence,
        commands: [{ kind: 'open', client: 'nobody', clean: true, expirySeconds: 0, receiveMaximum: 1 }],
      }),
    );
    expect([this.plain.counts(), this.plain.proposer(member)]).toEqual(before);
  }

  #configure(kept: readonly string[]): void {
    this.#named = kept;
    const config = { members: kept.map((id) => ({ id, storeId: `store-${id}`, role: 'voter' as const })) };
    const index = this.plain.index + 1;
    this.#same(this.plain.applyConfig(index, config), this.decoded.applyConfig(index, config));
    // Propose again each start command that was ignored because its member was outside the configuration.
    for (const member of kept) if (this.#home(member).sequence === 0) this.restart(member, false);
  }

  #apply(batch: Uint8Array | null): void {
    const index = this.plain.index + 1;
    this.#same(this.plain.apply(index, this.timeMs, batch), this.decoded.apply(index, this.timeMs, batch));
  }

  #same(plain: readonly StateEffect[], decoded: readonly StateEffect[]): void {
    // The order of effects is not compared, because `queued` effects have no defined order.
    const order = (effects: readonly StateEffect[]): string[] =>
      [...effects].map((effect) => JSON.stringify(effect)).sort();
    expect(order(decoded)).toEqual(order(plain));
    expect(Buffer.compare(this.decoded.encode(), this.plain.encode())).toBe(0);
    expect(this.decoded.digest()).toBe(this.plain.digest());
    // A new digester without cached hashes computes the same digest.
    expect(decodeMqttState(this.plain.encode()).digest()).toBe(this.plain.digest());
    const part = { part: this.plain.index % partCount, parts: partCount };
    expect(this.decoded.digest(part)).toBe(this.plain.digest(part));
    expect(this.decoded.counts()).toEqual(this.plain.counts());
    // Until the next entry with a time, a decoded state lists expiries again that have passed and changed nothing.
    const deadline = this.decoded.nextDeadline();
    if (deadline === null || deadline > this.timeMs) expect(deadline).toBe(this.plain.nextDeadline());
    checkInvariants(this.plain);
    checkInvariants(this.decoded);
    const fresh = derivedOf(decodeState(this.plain.encode()), topics);
    for (const state of [this.plain, this.decoded]) expect(derivedOf(dataOf(state), topics)).toEqual(fresh);
    if (this.#semantics >= handoverSemantics) this.#checkHomes();
    this.#continueEncodings();
  }

  #continueEncodings(): void {
    this.#encodings = this.#encodings.filter(({ encoding, bytes }) => {
      const encoded = encoding.advance(encodingStep);
      if (encoded === null) return true;
      expect(Buffer.compare(wholeBytes(encoded), bytes)).toBe(0);
      this.encodings++;
      return false;
    });
    if (this.#encodings.length > 0) return;
    this.#encodings = [this.plain, this.decoded].map((state) => ({
      encoding: state.beginEncoding(),
      bytes: state.encode(),
    }));
  }

  /** A connected session is at the current incarnation of its home. Otherwise nothing would end its connection (P6). */
  #checkHomes(): void {
    for (const client of clients) {
      const session = this.plain.session(client);
      if (!session?.connected || !session.home) continue;
      const { member, incarnation } = session.home;
      expect(this.plain.proposer(member)).toMatchObject({ incarnation });
    }
  }

  #command(command: StepCommand): Command {
    if (!('old' in command)) return command;
    const { old, ...rest } = command;
    const session = this.plain.session(command.client);
    const current = session?.epoch ?? 0;
    const epoch = old ? (session?.takenOver?.epoch ?? Math.max(0, current - 1)) : current;
    if (rest.kind !== 'progress') return { ...rest, epoch };
    const { client } = rest;
    const items = [...(session?.queue() ?? [])];
    const done = items.filter((item) => item.packetId === 0).slice(rest.take % 2, rest.take);
    const sent = items.filter((item) => item.packetId !== 0).slice(rest.take % 2, rest.take);
    const packetIds = sent.map((item) => item.packetId);
    const part = [
      { done: done.map((item) => item.number) },
      { received: packetIds },
      { completed: packetIds },
    ][rest.what];
    const report = rest.take === 5 ? { sentBelow: (items.at(-1)?.number ?? 1) + (rest.what - 1) } : {};
    return { kind: 'progress', sessions: [{ client, epoch, ...part, ...report }] };
  }
}

function checkInvariants(state: MqttState): void {
  const bodies = new Map<unknown, number>();
  let queuedMessages = 0;
  let subscriptions = 0;
  let sessions = 0;
  for (const client of clients) {
    const session = state.session(client);
    if (!session) continue;
    sessions++;
    subscriptions += session.subscriptions.size;
    const items = [...session.queue()];
    queuedMessages += items.length;
    let bytes = 0;
    for (const item of items) {
      const { message } = item;
      const size = message.payload.length + Buffer.byteLength(message.topic);
      // Sessions share message bodies, and the total contains the size of each body once.
      bodies.set((item as unknown as { body: object }).body, size);
      bytes += size;
    }
    expect([session.queuedMessages, session.queuedBytes]).toEqual([items.length, bytes]);
    const numbers = items.map((item) => item.number);
    expect(numbers).toEqual([...new Set(numbers)].sort((left, right) => left - right));
    const [middle = 0] = numbers.slice(numbers.length >> 1);
    expect([...session.queueFrom(middle)].map((item) => item.number)).toEqual(
      numbers.filter((number) => number >= middle),
    );
    const ids = items.filter((item) => item.packetId !== 0);
    expect(new Set(ids.map((item) => item.packetId)).size).toBe(ids.length);
    expect(ids.every((item) => item.qos === 2 && item.packetId >= 32_768 && item.packetId <= 65_535)).toBe(
      true,
    );
    // Items get packet ids while the window has room. They keep them if a later connection has a smaller
    // window.
    const waiting = items.filter((item) => item.qos === 2 && item.packetId === 0);
    if (waiting.length > 0) expect(ids.length).toBeGreaterThanOrEqual(Math.min(session.receiveMaximum, 100));
    if (session.clean) expect(session.home).not.toBeNull();
  }
  const queuedBytes = [...bodies.values()].reduce((sum, size) => sum + size, 0);
  expect(state.counts()).toMatchObject({ sessions, subscriptions, queuedMessages, queuedBytes });
  expect([...state.retained('#'), ...state.retained('$x')].length).toBeLessThanOrEqual(
    state.counts().retained,
  );
}

/** A message in the window of its client expires, and then a state is decoded. */
const expiryThatPassed: Step[] = [
  {
    kind: 'commands',
    member: 'a',
    commands: [
      { kind: 'open', client: 'one', clean: false, expirySeconds: 0, receiveMaximum: 1, adopt: true },
    ],
  },
  // The commands follow in batches of their own, because each needs the epoch that the first one creates.
  {
    kind: 'commands',
    member: 'a',
    commands: [
      {
        kind: 'subscribe',
        client: 'one',
        old: false,
        subscriptions: [{ filter: '#', qos: 2, noLocal: false, retainAsPublished: false }],
      },
      {
        kind: 'publish',
        client: 'one',
        old: false,
        packetId: 1,
        message: {
          topic: 't',
          payload: new Uint8Array(),
          qos: 2,
          retain: false,
          properties: { messageExpiryInterval: 1 },
        },
      },
    ],
  },
  { kind: 'pass', ms: 60_000 },
  { kind: 'decode' },
  { kind: 'config', members: ['a', 'c'] },
];

/** The home of a connection restarts before the report that the former connection has ended the session. */
const endedByFormerHome: Step[] = [
  ...['a', 'b'].map((member) => ({
    kind: 'commands' as const,
    member,
    commands: [{ kind: 'open' as const, client: 'one', clean: false, expirySeconds: 60, receiveMaximum: 1 }],
  })),
  { kind: 'restart', member: 'b', keeps: false },
  {
    kind: 'commands',
    member: 'a',
    commands: [{ kind: 'close', client: 'one', old: true, graceful: true, expirySeconds: 0 }],
  },
];

/** Half of the histories have the newest version, whose invariants are the strictest. */
const semanticsVersions = fc.oneof(
  fc.integer({ min: 1, max: semanticsVersion }),
  fc.constant(semanticsVersion),
);

/** The environment variable RUNS sets the number of random histories. */
const runs = Number(process.env['RUNS'] ?? 40);

test('two states with the same entries encode to the same bytes, also after a restore and while entries are applied', () => {
  let encodings = 0;
  fc.assert(
    fc.property(steps, semanticsVersions, (sequence, semantics) => {
      const replicas = new Replicas(semantics);
      for (const step of sequence) replicas.run(step);
      replicas.finish();
      encodings += replicas.encodings;
      expect(replicas.plain.counts()).toMatchObject({
        sessions: 0,
        connected: 0,
        subscriptions: 0,
        queuedMessages: 0,
        queuedBytes: 0,
        queueMemory: 0,
        subscriptionBytes: 0,
        willBytes: 0,
      });
      expect(replicas.plain.nextDeadline()).toBeNull();
    }),
    {
      numRuns: runs,
      examples: [
        [expiryThatPassed, 3],
        [endedByFormerHome, handoverSemantics],
      ],
    },
  );
  expect(encodings).toBeGreaterThan(runs);
});
