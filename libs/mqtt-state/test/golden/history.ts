import {
  accessSemantics,
  conformanceSemantics,
  handoverSemantics,
  largeStateSemantics,
} from '@mqtt-cluster/contracts';
import type { ClusterConfig, Command } from '@mqtt-cluster/contracts';
import { createMqttState, encodeBatch } from '../../src/index.ts';
import type { MqttState } from '../../src/index.ts';
import { bytes, openCommand, publishCommand } from '../support/state-driver.ts';

/** One entry of the recorded log and the digest of the state after it. */
export interface RecordedEntry {
  readonly index: number;
  readonly timeMs: number;
  readonly batch: Uint8Array | null;
  readonly config: ClusterConfig | null;
  readonly digest: string;
}

interface Proposer {
  readonly storeId: string;
  incarnation: number;
  sequence: number;
}

/** Applies commands of three members to a new state and records each entry. */
class Recording {
  readonly state: MqttState = createMqttState();
  readonly entries: RecordedEntry[] = [];
  readonly #proposers = new Map<string, Proposer>();
  readonly #semantics: number;
  #timeMs = 1_000;

  /** @param semantics the newest version that the members support */
  constructor(semantics: number) {
    this.#semantics = semantics;
  }

  pass(ms: number): void {
    this.#timeMs += ms;
    this.#append(null, null);
  }

