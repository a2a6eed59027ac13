import { PacedStarts } from '../../src/flow-control/paced-starts.ts';
import { SharedBytes } from '../../src/limits/shared-bytes.ts';

interface Owner {
  readonly holder: string;
  readonly name: string;
}

/** Shared bytes whose actions are recorded. An evicted owner loses its bytes. */
function sharedBytes(max: number) {
  const paused = new Set<string>();
  const evicted: string[] = [];
  const bytes: SharedBytes<Owner> = new SharedBytes<Owner>(max, {
    pause: ({ name }) => paused.add(name),
    resume: ({ name }) => paused.delete(name),
    evict: (owner) => {
      evicted.push(owner.name);
      bytes.set(owner, 0);
    },
  });
  return { bytes, paused, evicted };
}

const owners = (holder: string, count: number): Owner[] =>
  Array.from({ length: count }, (_, index) => ({ holder, name: `${holder}${index}` }));

test('owners above their part are paused near the bound, and continue when there is room', () => {
  const { bytes, paused, evicted } = sharedBytes(1_000);
  const [large, small] = owners('a', 2) as [Owner, Owner];
  bytes.set(large, 700);
  bytes.set(small, 100);
  expect([...paused]).toEqual([]);
  bytes.set(large, 750);
  expect([...paused]).toEqual(['a0']);
  bytes.set(large, 0);
  expect([...paused]).toEqual([]);
  expect(evicted).toEqual([]);
});

test('at the bound the largest owners of the holder of most bytes are evicted', () => {
  const { bytes, evicted } = sharedBytes(1_000);
  const attackers = owners('attacker', 9);
  for (const [index, attacker] of attackers.entries()) bytes.set(attacker, 80 + index);
  const [honest] = owners('honest', 1) as [Owner];
  bytes.set(honest, 249);
  expect(bytes.total).toBeLessThanOrEqual(750);
  expect(evicted).toEqual(['attacker8', 'attacker7', 'attacker6']);
});

test('any number of owners together stays within the bound', () => {
  const { bytes } = sharedBytes(1_000_000);
  for (const owner of owners('attacker', 10_000)) {
    bytes.set(owner, 255_000);
    expect(bytes.total).toBeLessThanOrEqual(1_000_000);
  }
});

test('owners that are paused for more than five seconds are evicted', () => {
  const { bytes, paused, evicted } = sharedBytes(1_000);
  const [stuck, other] = owners('a', 2) as [Owner, Owner];
  bytes.set(other, 300);
  bytes.set(stuck, 500);
  expect([...paused]).toEqual(['a0']);
  bytes.sweep(0);
  bytes.sweep(5_000);
  expect(evicted).toEqual([]);
  bytes.sweep(5_001);
  expect(evicted).toEqual(['a0']);
});

test('owners are measured before they are paused, because a socket sends bytes by itself', () => {
  const held = new Map<string, number>();
  const paused: string[] = [];
  const bytes = new SharedBytes<Owner>(1_000, {
    pause: ({ name }) => paused.push(name),
    measure: ({ name }) => held.get(name) ?? 0,
  });
  const [sent, waiting] = owners('a', 2) as [Owner, Owner];
  bytes.set(sent, 600);
  held.set(waiting.name, 400);
  bytes.set(waiting, 400);
  expect(bytes.total).toBe(400);
  expect(paused).toEqual([]);
});

describe('paused owners that continue in turns', () => {
  const scheduled: (() => void)[] = [];
  const paused = new Set<string>();
  let bytes: SharedBytes<Owner>;
  let all: Owner[];

  const nextTurn = (): void => {
    for (const turn of scheduled.splice(0)) turn();
  };

  beforeEach(() => {
    scheduled.length = 0;
    paused.clear();
    bytes = new SharedBytes<Owner>(1_000, {
      pause: ({ name }) => paused.add(name),
      resume: ({ name }) => paused.delete(name),
      resumes: new PacedStarts(
        4,
        (turn) => scheduled.push(turn),
        () => 0,
      ),
    });
    all = owners('a', 10);
    for (const owner of all) bytes.set(owner, 76);
    // All hold an equal part, and each one that gets more bytes is paused.
    for (const owner of all) bytes.set(owner, 80);
    expect(paused.size).toBe(10);
  });

  test('are at most four in each turn', () => {
    const left: number[] = [];
    for (const owner of all) bytes.set(owner, 10);
    for (let turn = 0; turn < 4; turn++) {
      left.push(paused.size);
      nextTurn();
    }
    expect(left).toEqual([6, 2, 0, 0]);
  });

  test('do not continue if they are paused again meanwhile', () => {
    for (const owner of all) bytes.set(owner, 10);
    for (const held of [76, 80]) for (const owner of all) bytes.set(owner, held);
    for (let turn = 0; turn < 4; turn++) nextTurn();
    expect(paused.size).toBe(10);
    for (const owner of all) bytes.set(owner, 0);
    for (let turn = 0; turn < 4; turn++) nextTurn();
    expect(paused.size).toBe(0);
  });
});
