import { jest } from '@jest/globals';
import { TestCluster } from '../support/test-cluster.ts';

/** Longest interval that counts: a member without clients should not wake more often for its own work. */
const intervalMs = 1_000;

test('the components of a member share one timer for the work of each second', async () => {
  const intervals = jest.spyOn(globalThis, 'setInterval');
  const timeouts = jest.spyOn(globalThis, 'setTimeout');
  const cluster = await TestCluster.start(['a']);
  try {
    // All components have started. Node's HTTP server has an interval of its own, which is not counted here.
    const frequent = intervals.mock.calls.filter(([, ms = 0]) => ms <= intervalMs);
    expect(frequent).toHaveLength(1);
    timeouts.mockClear();
    await new Promise((resolve) => setTimeout(resolve, 2 * intervalMs));
    const repeated = timeouts.mock.calls.filter(([, ms = 0]) => ms >= intervalMs / 2 && ms <= intervalMs);
    expect(repeated).toEqual([]);
  } finally {
    intervals.mockRestore();
    timeouts.mockRestore();
    await cluster.close();
  }
});
