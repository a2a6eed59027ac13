import { SlicedSweep, sweptPerTurnMax } from '../src/connection/sliced-sweep.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Returns connections that record their number when they are checked. */
function connections(count: number): { swept: number[]; all: Map<number, { sweep(): void }> } {
  const swept: number[] = [];
  const all = new Map<number, { sweep(): void }>();
  for (let number = 0; number < count; number++) all.set(number, { sweep: () => swept.push(number) });
  return { swept, all };
}

describe('the sweep of all connections', () => {
  test('checks each connection once and in order, at most a thousand in each turn', async () => {
    const { swept, all } = connections(2_500);
    const sweep = new SlicedSweep(all);
    const perTurn: number[] = [];
    sweep.run(0);
    for (let before = 0; before < swept.length; await turn()) {
      perTurn.push(swept.length - before);
      before = swept.length;
    }
    expect(perTurn).toEqual([sweptPerTurnMax, sweptPerTurnMax, 500]);
    expect(swept).toEqual(Array.from({ length: 2_500 }, (_, number) => number));
  });

  test('does not begin again before it has checked all', async () => {
    const { swept, all } = connections(2_500);
    const sweep = new SlicedSweep(all);
    sweep.run(0);
    sweep.run(1);
    for (let count = 0; count < 5; count++) await turn();
    expect(swept).toHaveLength(2_500);
    sweep.run(2);
    expect(swept).toHaveLength(3_500);
    sweep.stop();
    await turn();
    expect(swept).toHaveLength(3_500);
  });
});
