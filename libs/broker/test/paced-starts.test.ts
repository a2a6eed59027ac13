import { handshakesPerTurnMax, PacedStarts } from '../src/flow-control/paced-starts.ts';
import { connectPacket, startBroker } from './support/driver.ts';
import { openFrom } from './limits/support.ts';

/** Runs the turns when the test says so. */
function manualTurns() {
  const scheduled: (() => void)[] = [];
  const turns = new PacedStarts(handshakesPerTurnMax, (turn) => scheduled.push(turn));
  const next = (): number => {
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
    for (let number = 0; number < 10; number++) turns.add(() => started.push(number));
    do perTurn.push(started.length - perTurn.reduce((sum, count) => sum + count, 0));
    while (next() > 0);
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(perTurn.slice(0, 3)).toEqual([4, 4, 2]);
    expect(turns.waiting).toBe(0);
  });

  test('of newcomers do not overtake those that wait', () => {
    const { turns, next } = manualTurns();
    const started: string[] = [];
    for (let number = 0; number < 6; number++) turns.add(() => started.push(`first${number}`));
    next();
    turns.add(() => started.push('later'));
    expect(started).toHaveLength(7);
    for (let number = 0; number < 6; number++) turns.add(() => started.push(`more${number}`));
    expect(started.slice(-1)).toEqual(['more0']);
    next();
    next();
    expect(started.at(-1)).toBe('more5');
  });

  test('start at once in a quiet listener', () => {
    const { turns, next } = manualTurns();
    let started = 0;
    for (let count = 1; count <= 3; count++) {
      turns.add(() => started++);
      expect(started).toBe(count);
      expect(next()).toBe(1);
      expect(next()).toBe(0);
    }
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
