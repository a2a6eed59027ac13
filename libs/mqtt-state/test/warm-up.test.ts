import { jest } from '@jest/globals';
import { StateDigester } from '../src/codec/state-digest.ts';
import { warmUp } from '../src/index.ts';
import type { StateData } from '../src/state-data.ts';

describe('the warm-up', () => {
  test('computes the digests of a state with sessions and retained messages, at most 40 values in each step', () => {
    const spy = jest.spyOn(StateDigester.prototype, 'digest');
    let steps = 0;
    const sizes = new Set<number>();
    const run = warmUp()[Symbol.iterator]();
    while (run.next().done !== true) {
      steps++;
      const data: StateData[] = spy.mock.calls.map(([given]) => given);
      expect(data).toHaveLength(2);
      for (const { sessions, retained } of data) sizes.add(sessions.size + retained.size);
      expect(data[0]!.semantics).toBe(5);
      spy.mockClear();
    }
    spy.mockRestore();
    expect(steps).toBe(80);
    expect([...sizes]).toEqual([40]);
  });

  test('does nothing before its first step', () => {
    const spy = jest.spyOn(StateDigester.prototype, 'digest');
    const [first] = warmUp();
    expect(first).toBeUndefined();
    expect(spy).toHaveBeenCalledTimes(2);
    spy.mockClear();
    warmUp();
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  });
});
