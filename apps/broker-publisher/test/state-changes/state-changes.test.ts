import { accessSemantics } from '@mqtt-cluster/contracts';
import type { ClientEffect, ClientInput, Member, MemberId, RecoveredState } from '@mqtt-cluster/contracts';
import { createMember, defaultLimits, lanMemberTimings } from '@mqtt-cluster/member';
import { until } from '@mqtt-cluster/testing';
import { MemberRunner } from '../../src/node/member-runner.ts';
import { StateChanges } from '../../src/state-changes/state-changes.ts';

const ids = ['a', 'b', 'c'];

function recovered(position: number): RecoveredState {
  return {
    storeId: String(position).padStart(32, '0'),
    incarnation: 1,
    fresh: true,
    hardState: { term: 0, votedFor: null },
    snapshot: null,
    entries: [],
    outbox: [],
    repairs: [],
  };
}

/** Three members in this process without disks and sockets. */
class Members {
  readonly runners = new Map<MemberId, MemberRunner>();
  readonly changes = new Map<MemberId, StateChanges>();
  readonly effects: ClientEffect[] = [];
  /** The member that no message reaches and that sends none. */
  cut: MemberId | null = null;

  async start(): Promise<void> {
    for (const [position, id] of ids.entries()) {
      const member = createMember({
        id,
        members: ids,
        urls: [],
        recovered: recovered(position),
        whenIsolated: 'accept',
        timings: lanMemberTimings,
        limits: defaultLimits,
        random: () => (position + 1) / 4,
      });
      const runner = new MemberRunner({
        id,
        member,
        store: { write: async () => {} },
        now: () => performance.now(),
        onEvents: () => {},
        onFatal: (error) => {
          throw error;
        },
      });
      const changes = new StateChanges(runner);
      runner.onEffects((effects) => {
        this.effects.push(...effects);
        changes.onEffects(effects);
      });
      runner.attachBridge({
        send: (messages) => {
          for (const { to, message } of messages) {
            if (this.cut === id || this.cut === to) continue;
            setImmediate(() => this.runners.get(to)?.receive(id, message));
          }
        },
      });
      this.runners.set(id, runner);
      this.changes.set(id, changes);
    }
    for (const runner of this.runners.values()) await runner.start();
    for (const [id, runner] of this.runners) for (const peer of ids) if (peer !== id) runner.link(peer, 'up');
    const isReady = (runner: MemberRunner): boolean =>
      runner.status().state === 'serving' && runner.status().semantics >= accessSemantics;
    await until(() => [...this.runners.values()].every(isReady));
  }

  async stop(): Promise<void> {
    for (const runner of this.runners.values()) await runner.stop();
  }

  isolate(id: MemberId): void {
    this.cut = id;
    for (const peer of ids) {
      if (peer === id) continue;
      this.runners.get(id)!.link(peer, 'down');
      this.runners.get(peer)!.link(id, 'down');
    }
  }

  rejoin(): void {
    const id = this.cut!;
    this.cut = null;
    for (const peer of ids) {
      if (peer === id) continue;
      this.runners.get(id)!.link(peer, 'up');
      this.runners.get(peer)!.link(id, 'up');
    }
  }

  read<T>(id: MemberId, read: (member: Member) => T): T {
    return this.runners.get(id)!.readMember(read);
  }

  /** Sends inputs of one client and waits for an effect of this kind. */
  async act(id: MemberId, connection: number, awaited: ClientEffect['kind'], ...inputs: ClientInput[]) {
    const from = this.effects.length;
    for (const input of inputs) this.runners.get(id)!.input(connection, input);
    await until(() =>
      this.effects.slice(from).some((effect) => effect.connection === connection && effect.kind === awaited),
    );
  }

  async connect(id: MemberId, connection: number, client: string, changes: object = {}): Promise<void> {
    const request = { client, clean: false, sessionExpirySeconds: 3_600, receiveMaximum: 10, ...changes };
    await this.act(id, connection, 'connack', { kind: 'connect', request });
  }

  async subscribe(id: MemberId, connection: number, filter: string): Promise<void> {
    const subscriptions = [{ filter, qos: 1 as const }];
    await this.act(id, connection, 'suback', { kind: 'subscribe', packetId: 1, subscriptions });
  }

  delivered(connection: number): string[] {
    return this.effects.flatMap((effect) =>
      effect.kind === 'deliver' && effect.connection === connection ? [effect.message.topic] : [],
    );
  }
}

let members: Members;

beforeEach(async () => {
  members = new Members();
  await members.start();
});

afterEach(() => members.stop());

const payload = new TextEncoder().encode('m');
const retained = (id: MemberId): string[] =>
  members.read(id, (member) =>
    member
      .view()
      .retainedAfter('#', null, 1_000, 10_000)
      .items.map(({ message }) => message.topic),
  );

test.each(['a', 'b'])(
  'deletes the session of a client that is connected to member a, at member %s, and publishes its will at once [5.0 MQTT-3.1.2-8]',
  async (id) => {
    await members.connect('c', 7, 'watcher');
    await members.subscribe('c', 7, 'will');
    const will = { topic: 'will', payload, qos: 1, retain: false, delaySeconds: 300 } as const;
    await members.connect('a', 1, 'client', { will });
    await members.subscribe('a', 1, 'x');
    await expect(members.changes.get(id)!.deleteSession('client')).resolves.toBe(true);
    expect(members.read(id, (member) => member.view().session('client'))).toBeUndefined();
    expect(members.effects).toContainEqual({ kind: 'close', connection: 1, reason: 'takenOver' });
    await until(() => members.delivered(7).length > 0);
    expect(members.delivered(7)).toEqual(['will']);
  },
);

