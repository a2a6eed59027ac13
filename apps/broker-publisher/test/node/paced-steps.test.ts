import { jest } from '@jest/globals';
import { PacedSteps } from '../../src/node/paced-steps.ts';

describe('the steps of a costly task', () => {
  let taken: number[];

  function* steps(): Iterable<void> {
    for (let step = 1; step <= 3; step++) {
      taken.push(step);
      yield;
    }
  }

  beforeEach(() => {
    jest.useFakeTimers();
    taken = [];
  });
  afterEach(() => jest.useRealTimers());

  test('run one after the other, each in a timer of its own, until the last one', () => {
    new PacedSteps(steps()).start();
    expect(taken).toEqual([]);
    for (const expected of [[1], [1, 2], [1, 2, 3]]) {
      jest.runOnlyPendingTimers();
      expect(taken).toEqual(expected);
    }
    jest.runAllTimers();
    expect(taken).toEqual([1, 2, 3]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('do not run after the stop', () => {
    const task = new PacedSteps(steps());
    task.start();
    jest.runOnlyPendingTimers();
    task.stop();
    jest.runAllTimers();
    expect(taken).toEqual([1]);
  });
});
