import { KeepAlive } from '../src/monitor/keep-alive.ts';

describe('KeepAlive', () => {
  function keepAliveWithClock(): { now: number; pings: number; silent: boolean; keepAlive: KeepAlive } {
    const state = { now: 0, pings: 0, silent: false } as {
      now: number;
      pings: number;
      silent: boolean;
      keepAlive: KeepAlive;
    };
    state.keepAlive = new KeepAlive({
      pingIntervalMs: 1_000,
      silenceMsMax: 2_000,
      now: () => state.now,
      sendPing: () => (state.pings += 1),
      onSilent: () => (state.silent = true),
    });
    state.keepAlive.check(0);
    return state;
  }

  function advance(
    state: ReturnType<typeof keepAliveWithClock>,
    ms: number,
    bytes: (nowMs: number) => number,
  ): void {
    const until = state.now + ms;
    while (state.now < until) {
      state.now += state.keepAlive.checkIntervalMs;
      state.keepAlive.check(bytes(state.now));
    }
  }

  test('sends a ping in every interval, and treats any received byte as a response', () => {
    const state = keepAliveWithClock();
    advance(state, 10_000, (nowMs) => Math.floor(nowMs / 1_900));
    expect(state.pings).toBe(10);
    expect(state.silent).toBe(false);
  });

  test('reports a silent server within 2.5 s', () => {
    const state = keepAliveWithClock();
    advance(state, 1_750, () => 0);
    expect(state.silent).toBe(false);
    advance(state, 750, () => 0);
    expect(state.silent).toBe(true);
  });

  test('sends one more ping after a pause of this process before it reports a silent server', () => {
    const state = keepAliveWithClock();
    state.now = 60_000;
    state.keepAlive.check(0);
    expect([state.silent, state.pings]).toEqual([false, 1]);
    advance(state, 1_000, () => 0);
    expect(state.silent).toBe(true);
  });

  test('returns the time of the last receipt as lastReceivedMs, not the time of the check after a pause', () => {
    const state = keepAliveWithClock();
    advance(state, 500, () => 1);
    const receivedMs = state.keepAlive.lastReceivedMs;
    state.now = 60_000;
    state.keepAlive.check(1);
    expect(state.keepAlive.lastReceivedMs).toBe(receivedMs);
  });
});
