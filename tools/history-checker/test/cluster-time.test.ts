import { HistoryBuilder, ruleOf, violated } from './history-builder.ts';

const everyone = ['A', 'B', 'C'];

/** Ends the given members for a time. @param fault `kill` or `stop` */
function end(history: HistoryBuilder, ms: number, members = everyone, fault = 'kill'): void {
  const start = history.fault(fault, members);
  history.wait(ms);
  start();
}

/** A history with a machine that is not busy. */
function idle(): HistoryBuilder {
  const history = new HistoryBuilder({ willAtTakeover: true });
  history.probe();
  return history;
}

describe('cluster-time: wills [5.0 MQTT-3.1.2-8]', () => {
  /** The time after the start of the members at which the will is published, ms. */
  function willAfterStop(afterMs: number): HistoryBuilder {
    const history = idle();
    const watcher = history.connect('watcher', { version: 5 });
    history.subscribe(watcher, 'w');
    const will = history.will('w', { delaySeconds: 16 });
    const mortal = history.connect('mortal', { version: 5, server: 'B', will });
    history.wait(3_000);
    history.close(mortal);
    history.wait(3_000);
    history.close(watcher, 'lost');
    end(history, 25_000);
    const again = history.connect('watcher', { version: 5, sessionPresent: true });
    history.wait(afterMs);
    history.deliver(again, will.message, 'w');
    history.wait(10_000);
    return history;
  }

  test('accepts a will that was due while all members were stopped and is published 5 s after their start', () => {
    const verdict = willAfterStop(5_000).verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'cluster-time').checked).toBe(1);
    expect(ruleOf(verdict, 'cluster-time').parts).toEqual({ wills: 1, sessions: 0, messages: 0 });
  });

  test('reports a will whose delay did not run while all members were stopped', () => {
    const verdict = willAfterStop(9_000).verdict();
    expect(violated(verdict)).toEqual(['cluster-time']);
    expect(ruleOf(verdict, 'cluster-time').findings[0]?.text).toMatch(
      /^will \d+ of mortal \(w, QoS 1\) was published at 40\.\d+ s, after its deadline 37\.\d+ s; it was due at 19\.\d+ s$/,
    );
  });

  test.each([
    [11_500, []],
    [17_000, ['cluster-time']],
  ])(
    'judges a will with a delay of 11 s that is published %d ms after the close, over a kill of one leader',
    (atMs, rules) => {
      const history = idle();
      const watcher = history.connect('watcher', { version: 5 });
      history.subscribe(watcher, 'w');
      const will = history.will('w', { delaySeconds: 11 });
      const mortal = history.connect('mortal', { version: 5, server: 'B', will });
      history.close(mortal);
      history.wait(7_000);
      end(history, 1_000, ['C']);
      history.wait(atMs - 8_000);
      history.deliver(watcher, will.message, 'w');
      history.wait(10_000);
      const verdict = history.verdict();
      expect(violated(verdict).filter((rule) => rule === 'cluster-time')).toEqual(rules);
      expect(ruleOf(verdict, 'cluster-time').checked).toBe(1);
    },
  );
});

describe('cluster-time: sessions [5.0 MQTT-4.1.0-2]', () => {
  function returnAfterStop(expirySeconds: number, afterMs: number, sessionPresent: boolean) {
    const history = idle();
    const client = history.connect('sleeper', { version: 5, expirySeconds });
    history.wait(3_000);
    history.close(client, 'disconnect');
    history.wait(3_000);
    end(history, 25_000, everyone, 'stop');
    history.wait(afterMs);
    history.connect('sleeper', { version: 5, expirySeconds, sessionPresent, server: 'B' });
    return history.verdict();
  }

  test('reports a session that is present although it expired while all members were stopped', () => {
    expect(violated(returnAfterStop(22, 8_000, true))).toEqual(['cluster-time']);
  });

  test.each([
    ['ended in time', 22, 8_000, false, 1],
    ['is present 5 s after the start, before its deadline', 22, 5_000, true, 0],
    ['has not expired', 60, 8_000, true, 0],
  ])('accepts a session that %s', (_, expirySeconds, afterMs, sessionPresent, checked) => {
    const verdict = returnAfterStop(expirySeconds, afterMs, sessionPresent);
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'cluster-time').checked).toBe(checked);
    expect(ruleOf(verdict, 'cluster-time').parts).toEqual({ wills: 0, sessions: checked, messages: 0 });
  });

  test('a session that expires too early after a stop is reported by the rule session-lost', () => {
    expect(violated(returnAfterStop(60, 8_000, false))).toEqual(['session-lost']);
  });
});

describe('cluster-time: retained messages [5.0 MQTT-3.3.2-5] [5.0 MQTT-3.3.2-6]', () => {
  function readAfterStop(expirySeconds: number, seconds: number, faults: readonly string[] = []) {
    const history = idle();
    const publisher = history.connect('publisher', { version: 5 });
    history.wait(3_000);
    const message = history.publish(publisher, 'r', { expirySeconds, retain: true });
    history.wait(3_000);
    history.close(publisher, 'lost');
    const ends = faults.map((fault) => history.fault(fault, ['A']));
    end(history, 25_000);
    ends.forEach((heal) => heal());
    history.wait(8_000);
    const reader = history.connect('reader', { version: 5, clean: true });
    history.subscribe(reader, 'r');
    history.deliver(reader, message, 'r', { retain: true, expirySeconds: seconds });
    return history.verdict();
  }

  test('reports a message that is delivered although it expired while all members were stopped', () => {
    expect(violated(readAfterStop(22, 11))).toEqual(['cluster-time']);
  });

  test.each([
    [64, []],
    [68, []],
    [89, ['cluster-time']],
  ])(
    'judges an interval of %d s that was 100 s before 36 s passed, most of them during a stop',
    (seconds, rules) => {
      const verdict = readAfterStop(100, seconds);
      expect(violated(verdict)).toEqual(rules);
      expect(ruleOf(verdict, 'cluster-time').checked).toBe(1);
      expect(ruleOf(verdict, 'cluster-time').parts).toEqual({ wills: 0, sessions: 0, messages: 1 });
    },
  );

  test.each(['clock', 'cut', 'wipe', 'slow-disk'])('judges no time in which a %s had an effect', (fault) => {
    const verdict = readAfterStop(22, 11, [fault]);
    expect(ruleOf(verdict, 'cluster-time').checked).toBe(0);
  });
});