test('deletes the session of an absent client that belongs to a user, with its queue', async () => {
  const access = { source: 'jwt', user: 'ada', address: '', listener: 'tcp' } as const;
  await members.connect('a', 1, 'client', { access });
  await members.subscribe('a', 1, 'x');
  members.runners.get('a')!.input(1, { kind: 'disconnect', graceful: true });
  await members.changes.get('b')!.publish({ topic: 'x', payload, qos: 1, retain: false });
  expect(members.read('b', (member) => member.view().session('client'))).toMatchObject({
    owner: 'ada',
    queuedMessages: 1,
  });
  await expect(members.changes.get('b')!.deleteSession('client')).resolves.toBe(true);
  await expect(members.changes.get('b')!.deleteSession('client')).resolves.toBe(false);
  expect(members.runners.get('b')!.status()).toMatchObject({ queuedMessages: 0, subscriptions: 0 });
});

test('deletes more retained messages than may wait for the cluster, and skips topics without one', async () => {
  const changes = members.changes.get('b')!;
  const topics = Array.from({ length: 200 }, (_, number) => `r/${number}`);
  for (const topic of [...topics, 'kept']) await publishRetained('b', topic);
  await expect(changes.deleteRetained([...topics, 'none'])).resolves.toBe(200);
  expect(retained('b')).toEqual(['kept']);
});

async function publishRetained(id: MemberId, topic: string): Promise<void> {
  if (!members.read(id, (member) => member.view().session('setter')?.connected))
    await members.connect(id, 9, 'setter', { clean: true, sessionExpirySeconds: 0 });
  const request = { topic, payload, qos: 1, retain: true, packetId: 1 } as const;
  await members.act(id, 9, 'puback', { kind: 'publish', request });
}

test.each([0, 1, 2] as const)(
  'publishes a message with QoS %i to a subscriber of another member, and leaves no session',
  async (qos) => {
    await members.connect('a', 1, 'sub');
    await members.subscribe('a', 1, 'x');
    const outcome = await members.changes.get('b')!.publish({ topic: 'x', payload, qos, retain: false });
    expect(outcome).toEqual({ noSubscribers: false });
    await until(() => members.delivered(1).length > 0);
    await until(() => members.runners.get('b')!.status().sessions === 1);
    expect(members.runners.get('b')!.status().connections).toBe(0);
  },
);

test('reports that no session subscribes to the topic of a message', async () => {
  const outcome = await members.changes.get('b')!.publish({ topic: 'none', payload, qos: 1, retain: false });
  expect(outcome).toEqual({ noSubscribers: true });
});

test('refuses every change without a majority in one sentence, and stores nothing in the outbox', async () => {
  await members.connect('b', 1, 'client');
  await publishRetained('b', 'r');
  await until(() => retained('a').length > 0);
  members.isolate('a');
  await until(() => members.runners.get('a')!.status().state === 'isolated');
  const changes = members.changes.get('a')!;
  const refusal = 'this member has no majority: the state can change only with a majority';
  await expect(changes.deleteSession('client')).rejects.toThrow(refusal);
  await expect(changes.deleteRetained(['r'])).rejects.toThrow(refusal);
  await expect(changes.publish({ topic: 'x', payload, qos: 1, retain: true })).rejects.toThrow(refusal);
  expect(members.runners.get('a')!.status()).toMatchObject({ outboxItems: 0, connections: 0 });
});

test('waits for the leader while the cluster elects one', async () => {
  const runner = members.runners.get('b')!;
  let questions = 0;
  const changes = new StateChanges({
    input: (id, input) => runner.input(id, input),
    readMember: (read) => runner.readMember(read),
    // The election lasts for the first three questions.
    status: () => ({ ...runner.status(), ...(++questions <= 3 && { leader: null }) }),
  });
  runner.onEffects((effects) => changes.onEffects(effects));
  await publishRetained('a', 'r');
  await until(() => retained('b').length > 0);
  expect(await changes.deleteRetained(['r'])).toBe(1);
  expect(retained('b')).toEqual([]);
  expect(questions).toBeGreaterThan(3);
});

test('a deletion that began before the loss of the majority is refused and does not take effect later', async () => {
  await members.connect('b', 1, 'client');
  await until(() => members.read('a', (member) => member.view().session('client') !== undefined));
  members.cut = 'a';
  const deletion = members.changes.get('a')!.deleteSession('client');
  const rejected = expect(deletion).rejects.toThrow('majority');
  members.isolate('a');
  await rejected;
  members.rejoin();
  await until(() => members.runners.get('a')!.status().state === 'serving');
  await until(() => members.runners.get('a')!.status().pendingCommands === 0);
  expect(members.read('b', (member) => member.view().session('client'))).toMatchObject({ connected: true });
});

test('refuses more changes than its bound allows', async () => {
  const changes = members.changes.get('a')!;
  const message = { topic: 'x', payload, qos: 1, retain: false } as const;
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => changes.publish(message)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(32);
  await expect(changes.publish(message)).resolves.toEqual({ noSubscribers: true });
});
