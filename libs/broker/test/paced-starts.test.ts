import { handshakesPerTurnMax, PacedStarts } from '../src/flow-control/paced-starts.ts';
import { connectPacket, open, startBroker } from './support/driver.ts';
import { collectGarbage } from '@mqtt-cluster/testing';
import { openFrom } from './limits/support.ts';

/** Runs the turns when the test says so. @param perTurnMax most starts of one turn */
function manualTurns(perTurnMax = handshakesPerTurnMax) {
  const scheduled: (() => void)[] = [];
  let nowMs = 0;
  const turns = new PacedStarts(
    perTurnMax,
    (turn) => scheduled.push(turn),
    () => nowMs,
  );
  const next = (afterMs = 0): number => {
    nowMs += afterMs;
    const due = scheduled.splice(0);
    for (const turn of due) turn();
    return due.length;
  };
  return { turns, next };
}

describe('the handshakes of a listener', () => {
  test('start in order, at most four in each turn', () => {
    const { turns, next } = manualTurns();
    const started: number[] = [];
    const perTurn: number[] = [];
    for (let number = 0; number < 10; number++) turns.add(() => started.push(number) > 0);
    do perTurn.push(started.length - perTurn.reduce((sum, count) => sum + count, 0));
    while (next() > 0);
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(perTurn.slice(0, 3)).toEqual([4, 4, 2]);
    expect(turns.waiting).toBe(0);
  });

  test('of newcomers do not overtake those that wait', () => {
    const { turns, next } = manualTurns();
    const started: string[] = [];
    for (let number = 0; number < 6; number++) turns.add(() => started.push(`first${number}`) > 0);
    next();
    turns.add(() => started.push('later') > 0);
    expect(started).toHaveLength(7);
    for (let number = 0; number < 6; number++) turns.add(() => started.push(`more${number}`) > 0);
    expect(started.slice(-1)).toEqual(['more0']);
    next();
    next();
    expect(started.at(-1)).toBe('more5');
  });

  test('start at once in a quiet listener', () => {
    const { turns, next } = manualTurns();
    let started = 0;
    for (let count = 1; count <= 3; count++) {
      turns.add(() => ++started > 0);
      expect(started).toBe(count);
      expect(next()).toBe(1);
      expect(next()).toBe(0);
    }
  });
});

describe('the starts of a turn', () => {
  test('are fewer after turns that took long, and more again after short ones', () => {
    const { turns, next } = manualTurns(8);
    let started = 0;
    for (let number = 0; number < 200; number++) turns.add(() => ++started > 0);
    const startsAfter = (turnMs: number): number => {
      const before = started;
      next(turnMs);
      return started - before;
    };
    expect(started).toBe(8);
    expect([0, 5, 5].map(startsAfter)).toEqual([8, 8, 8]);
    expect([6, 20, 20, 20].map(startsAfter)).toEqual([4, 2, 2, 2]);
    expect([1, 1, 1, 1, 1, 1, 1].map(startsAfter)).toEqual([3, 4, 5, 6, 7, 8, 8]);
  });

  test('do not depend on the time in which no start waited', () => {
    const { turns, next } = manualTurns(8);
    let started = 0;
    const add = (count: number): void => {
      for (let number = 0; number < count; number++) turns.add(() => ++started > 0);
    };
    add(1);
    next();
    next(10_000);
    add(8);
    expect(started).toBe(9);
  });
});

describe('the queue of the starts', () => {
  test('gives the places of ended connections in a turn to the others', () => {
    const { turns, next } = manualTurns();
    const started: number[] = [];
    for (let number = 0; number < 100; number++) {
      const hasEnded = number >= 4 && number < 90;
      turns.add(() => !hasEnded && started.push(number) > 0);
    }
    expect(started).toEqual([0, 1, 2, 3]);
    next();
    expect(started.slice(4)).toEqual([90, 91, 92, 93]);
  });

  test('keeps no connection whose work has started, also while others wait', async () => {
    const { turns, next } = manualTurns();
    const finished = new Set<number>();
    const registry = new FinalizationRegistry((number: number) => finished.add(number));
    const add = (number: number): void => {
      const connection = { number };
      registry.register(connection, number);
      turns.add(() => connection.number >= 0);
    };
    for (let number = 0; number < 1_000; number++) add(number);
    for (let turn = 0; turn <= 100; turn++) next();
    expect(turns.waiting).toBeGreaterThan(500);
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    await new Promise((resolve) => setImmediate(resolve));
    // The engine may still hold the newest ones.
    expect(finished.size).toBeGreaterThan(350);
    expect(turns.waiting).toBeGreaterThan(500);
  });

  test('starts thousands of waiting connections in order', () => {
    const { turns, next } = manualTurns();
    const started: number[] = [];
    for (let number = 0; number < 5_000; number++) turns.add(() => started.push(number) > 0);
    while (next() > 0);
    expect(started).toEqual(Array.from({ length: 5_000 }, (_, number) => number));
  });
});

test('the broker handles at most eight CONNECTs in each turn of the event loop, and all of them in the end', async () => {
  const target = await startBroker();
  const clients = Array.from({ length: 50 }, (_, number) => openFrom(target, `192.0.2.${number}`));
  let mostInTurn = 0;
  let before = 0;
  let counting = true;
  const count = (): void => {
    const now = target.port.inputKinds.filter((kind) => kind === 'connect').length;
    mostInTurn = Math.max(mostInTurn, now - before);
    before = now;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  for (const [number, client] of clients.entries()) client.send(connectPacket(`c${number}`));
  for (const client of clients) await client.next('connack');
  counting = false;
  expect(mostInTurn).toBeGreaterThan(0);
  expect(mostInTurn).toBeLessThanOrEqual(8);
  expect(target.port.requests).toHaveLength(50);
});

describe('clients whose sessions one entry of the log opens', () => {
  test('receive CONNACK, at most eight in each turn', async () => {
    const target = await startBroker();
    const { broker, port } = target;
    port.suspend();
    const clients = Array.from({ length: 40 }, (_, number) => {
      const client = open(target);
      client.send(connectPacket(`c${number}`));
      return client;
    });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const isConnecting = (kind: string): boolean => kind === 'connect';
    while (port.inputKinds.filter(isConnecting).length < clients.length) await turn();
    port.resume();
    const perTurn: number[] = [];
    for (let accepted = 0; accepted < clients.length; accepted = broker.clientsConnected) {
      await turn();
      perTurn.push(broker.clientsConnected - accepted);
    }
    expect(Math.max(...perTurn)).toBe(8);
    for (const client of clients) expect(await client.next('connack')).toMatchObject({ returnCode: 0 });
  });

  test('are not accepted after their connection has ended', async () => {
    const target = await startBroker();
    const { broker, port } = target;
    port.suspend();
    const clients = Array.from({ length: 24 }, (_, number) => {
      const client = open(target);
      client.send(connectPacket(`c${number}`));
      return client;
    });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    while (port.inputKinds.length < clients.length) await turn();
    port.resume();
    await turn();
    // The member closes the last client while it waits for its turn.
    port.emit({ kind: 'close', connection: clients.length, reason: 'takenOver' });
    for (const client of clients.slice(0, -1)) await client.next('connack');
    await clients.at(-1)!.closed;
    expect(broker.clientsConnected).toBe(clients.length - 1);
  });
});
