import { holdsWithin, poll, waitFor, WaitTimeoutError } from '../src/index.ts';

const quickly = { timeoutMs: 60_000, intervalMs: 1 };

test('waitFor returns the first value and ignores errors before it', async () => {
  let calls = 0;
  const attempt = (): string | undefined => {
    calls++;
    if (calls === 1) throw new Error('connection refused');
    return calls === 3 ? 'value' : undefined;
  };
  expect(await waitFor('a value', attempt, quickly)).toBe('value');
  expect(calls).toBe(3);
});

test('after the timeout, waitFor throws an error that contains the awaited subject and the last error', async () => {
  const waiting = waitFor('a port', () => Promise.reject(new Error('connection refused')), { timeoutMs: 0 });
  await expect(waiting).rejects.toThrow(WaitTimeoutError);
  await expect(waiting).rejects.toThrow(/^timed out after 0 s waiting for a port: connection refused$/);
});

test('poll makes one attempt even with a timeout of 0, and rethrows the error of an attempt', async () => {
  expect(await poll(() => 1, { timeoutMs: 0 })).toBe(1);
  expect(await poll(() => undefined, { timeoutMs: 0 })).toBeUndefined();
  await expect(poll(() => Promise.reject(new Error('fatal')), quickly)).rejects.toThrow('fatal');
});

test('holdsWithin returns whether the condition held before the timeout', async () => {
  let calls = 0;
  expect(await holdsWithin(() => ++calls === 3, quickly)).toBe(true);
  expect(await holdsWithin(async () => false, { timeoutMs: 0 })).toBe(false);
});
