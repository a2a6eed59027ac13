import type { Command } from '@mqtt-cluster/contracts';
import { defaultLimits } from '../src/index.ts';
import type { PendingCommand } from '../src/log/pending-command.ts';
import { WaitingCommands } from '../src/log/waiting-commands.ts';
import { TestCluster } from './cluster.ts';

const limits = {
  ...defaultLimits,
  batchBytesMax: 64 * 1024,
  largeCommandBytes: 4 * 1024,
  largeInFlightBytesMax: 64 * 1024,
};

function pendingOf(command: Command): PendingCommand {
  return {
    command,
    request: null,
    answered: false,
    deliveredEarly: false,
    receivedMs: 0,
    receivedIndex: 0,
  };
}

let number = 0;

function publish(client: string, bytes: number): PendingCommand {
  const message = { topic: `t/${number++}`, payload: new Uint8Array(bytes), qos: 1 as const, retain: false };
  return pendingOf({ kind: 'publish', client, message });
}

function clientsOf(commands: readonly PendingCommand[]): string[] {
  return commands.map(({ command }) => ('client' in command ? String(command.client) : command.kind));
}

/** Takes batches until nothing waits. Large commands have no bound. */
function drain(waiting: WaitingCommands): PendingCommand[][] {
  const batches: PendingCommand[][] = [];
  for (;;) {
    const { commands } = waiting.take(null);
    if (commands.length === 0) return batches;
    batches.push(commands);
  }
}

describe('the commands of a home that wait for a batch', () => {
  test('keep their order while they are small and fit into one batch', () => {
    const waiting = new WaitingCommands(limits);
    const added = Array.from({ length: 40 }, (_, index) => publish(`c${index % 3}`, 100));
    for (const pending of added) waiting.add(pending);
    expect(waiting.take(0).commands).toEqual(added);
    expect([waiting.size, waiting.bytes, waiting.canTake(0)]).toEqual([0, 0, false]);
  });

  test('let a small command leave with the next batch, however many large ones came before', () => {
    const waiting = new WaitingCommands(limits);
    for (let count = 0; count < 600; count++) waiting.add(publish(`greedy${count % 60}`, 30_000));
    waiting.add(publish('modest', 50));
    const { commands, largeBytes } = waiting.take(0);
    expect(clientsOf(commands)).toContain('modest');
    expect(largeBytes).toBeLessThanOrEqual(limits.largeInFlightBytesMax);
  });

  test('let a small command pass the clients that fill many batches with small commands', () => {
    const waiting = new WaitingCommands(limits);
    for (let count = 0; count < 6_000; count++) waiting.add(publish(`greedy${count % 20}`, 1_000));
    waiting.add(publish('modest', 50));
    const before = drain(waiting).findIndex((commands) => clientsOf(commands).includes('modest'));
    // The common queue, then one turn of each client.
    expect(before).toBeLessThanOrEqual(2);
  });

  test('keep the order of each client, and lose none', () => {
    const waiting = new WaitingCommands(limits);
    const added = Array.from({ length: 900 }, (_, index) =>
      publish(`c${(index * 7) % 13}`, [10, 6_000, 90_000, 300][(index * 5) % 4]!),
    );
    const taken: PendingCommand[] = [];
    for (const [index, pending] of added.entries()) {
      waiting.add(pending);
      if (index % 50 === 49) taken.push(...waiting.take(null).commands);
    }
    taken.push(...drain(waiting).flat());
    const of = (all: readonly PendingCommand[], client: string) =>
      all.filter(({ command }) => command.kind === 'publish' && command.client === client);
    for (let client = 0; client < 13; client++)
      expect(of(taken, `c${client}`)).toEqual(of(added, `c${client}`));
    expect(taken).toHaveLength(900);
    expect([waiting.size, waiting.bytes]).toEqual([0, 0]);
  });

  test('keep the close of a client behind its large publishes, and behind its report in the common queue', () => {
    const waiting = new WaitingCommands(limits);
    const progress = pendingOf({
      kind: 'progress',
      sessions: [
        { client: 'greedy', epoch: 1, done: [1] },
        { client: 'other', epoch: 2, done: [1] },
      ],
    });
    waiting.add(publish('greedy', 100_000));
    waiting.add(progress);
    const close = pendingOf({ kind: 'close', client: 'greedy', epoch: 1, graceful: true });
    waiting.add(close);
    const order = drain(waiting).flat();
    expect(order).toHaveLength(3);
    expect(order.at(-1)).toBe(close);
    expect(order.indexOf(progress)).toBeLessThan(order.indexOf(close));
  });

  test('with large bytes wait while other large ones are on their way, and small ones do not', () => {
    const waiting = new WaitingCommands(limits);
    waiting.add(publish('greedy', 50_000));
    waiting.add(publish('greedy', 50_000));
    const first = waiting.take(0);
    expect(first.commands).toHaveLength(1);
    expect(waiting.canTake(first.largeBytes)).toBe(false);
    waiting.add(publish('modest', 50));
    expect(clientsOf(waiting.take(first.largeBytes).commands)).toEqual(['modest']);
    expect(clientsOf(waiting.take(0).commands)).toEqual(['greedy']);
  });

  test('leave with one command at least, if it is larger than every bound', () => {
    const waiting = new WaitingCommands(limits);
    waiting.add(publish('greedy', 500_000));
    expect(waiting.canTake(0)).toBe(true);
    expect(waiting.take(0).commands).toHaveLength(1);
  });

  test('get at least half of each batch in their lanes, however many small commands follow', () => {
    const waiting = new WaitingCommands(limits);
    for (let count = 0; count < 70; count++) waiting.add(publish(`early${count}`, 1_000));
    waiting.add(publish('late', 1_000));
    const order: string[] = [];
    for (let count = 0; count < 4; count++) {
      for (let more = 0; more < 40; more++) waiting.add(publish(`new${count}-${more}`, 1_000));
      order.push(...clientsOf(waiting.take(0).commands));
    }
    expect(order).toContain('late');
  });
});