  config(members: readonly string[]): void {
    this.#append(null, {
      members: members.map((id, place) => ({
        id,
        storeId: storeIdOf(id),
        role: place < 2 ? 'voter' : 'learner',
      })),
    });
  }

  start(member: string, outboxIncarnations: readonly number[] = []): void {
    const incarnation = (this.#proposers.get(member)?.incarnation ?? 0) + 1;
    this.#proposers.set(member, { storeId: storeIdOf(member), incarnation, sequence: 0 });
    this.propose(member, { kind: 'start', semantics: this.#semantics, outboxIncarnations });
  }

  propose(member: string, ...commands: Command[]): void {
    const proposer = this.#proposers.get(member);
    if (proposer === undefined) throw new Error(`${member} has not started.`);
    proposer.sequence++;
    this.#append(encodeBatch({ member, ...proposer, commands }), null);
  }

  epoch(client: string): number {
    const session = this.state.session(client);
    if (session === undefined) throw new Error(`${client} has no session.`);
    return session.epoch;
  }

  /** Packet identifiers of the client's QoS 2 exchanges in progress. */
  packetIds(client: string): number[] {
    return [...(this.state.session(client)?.queue() ?? [])]
      .map(({ packetId }) => packetId)
      .filter((id) => id > 0);
  }

  #append(batch: Uint8Array | null, config: ClusterConfig | null): void {
    const index = this.state.index + 1;
    if (config !== null) this.state.applyConfig(index, config);
    else this.state.apply(index, this.#timeMs, batch);
    this.entries.push({ index, timeMs: this.#timeMs, batch, config, digest: this.state.digest() });
  }
}

function storeIdOf(member: string): string {
  return member.repeat(32).slice(0, 32);
}

/** A log whose state contains every kind of data that a snapshot can hold. */
export function recordHistory(semantics: 1 | 2 | 3 | 4 | 5 | 6): {
  state: MqttState;
  entries: readonly RecordedEntry[];
} {
  const log = new Recording(Math.max(semantics, 2));
  log.config(['a', 'b', 'c']);
  for (const member of ['a', 'b', 'c']) log.start(member);
  for (let version = 2; version <= semantics; version++) log.propose('a', { kind: 'semantics', version });
  log.propose('a', {
    kind: 'settings',
    settings: { queuedMessagesMax: 7, queueFull: 'drop-oldest', incomingMax: 3 },
  });
  retainedMessages(log);
  subscribers(log);
  publishers(log);
  endings(log);
  if (semantics >= conformanceSemantics) conformingSessions(log);
  if (semantics >= accessSemantics) usersAndOwners(log);
  if (semantics >= largeStateSemantics) stalledSubscriber(log);
  if (semantics >= handoverSemantics) handovers(log);
  return log;
}

function retainedMessages(log: Recording): void {
  const properties = { messageExpiryInterval: 60, contentType: 'text/plain' };
  log.propose(
    'a',
    publishCommand('plant/1/state', 'on', 1, { retain: true, properties }),
    publishCommand('plant/2/state', 'off', 2, { retain: true }),
    publishCommand('plant/3/state', 'zero', 0, { retain: true }),
    publishCommand('plant/4/state', 'cleared below', 1, { retain: true }),
    publishCommand('$app/state', 'up', 1, { retain: true }),
  );
  log.propose('a', publishCommand('plant/4/state', '', 1, { retain: true }));
  log.propose(
    'b',
    publishCommand('plant/5/state', 'island', 1, { retain: true, isolatedSince: log.state.index }),
  );
}

function subscribers(log: Recording): void {
  const will = {
    topic: 'wills/sub',
    payload: bytes('gone'),
    qos: 1,
    retain: true,
    delaySeconds: 20,
  } as const;
  log.propose(
    'a',
    openCommand('sub', { receiveMaximum: 2, will }),
    openCommand('shared-1', { receiveMaximum: 1 }),
  );
  log.propose('b', openCommand('shared-2'), openCommand('clean', { clean: true, expirySeconds: 0 }));
  log.propose('c', openCommand('away', { expirySeconds: 50 }));
  log.propose('a', {
    kind: 'subscribe',
    client: 'sub',
    epoch: log.epoch('sub'),
    subscriptions: [
      { filter: 'plant/+/state', qos: 2, subscriptionIdentifier: 5, retainAsPublished: true },
      { filter: 'jobs/#', qos: 1, noLocal: true, retainHandling: 2, subscriptionIdentifier: 6 },
      { filter: 'dropped/#', qos: 0 },
    ],
  });
  log.propose('a', {
    kind: 'unsubscribe',
    client: 'sub',
    epoch: log.epoch('sub'),
    filters: ['dropped/#', 'never'],
  });
  for (const [member, client] of [
    ['a', 'shared-1'],
    ['b', 'shared-2'],
    ['b', 'clean'],
  ] as const) {
    const subscriptions = [{ filter: '$share/workers/jobs/+', qos: 2 } as const];
    log.propose(member, { kind: 'subscribe', client, epoch: log.epoch(client), subscriptions });
  }
  const subscriptions = [{ filter: '#', qos: 1 } as const];
  log.propose('c', { kind: 'subscribe', client: 'away', epoch: log.epoch('away'), subscriptions });
  log.propose('c', {
    kind: 'close',
    client: 'away',
    epoch: log.epoch('away'),
    graceful: true,
    expirySeconds: 40,
  });
}

function publishers(log: Recording): void {
  log.propose('b', openCommand('pub'));
  const by = { client: 'pub', epoch: log.epoch('pub') };
  for (let number = 1; number <= 12; number++) {
    log.propose(
      'b',
      publishCommand(`jobs/${number}`, `job ${number}`, number % 2 === 0 ? 2 : 1, {
        ...by,
        packetId: number,
      }),
    );
    log.pass(100);
  }
  log.propose('b', publishCommand('jobs/4', 'again', 2, { ...by, packetId: 4 }));
  log.propose('b', { kind: 'release', ...by, packetId: 2 });
  log.propose('a', {
    kind: 'progress',
    sessions: [{ client: 'sub', epoch: log.epoch('sub'), done: [1, 2] }],
  });
  const [first = 0, second = 0] = log.packetIds('shared-1');
  const shared = { client: 'shared-1', epoch: log.epoch('shared-1') };
  log.propose('a', { kind: 'progress', sessions: [{ ...shared, received: [first, second] }] });
  log.propose('a', { kind: 'progress', sessions: [{ ...shared, completed: [second] }] });
}

function endings(log: Recording): void {
  // Member b restarts with an outbox, so its sessions wait for their clients.
  log.start('b', [1]);
  log.propose('b', {
    kind: 'recover',
    incarnation: 1,
    sequence: 90,
    publishes: [publishCommand('jobs/recovered', 'from the outbox', 1, { isolatedSince: 5 })],
  });
  log.propose('c', openCommand('adopted', { clean: true, expirySeconds: 0, adopt: true }));
  log.propose('c', openCommand('clean', { clean: true, expirySeconds: 0, adopt: true }));
  log.propose('a', { kind: 'close', client: 'sub', epoch: log.epoch('sub'), graceful: false });
  log.propose('a', { kind: 'time' });
  log.propose('c', openCommand('lost-one', { expirySeconds: 1_000 }));
  log.propose('a', { kind: 'lost', member: 'c', incarnation: 1, epochMax: log.epoch('lost-one') });
  log.propose('c', openCommand('after-lost'));
  log.pass(500);
}

/** Sessions with the data that exists from `conformanceSemantics` on. */
function conformingSessions(log: Recording): void {
  // A subscription whose retained messages are not all queued yet, with one queued early.
  for (let number = 0; number < 20; number++) {
    log.propose('a', publishCommand(`many/${number}`, `value ${number}`, 1, { retain: true }));
  }
  log.propose('a', openCommand('cursor'));
  const cursor = { client: 'cursor', epoch: log.epoch('cursor') };
  const subscriptions = [{ filter: 'many/#', qos: 1 } as const];
  log.propose('a', { kind: 'subscribe', ...cursor, subscriptions });
  log.propose('b', publishCommand('many/9', 'newer', 1));
  log.propose('a', { kind: 'progress', sessions: [{ ...cursor, done: [1], sentBelow: 3 }] });

  // A connection with a will that the client's next connection has taken over.
  const will = {
    topic: 'wills/former',
    payload: bytes('former'),
    qos: 1,
    retain: false,
    delaySeconds: 0,
  } as const;
  log.propose('a', openCommand('former', { will }));
  log.propose('c', openCommand('former'));

  // A message that expires while its session is away.
  log.propose('c', openCommand('expiring', { expirySeconds: 100 }));
  const expiring = { client: 'expiring', epoch: log.epoch('expiring') };
  log.propose('c', { kind: 'subscribe', ...expiring, subscriptions: [{ filter: 'short/#', qos: 1 }] });
  log.propose('c', { kind: 'close', ...expiring, graceful: true });
  for (const messageExpiryInterval of [1, 600])
    log.propose('b', publishCommand('short/1', 'lived', 1, { properties: { messageExpiryInterval } }));
  log.pass(1_500);
}

/** Users, rules and owners of sessions, which exist from `accessSemantics` on. */
function usersAndOwners(log: Recording): void {
  log.propose('a', {
    kind: 'access',
    users: [
      { name: 'ada', passwordHash: '$scrypt$ada', groups: ['plant'], role: 'operator' },
      { name: 'bob', passwordHash: '$scrypt$bob', groups: [] },
      { name: 'eve', passwordHash: '$scrypt$eve', groups: ['plant'] },
    ],
    rules: [
      { effect: 'deny', actions: ['publish'], topics: ['wills/denied'], users: ['ada'] },
      {
        effect: 'allow',
        actions: ['publish', 'subscribe'],
        topics: ['wills/#'],
        groups: ['plant'],
        qosMax: 1,
      },
    ],
  });
  const place = { address: '10.0.0.1', listener: 'default' } as const;
  const will = { topic: 'wills/ada', payload: bytes('ada'), qos: 1, retain: false } as const;
  const ada = { source: 'cluster', user: 'ada', ...place } as const;
  const eve = { source: 'cluster', user: 'eve', ...place } as const;
  const jwt = { source: 'jwt', user: 'token', groups: ['plant'], willGranted: true, ...place } as const;
  log.propose(
    'a',
    openCommand('of-ada', { access: ada, will: { ...will, delaySeconds: 3_000 } }),
    openCommand('of-ada-denied', {
      clean: true,
      expirySeconds: 0,
      access: ada,
      will: { ...will, topic: 'wills/denied', delaySeconds: 0 },
    }),
    openCommand('of-token', { access: jwt, will: { ...will, topic: 'elsewhere', delaySeconds: 0 } }),
    openCommand('of-eve', { access: eve, will: { ...will, delaySeconds: 0 } }),
    openCommand('of-anyone', { access: { source: 'anonymous', ...place } }),
  );
  for (const client of ['of-ada', 'of-ada-denied'])
    log.propose('a', { kind: 'close', client, epoch: log.epoch(client), graceful: false });
  // The session of another user, and a connection with a will that its owner takes over.
  log.propose('b', openCommand('of-ada', { access: jwt }), openCommand('of-token', { access: jwt }));
  log.propose('c', {
    kind: 'access',
    users: [{ name: 'bob', passwordHash: '', groups: ['x'] }],
    removed: ['eve'],
  });
  log.propose('c', openCommand('of-eve', { access: eve }), openCommand('of-anyone', { access: ada }));
  log.propose('b', openCommand('revoked', { access: jwt, will: { ...will, delaySeconds: 0 } }));
  log.propose('b', { kind: 'revoke', user: 'token', source: 'jwt', client: 'revoked' });
}

/** A connected session above the reserve, which loses messages to an absent session from `largeStateSemantics` on. */
function stalledSubscriber(log: Recording): void {
  log.propose('a', {
    kind: 'settings',
    settings: { queuedMessagesMax: 100, clusterQueueMemoryMax: 20_000, connectedQueueReserve: 2_000 },
  });
  for (const client of ['stalled', 'absent']) {
    log.propose('a', openCommand(client, { expirySeconds: 1_000 }));
    const subscriptions = [{ filter: `${client}/#`, qos: 1 } as const];
    log.propose('a', { kind: 'subscribe', client, epoch: log.epoch(client), subscriptions });
  }
  log.propose('a', { kind: 'close', client: 'absent', epoch: log.epoch('absent'), graceful: true });
  const payload = 'x'.repeat(400);
  for (let number = 0; number < 30; number++) log.propose('b', publishCommand('stalled/1', payload, 1));
  for (let number = 0; number < 3; number++) log.propose('b', publishCommand('absent/1', payload, 1));
}

/** A session that begins anew at a restarted home, and moves within a shared subscription at the bound of the cluster. */
function handovers(log: Recording): void {
  const will = {
    topic: 'wills/anew',
    payload: bytes('anew'),
    qos: 1,
    retain: false,
    delaySeconds: 0,
  } as const;
  log.propose('a', openCommand('anew'));
  const former = { client: 'anew', epoch: log.epoch('anew') };
  log.propose('b', openCommand('anew', { will, expirySeconds: 1_000 }));
  log.start('b');
  log.propose('a', { kind: 'close', ...former, graceful: true, expirySeconds: 0 });

  for (const client of ['moving-1', 'moving-2']) {
    log.propose('a', openCommand(client, { expirySeconds: 1_000 }));
    const subscriptions = [{ filter: '$share/moving/moving/#', qos: 1 } as const];
    log.propose('a', { kind: 'subscribe', client, epoch: log.epoch(client), subscriptions });
  }
  for (let number = 0; number < 8; number++) log.propose('b', publishCommand('moving/1', 'x'.repeat(400), 1));
  const clusterQueueMemoryMax = log.state.counts().queueMemory;
  log.propose('a', { kind: 'settings', settings: { clusterQueueMemoryMax, connectedQueueReserve: 1 } });
  log.propose('a', { kind: 'close', client: 'moving-1', epoch: log.epoch('moving-1'), graceful: true });
}
