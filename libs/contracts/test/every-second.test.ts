import { jest } from '@jest/globals';
import { createEverySecond } from '../src/index.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  jest.useRealTimers();
});

test('all callbacks share one timer and run once a second in the order of their registration', () => {
  const calls: string[] = [];
  const everySecond = createEverySecond();
  everySecond(() => calls.push('a'));
  jest.advanceTimersByTime(400);
  everySecond(() => calls.push('b'));
  expect(jest.getTimerCount()).toBe(1);
  jest.advanceTimersByTime(600);
  expect(calls).toEqual(['a', 'b']);
  jest.advanceTimersByTime(2_000);
  expect(calls).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
});

test('a callback that has ended is not called, and the last one ends the timer', () => {
  const calls: string[] = [];
  const everySecond = createEverySecond();
  const endA = everySecond(() => {
    calls.push('a');
    endB();
  });
  const endB = everySecond(() => calls.push('b'));
  jest.advanceTimersByTime(1_000);
  expect(calls).toEqual(['a']);
  endA();
  expect(jest.getTimerCount()).toBe(0);
  everySecond(() => calls.push('c'));
  jest.advanceTimersByTime(1_000);
  expect(calls).toEqual(['a', 'c']);
});

test('a restart begins the second anew', () => {
  const calls: string[] = [];
  const everySecond = createEverySecond();
  everySecond(() => calls.push('a'));
  jest.advanceTimersByTime(400);
  everySecond.restart();
  jest.advanceTimersByTime(999);
  expect(calls).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(calls).toEqual(['a']);
});
