import { ServerProbe } from '../src/monitor/server-probe.ts';

describe('ServerProbe', () => {
  const options = { pingAfterMs: 100, timeoutMs: 150 };

  /** Returns the results of checks every 50 ms from `from` to `to`. */
  function checks(probe: ServerProbe, from: number, to: number, bytes: number): string[] {
    const results: string[] = [];
    for (let at = from; at <= to; at += 50) results.push(probe.check(at, bytes, false));
    return results;
  }

  test('expects no answer of the server before a publish was sent', () => {
    expect(new Set(checks(new ServerProbe(options), 0, 10_000, 1))).toEqual(new Set(['ok']));
  });

  test('sends one ping to a server that does not answer a publish, and suspects the server when it does not answer the ping', () => {
    const probe = new ServerProbe(options);
    checks(probe, 0, 0, 1);
    probe.sent(0);
    expect(checks(probe, 50, 300, 1)).toEqual(['ok', 'ping', 'ok', 'ok', 'suspected', 'suspected']);
    expect(probe.check(350, 2, false)).toBe('ok');
  });

  test('does not suspect a server that answers the ping but not yet the publish', () => {
    const probe = new ServerProbe(options);
    checks(probe, 0, 0, 1);
    probe.sent(0);
    expect(checks(probe, 50, 100, 1)).toEqual(['ok', 'ping']);
    expect(checks(probe, 150, 2_000, 2)).not.toContain('suspected');
  });

  test('keeps waiting for an answer after it received bytes that may be older than the publish', () => {
    const probe = new ServerProbe(options);
    checks(probe, 0, 0, 1);
    probe.sent(10);
    expect(probe.check(50, 2, false)).toBe('ok');
    expect(checks(probe, 100, 300, 2)).toEqual(['ok', 'ping', 'ok', 'ok', 'suspected']);
    expect(probe.check(350, 3, true)).toBe('ok');
    expect(probe.check(450, 3, true)).toBe('ping');
  });

  test('sends another ping after a pause of this process before it suspects the server', () => {
    const probe = new ServerProbe(options);
    checks(probe, 0, 0, 1);
    probe.sent(0);
    expect(checks(probe, 50, 100, 1)).toEqual(['ok', 'ping']);
    expect(probe.check(5_000, 1, false)).toBe('ok');
    expect(checks(probe, 5_050, 5_100, 1)).toEqual(['ok', 'ping']);
  });
});
