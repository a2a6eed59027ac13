import { expect, test } from '@jest/globals';
import { Poll, retryDelayMs } from '../src/api/poll.ts';
import type { PollEnvironment } from '../src/api/poll.ts';

/** A browser whose timers and visibility the test controls. */
class FakeBrowser implements PollEnvironment {
  timers = new Map<number, { readonly run: () => void; readonly delayMs: number }>();
  hidden = false;
  listener: (() => void) | null = null;
  #next = 0;

  readonly setTimer = (run: () => void, delayMs: number): number => {
    this.#next += 1;
    this.timers.set(this.#next, { run, delayMs });
    return this.#next;
  };
  readonly clearTimer = (timer: number): void => void this.timers.delete(timer);
  readonly isHidden = (): boolean => this.hidden;
  readonly onVisibility = (run: () => void): (() => void) => {
    this.listener = run;
    return () => (this.listener = null);
  };

  get delays(): number[] {
    return [...this.timers.values()].map(({ delayMs }) => delayMs);
  }

  fire(): void {
    const [first] = this.timers;
    if (first === undefined) throw new Error('no timer is set');
    this.timers.delete(first[0]);
    first[1].run();
  }

  show(isHidden: boolean): void {
    this.hidden = isHidden;
    this.listener?.();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('asks at once and again after each answer', async () => {
  const browser = new FakeBrowser();
  let asked = 0;
  const poll = new Poll({ everyMs: 2_000, ask: async () => void (asked += 1) }, browser);
  await settled();
  expect(browser.delays).toEqual([2_000]);
  browser.fire();
  await settled();
  expect(asked).toBe(2);
  poll.stop();
  expect(browser.delays).toEqual([]);
});

test('waits longer after each failure in a row, at most 30 s, and normally after an answer', async () => {
  expect([1, 2, 3, 4, 5, 9].map((failures) => retryDelayMs(2_000, failures))).toEqual([
    4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ]);
  const browser = new FakeBrowser();
  const retries: number[] = [];
  let fails = true;
  const ask = async (): Promise<void> => {
    if (fails) throw new Error('no answer');
  };
  const poll = new Poll({ everyMs: 2_000, ask, onFailure: (_, delayMs) => retries.push(delayMs) }, browser);
  await settled();
  browser.fire();
  await settled();
  expect(retries).toEqual([4_000, 8_000]);
  fails = false;
  browser.fire();
  await settled();
  expect(browser.delays).toEqual([2_000]);
  poll.stop();
});

test('does not ask while the page is hidden, and asks at once when it becomes visible', async () => {
  const browser = new FakeBrowser();
  let asked = 0;
  const poll = new Poll({ everyMs: 2_000, ask: async () => void (asked += 1) }, browser);
  await settled();
  browser.show(true);
  expect(browser.delays).toEqual([]);
  browser.show(false);
  expect(asked).toBe(2);
  await settled();
  expect(browser.delays).toEqual([2_000]);
  poll.stop();
});

test('an answer that arrives while the page is hidden plans no further request', async () => {
  const browser = new FakeBrowser();
  let answer: () => void = () => undefined;
  const poll = new Poll({ everyMs: 2_000, ask: () => new Promise((resolve) => (answer = resolve)) }, browser);
  browser.show(true);
  answer();
  await settled();
  expect(browser.delays).toEqual([]);
  poll.stop();
});

test('a stopped poll aborts its open request and ignores its answer', async () => {
  const browser = new FakeBrowser();
  let answer: () => void = () => undefined;
  let isAborted = false;
  const poll = new Poll(
    {
      everyMs: 2_000,
      ask: (signal) => {
        signal.addEventListener('abort', () => (isAborted = true));
        return new Promise((resolve) => (answer = resolve));
      },
    },
    browser,
  );
  poll.stop();
  answer();
  await settled();
  expect(isAborted).toBe(true);
  expect(browser.delays).toEqual([]);
  expect(browser.listener).toBeNull();
});