describe('a home', () => {
  const connect = (cluster: TestCluster, id: string, connection: number): void => {
    const request = { client: `c${connection}`, clean: true, sessionExpirySeconds: 0, receiveMaximum: 100 };
    cluster.member(id).input(connection, { kind: 'connect', request });
    cluster.run(300);
  };
  const send = (
    cluster: TestCluster,
    id: string,
    connection: number,
    packetId: number,
    bytes: number,
  ): void =>
    cluster.member(id).input(connection, {
      kind: 'publish',
      request: { topic: 't', payload: new Uint8Array(bytes), qos: 1, retain: false, packetId },
    });

  test('acknowledges a small publish before the large ones of another client that arrived earlier', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    connect(cluster, 'a', 1);
    connect(cluster, 'a', 2);
    for (let packetId = 1; packetId <= 60; packetId++) send(cluster, 'a', 1, packetId, 200_000);
    send(cluster, 'a', 2, 1, 50);
    cluster.effects.set('a', []);
    cluster.run(2_000);
    const pubacks = cluster.effects.get('a')!.filter(({ kind }) => kind === 'puback');
    expect(pubacks).toHaveLength(61);
    expect(pubacks.findIndex(({ connection }) => connection === 2)).toBeLessThanOrEqual(2);
  });

  test('refuses the publishes of a client that fills the waiting commands, and accepts those of another client', () => {
    const limits = { ...defaultLimits, outboxBytesMax: 4_000_000 };
    const cluster = new TestCluster(['a', 'b', 'c'], { limits, whenIsolated: 'hold' });
    cluster.serve();
    connect(cluster, 'a', 1);
    connect(cluster, 'a', 2);
    cluster.effects.set('a', []);
    for (let packetId = 1; packetId <= 60; packetId++) send(cluster, 'a', 1, packetId, 200_000);
    for (let packetId = 61; packetId <= 400; packetId++) send(cluster, 'a', 1, packetId, 1_000);
    send(cluster, 'a', 2, 1, 5_000);
    cluster.run(2_000);
    const resultsOf = (connection: number) =>
      cluster.effects
        .get('a')!
        .flatMap((effect) =>
          effect.kind === 'puback' && effect.connection === connection ? [effect.result] : [],
        );
    expect(resultsOf(1)).toContain('quotaExceeded');
    expect(resultsOf(2)).toEqual(['ok']);
  });
});
