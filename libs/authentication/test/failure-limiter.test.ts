import { heldBytes } from '@mqtt-cluster/testing';
import { FailureLimiter } from '../src/chain/failure-limiter.ts';

test('failed logins with long user names keep no more of them in memory than the limiter compares', () => {
  const count = 1_000;
  const longBytes = 40_000;
  let nowMs = 0;
  const held = heldBytes(() => {
    const limiter = new FailureLimiter(() => (nowMs += 1_000));
    for (let number = 0; number < count; number++)
      limiter.onFailure('10.0.0.1', Buffer.from(`${number} ${'x'.repeat(longBytes)}`).toString());
    expect(limiter.size).toBe(count + 1);
    return limiter;
  });
  expect(held).toBeLessThan((count * longBytes) / 4);
});
