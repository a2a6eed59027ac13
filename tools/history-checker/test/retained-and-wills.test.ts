import type { Limits } from '../src/history/events.ts';
import { ruleOf, HistoryBuilder, violated } from './history-builder.ts';
import type { ConnectOptions } from './history-builder.ts';

describe('retained (P5)', () => {
  /** Builds a history with two writes of one topic. The second write clears the topic if `clear` is true. */
  const write = (options: { clear?: boolean; ack?: number | null; other?: boolean } = {}) => {
    const { clear = false, ack = 0, other = false } = options;
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher');
    const older = history.publish(publisher, 't', { retain: true });
    const newer = history.publish(other ? history.connect('other') : publisher, 't', {
      retain: true,
      clear,
      ack,
    });
    return { history, older, newer };
  };

  test('reports servers that have different retained messages at the end of the run', () => {
    const { history, older, newer } = write({ ack: null });
    history.settle();
    history.retained({ t: newer }, { B: { t: older } });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual(['retained']);
    expect(ruleOf(verdict, 'retained').findings[0]?.text).toBe(
      `retained message of t at the end: message ${older} on B, message ${newer} on A`,
    );
  });

  test('reports a server that sends the retained message to only one of two new sessions at the end of the run', () => {
    const { history, newer } = write();
    history.settle();
    history.retained({ t: newer });
    expect(violated(history.verdict())).toEqual([]);
    history.retained({ t: newer }, { B: {} });
    expect(violated(history.verdict())).toEqual(['retained']);
  });

  test('reports a replaced retained message that all servers still send at the end of the run', () => {
    const { history, older } = write();
    history.settle();
    history.retained({ t: older });
    expect(violated(history.verdict())).toEqual(['retained']);
  });

  test('accepts the last retained message of a topic, and accepts the message before it if the last message was not acknowledged', () => {
    const { history, newer } = write();
    history.settle();
    history.retained({ t: newer });
    expect(violated(history.verdict())).toEqual([]);
    for (const which of ['older', 'newer'] as const) {
      const open = write({ ack: null, other: true });
      open.history.settle();
      open.history.retained({ t: open[which] });
      expect(violated(open.history.verdict())).toEqual([]);
    }
  });

  test('accepts either message of two concurrent retained writes', () => {
    for (const last of [0, 1]) {
      const history = new HistoryBuilder();
      const both = ['one', 'two'].map((name) => {
        const connection = history.connect(name);
        return { connection, message: history.publish(connection, 't', { retain: true, ack: null }) };
      });
      for (const { connection, message } of both) {
        history.events.push({ type: 'acked', at: history.now(), connection, message, code: 0 });
      }
      history.settle();
      history.retained({ t: both[last]?.message ?? 0 });
      expect(violated(history.verdict())).toEqual([]);
    }
  });

  test('reports a retained message of a cleared topic, and a missing retained message of a topic that was not cleared', () => {
    const cleared = write({ clear: true });
    cleared.history.settle();
    cleared.history.retained({ t: cleared.older });
    expect(violated(cleared.history.verdict())).toEqual(['retained']);

    const set = write();
    set.history.settle();
    set.history.retained({});
    expect(violated(set.history.verdict())).toEqual(['retained']);

    const gone = write({ clear: true });
    gone.history.settle();
    gone.history.retained({});
    expect(violated(gone.history.verdict())).toEqual([]);
  });

  test('reports a retained message that was never published', () => {
    const { history } = write();
    history.settle();
    history.retained({ t: 77 });
    expect(violated(history.verdict())).toEqual(['retained']);
  });

  test('reports a cleared retained message that is sent to a new subscriber after the bound of P5', () => {
    const run = (pauseMs: number): string[] => {
      const { history, older } = write({ clear: true });
      history.wait(pauseMs);
      const reader = history.connect('reader', { clean: true, server: 'C' });
      history.subscribe(reader, 't', 1);
      history.deliver(reader, older, 't', { retain: true });
      return violated(history.verdict());
    };
    expect(run(3_000)).toEqual(['retained']);
    expect(run(1_000)).toEqual([]);
  });

  test('reports a new subscriber that does not receive a retained message', () => {
    const run = (how: { clear?: boolean; sent?: boolean; pauseMs?: number; staysMs?: number }): string[] => {
      const { clear = false, sent = false, pauseMs = 3_000, staysMs = 1_000 } = how;
      const { history, newer } = write({ clear });
      history.wait(pauseMs);
      const reader = history.connect('reader', { clean: true, server: 'C' });
      history.subscribe(reader, '+', 1);
      if (sent) history.deliver(reader, newer, 't', { retain: true });
      history.wait(staysMs);
      history.close(reader);
      // A clear after the subscription does not change the expectation.
      history.publish(history.connect('late'), 't', { retain: true, clear: true });
      return violated(history.verdict());
    };
    expect(run({})).toEqual(['retained']);
    expect(run({ sent: true })).toEqual([]);
    expect(run({ clear: true })).toEqual([]);
    // The rule expects no retained message if the write is too recent or the subscription too short.
    expect(run({ pauseMs: 1_000 })).toEqual([]);
    expect(run({ staysMs: 300 })).toEqual([]);
  });

  test('reports a persistent session that subscribes again on a new connection and receives no retained message there', () => {
    const run = (sentOn: 'first' | 'second'): string[] => {
      const { history, newer } = write();
      history.wait(3_000);
      const first = history.connect('reader', { server: 'B' });
      history.subscribe(first, 't', 1);
      history.deliver(first, newer, 't', { retain: true });
      history.wait(2_000);
      history.close(first);
      const second = history.connect('reader', { server: 'C', sessionPresent: true });
      history.unsubscribe(second, 't');
      history.subscribe(second, 't', 1);
      if (sentOn === 'second') history.deliver(second, newer, 't', { retain: true });
      history.wait(2_000);
      history.close(second);
      history.publish(history.connect('late'), 't', { retain: true, clear: true });
      return violated(history.verdict());
    };
    expect(run('second')).toEqual([]);
    expect(run('first')).toEqual(['retained']);
  });

  test('accepts a missing retained message only if a clear without an acknowledgement was sent a few seconds before', () => {
    const run = (setAfterMs: number): string[] => {
      const { history } = write();
      const gone = history.connect('gone');
      history.publish(gone, 't', { retain: true, clear: true, ack: null });
      history.close(gone, 'lost');
      history.wait(setAfterMs);
      history.publish(history.connect('again'), 't', { retain: true });
      history.wait(3_000);
      const reader = history.connect('reader', { clean: true, server: 'C' });
      history.subscribe(reader, 't', 1);
      history.wait(1_000);
      history.close(reader);
      history.publish(history.connect('late'), 't', { retain: true, clear: true });
      return violated(history.verdict());
    };
    expect(run(100)).toEqual([]);
    expect(run(4_000)).toEqual(['retained']);
  });

  test('accepts the older retained message if the newer message has a degraded acknowledgement', () => {
    const run = (degradedAcks: boolean): string[] => {
      const history = new HistoryBuilder({ degradedAcks });
      const publisher = history.connect('publisher');
      const older = history.publish(publisher, 't', { retain: true });
      history.wait(5_000);
      const heal = history.fault('cut', ['A']);
      history.publish(publisher, 't', { retain: true });
      heal();
      history.wait(60_000);
      history.settle();
      history.retained({ t: older });
      return violated(history.verdict());
    };
    expect(run(true)).toEqual([]);
    expect(run(false)).toEqual(['retained']);
  });
});

describe('will (P6)', () => {
  interface Death {
    readonly options?: ConnectOptions;
    readonly delaySeconds?: number;
    readonly how?: 'disconnect' | 'dropped' | 'lost' | 'server';
    /** Times from the death to the deliveries of the will, ms. */
    readonly deliveredAfterMs?: readonly number[];
    readonly dup?: boolean;
    /** Time from the death until the client reconnects, ms. */
    readonly backAfterMs?: number;
    readonly back?: ConnectOptions;
    readonly cut?: readonly string[];
    readonly limits?: Partial<Limits>;
  }

  /**
   * Builds a history of a client that dies and a watcher that subscribes to its will. @returns the verdict
   */
  function die({
    options,
    delaySeconds = 0,
    how = 'dropped',
    deliveredAfterMs = [],
    dup = false,
    ...rest
  }: Death) {
    const { backAfterMs, back, cut, limits } = rest;
    const history = new HistoryBuilder(limits);
    const watcher = history.connect('watcher', { server: 'C' });
    history.subscribe(watcher, 'wills/#', 1);
    const record = history.will('wills/1', { delaySeconds });
    const dying = history.connect('dying', { will: record, ...options });
    const heal = cut ? history.fault('cut', cut) : undefined;
    history.wait(100);
    history.close(dying, how);
    const diedAt = history.atMs;
    const steps = deliveredAfterMs.map((afterMs, index) => ({
      afterMs,
      act: () => history.deliver(watcher, record.message, record.topic, { dup: dup && index > 0 }),
    }));
    if (backAfterMs !== undefined) {
      steps.push({
        afterMs: backAfterMs,
        act: () => void history.connect('dying', { sessionPresent: options?.clean !== true, ...back }),
      });
    }
    for (const { afterMs, act } of steps.sort((a, b) => a.afterMs - b.afterMs)) {
      history.atMs = diedAt + afterMs;
      act();
    }
    heal?.();
    history.wait(60_000);
    return ruleOfWill(history);
  }

  function ruleOfWill(history: HistoryBuilder): { bad: string[]; text: string } {
    const verdict = history.verdict();
    return { bad: violated(verdict), text: ruleOf(verdict, 'will').findings[0]?.text ?? '' };
  }

  test.each(['dropped', 'lost', 'server'] as const)(
    'reports a missing will after a connection that ended as `%s`',
    (how) => {
      expect(die({ how, deliveredAfterMs: [20] }).bad).toEqual([]);
      expect(die({ how }).text).toContain('was not delivered to watcher');
      expect(die({ how }).bad).toEqual(['will']);
    },
  );

  test('reports a will that was published twice, and accepts a redelivery of a will', () => {
    expect(die({ deliveredAfterMs: [20, 30] }).text).toContain('more than once');
    expect(die({ deliveredAfterMs: [20, 30] }).bad).toEqual(['will']);
    expect(die({ deliveredAfterMs: [20, 30], dup: true }).bad).toEqual([]);
  });

  test('reports a will that was published after its client sent DISCONNECT [3.1.1 MQTT-3.14.4-3] [5.0 MQTT-3.14.4-3]', () => {
    expect(die({ how: 'disconnect', deliveredAfterMs: [20] }).text).toContain('had disconnected');
    expect(die({ how: 'disconnect', deliveredAfterMs: [20] }).bad).toEqual(['will']);
    expect(die({ how: 'disconnect' }).bad).toEqual([]);
    // The server was isolated, so other servers may have treated the connection as closed before.
    expect(die({ how: 'disconnect', deliveredAfterMs: [20], cut: ['A'] }).bad).toEqual([]);
  });

  test('reports a will that was published after its deadline or before the end of its delay', () => {
    expect(die({ deliveredAfterMs: [4_900] }).bad).toEqual([]);
    expect(die({ deliveredAfterMs: [5_100] }).text).toContain('after its deadline');
    const five = { version: 5, expirySeconds: 100 } as const;
    expect(die({ options: five, delaySeconds: 10, deliveredAfterMs: [14_000] }).bad).toEqual([]);
    expect(die({ options: five, delaySeconds: 10, deliveredAfterMs: [16_000] }).bad).toEqual(['will']);
    expect(die({ options: five, delaySeconds: 10, deliveredAfterMs: [3_000] }).text).toContain('before');
  });

  test('measures the deadline of a will from the end of its session if the session ends before the will delay [5.0 MQTT-3.1.2-8]', () => {
    const clean = { version: 5, clean: true } as const;
    expect(die({ options: clean, delaySeconds: 10, deliveredAfterMs: [20] }).bad).toEqual([]);
    expect(die({ options: clean, delaySeconds: 10, deliveredAfterMs: [14_000] }).bad).toEqual(['will']);
  });

  test('reports a will that was published although its client reconnected within the will delay [5.0 MQTT-3.1.3-9]', () => {
    const five = { version: 5, expirySeconds: 100 } as const;
    const back = { version: 5 } as const;
    const death = { options: five, delaySeconds: 10, back, deliveredAfterMs: [11_000] };
    expect(die({ ...death, backAfterMs: 5_000 }).text).toContain('had reconnected at');
    expect(die({ ...death, backAfterMs: 5_000 }).bad).toEqual(['will']);
    expect(die({ ...death, backAfterMs: 12_000 }).bad).toEqual([]);
    expect(die({ ...death, backAfterMs: 5_000, deliveredAfterMs: [] }).bad).toEqual([]);
  });

  test('reports a will that was published just after the client resumed its session within the will delay', () => {
    const five = { version: 5, expirySeconds: 100 } as const;
    const death = { options: five, delaySeconds: 2, back: { version: 5 } } as const;
    expect(die({ ...death, backAfterMs: 1_500, deliveredAfterMs: [1_504] }).text).toContain(
      'had reconnected at',
    );
    expect(die({ ...death, backAfterMs: 1_900, deliveredAfterMs: [2_100] }).bad).toEqual(['will']);
    // The end of the session ends the delay [MQTT5 3.1.3.2.2].
    const clean = { version: 5, clean: true, sessionPresent: false } as const;
    const newSession = { ...death, back: clean, backAfterMs: 1_500 };
    expect(die({ ...newSession, deliveredAfterMs: [1_504] }).bad).toEqual([]);
    expect(die({ ...newSession, deliveredAfterMs: [1_000] }).text).toContain('before');
  });

  test('applies the shorter bound `willAtOnceMsMax` when the home serves and the client closed the connection', () => {
    const limits = { willAtOnceMsMax: 1_000 };
    expect(die({ limits, deliveredAfterMs: [900] }).bad).toEqual([]);
    expect(die({ limits, deliveredAfterMs: [2_000] }).text).toContain('after its deadline');
    expect(die({ limits, deliveredAfterMs: [2_000], how: 'lost' }).bad).toEqual([]);
    expect(die({ limits, deliveredAfterMs: [2_000], cut: ['A'] }).bad).toEqual([]);
    const five = { version: 5, expirySeconds: 100 } as const;
    expect(die({ limits, options: five, delaySeconds: 3, deliveredAfterMs: [3_900] }).bad).toEqual([]);
    expect(die({ limits, options: five, delaySeconds: 3, deliveredAfterMs: [4_500] }).bad).toEqual(['will']);
    // The will is missing although the client reconnected, because the client was away too long.
    expect(die({ limits, backAfterMs: 3_000 }).bad).toEqual(['will']);
    expect(die({ limits, backAfterMs: 900 }).bad).toEqual([]);
  });

  test('accepts one will or no will if a client without a will delay reconnects at once', () => {
    expect(die({ backAfterMs: 50 }).bad).toEqual([]);
    expect(die({ backAfterMs: 50, deliveredAfterMs: [20] }).bad).toEqual([]);
    expect(die({ backAfterMs: 50, deliveredAfterMs: [20, 30] }).bad).toEqual(['will']);
    expect(die({ backAfterMs: 8_000 }).bad).toEqual(['will']);
  });

  describe('of a target that follows the standard when a client connects again', () => {
    interface Return {
      readonly options?: ConnectOptions;
      readonly delaySeconds?: number;
      /** Whether the former connection is still open when the client connects again. */
      readonly isOpen?: boolean;
      readonly back?: ConnectOptions;
      readonly wills?: number;
      readonly fault?: readonly [kind: string, members: readonly string[]];
      readonly limits?: Partial<Limits>;
    }

    function comeBack(how: Return): { bad: string[]; text: string } {
      const { options, delaySeconds = 0, isOpen = true, back, wills = 0, fault } = how;
      const history = new HistoryBuilder(how.limits ?? { willAtTakeover: true });
      const watcher = history.connect('watcher', { server: 'C' });
      history.subscribe(watcher, 'wills/#', 1);
      const record = history.will('wills/1', { delaySeconds });
      const former = history.connect('client', { will: record, ...options });
      history.wait(30_000);
      const heal = fault ? history.fault(...fault) : undefined;
      if (!isOpen) history.close(former);
      for (let count = 0; count < wills; count++) history.deliver(watcher, record.message, record.topic);
      history.connect('client', { server: 'B', sessionPresent: options?.clean !== true, ...back });
      if (isOpen) history.close(former, 'server');
      heal?.();
      history.wait(60_000);
      return ruleOfWill(history);
    }

    const five = { version: 5, expirySeconds: 100 } as const;
    const cleanStart = { version: 5, clean: true, sessionPresent: false } as const;

    test.each([true, false])(
      'reports a missing will; the former connection is still open: %p [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8]',
      (isOpen) => {
        expect(comeBack({ isOpen, wills: 1 }).bad).toEqual([]);
        expect(comeBack({ isOpen }).text).toContain('was not delivered to watcher');
        expect(comeBack({ isOpen }).bad).toEqual(['will']);
        expect(comeBack({ isOpen, wills: 2 }).bad).toEqual(['will']);
        const ended = { options: five, delaySeconds: 20, isOpen, back: cleanStart };
        expect(comeBack({ ...ended, wills: 1 }).bad).toEqual([]);
        expect(comeBack(ended).bad).toEqual(['will']);
        const clean = { version: 5, clean: true } as const;
        expect(comeBack({ options: clean, delaySeconds: 20, isOpen, back: cleanStart }).bad).toEqual([
          'will',
        ]);
      },
    );

    test('reports a will with a delay that was published although the session goes on [5.0 MQTT-3.1.3-9]', () => {
      const resumed = { options: five, delaySeconds: 20, back: { version: 5 } } as const;
      expect(comeBack(resumed).bad).toEqual([]);
      expect(comeBack({ ...resumed, wills: 1 }).bad).toEqual(['will']);
    });

    test('accepts one will or none if a fault affected one of the two servers, or the target has another rule', () => {
      for (const wills of [0, 1]) {
        for (const server of ['A', 'B']) {
          expect(comeBack({ wills, fault: ['kill', [server]] }).bad).toEqual([]);
        }
        expect(comeBack({ wills, limits: {} }).bad).toEqual([]);
      }
      expect(comeBack({ wills: 2, fault: ['kill', ['A']] }).bad).toEqual(['will']);
    });

    test('reports a will of a client that its stopping server has moved (P10)', () => {
      const run = (wills: number, backAfterMs: number): { bad: string[]; text: string } => {
        const history = new HistoryBuilder({ willAtTakeover: true });
        const watcher = history.connect('watcher', { server: 'C' });
        history.subscribe(watcher, 'wills/#', 1);
        const record = history.will('wills/1');
        const former = history.connect('client', { will: record });
        history.wait(30_000);
        const started = history.fault('stop', ['A']);
        history.close(former, 'server');
        history.wait(backAfterMs);
        history.connect('client', { server: 'B', sessionPresent: true });
        for (let count = 0; count < wills; count++) history.deliver(watcher, record.message, record.topic);
        started();
        history.wait(60_000);
        return ruleOfWill(history);
      };
      expect(run(0, 500).bad).toEqual([]);
      expect(run(1, 500).text).toContain('had moved its client');
      expect(run(1, 500).bad).toEqual(['will']);
      expect(run(1, 4_500).bad).toEqual([]);
    });
  });

  test('reports a will that was published after the client reconnected to a server with a majority (P6)', () => {
    const back = { server: 'B' } as const;
    const late = { back, backAfterMs: 50, deliveredAfterMs: [2_000] };
    expect(die({ ...late, deliveredAfterMs: [500] }).bad).toEqual([]);
    expect(die(late).text).toContain('although its client had reconnected at');
    expect(die(late).bad).toEqual(['will']);
    expect(die({ ...late, cut: ['B'] }).bad).toEqual([]);
    // The server may have accepted a clean session without a majority.
    const clean = { ...late, back: { ...back, clean: true, sessionPresent: false }, cut: ['A'] };
    expect(die({ ...clean, limits: { degradedAcks: true } }).bad).toEqual([]);
    expect(die({ ...clean, limits: { degradedAcks: false } }).bad).toEqual(['will']);
  });

  test('accepts a late will if other requests to servers without a fault were late at the same time', () => {
    const run = (waitMs: number, server: string): string[] => {
      const history = new HistoryBuilder();
      const watcher = history.connect('watcher', { server: 'C' });
      history.subscribe(watcher, 'wills/#', 1);
      const record = history.will('wills/1');
      const dying = history.connect('dying', { will: record });
      const publisher = history.connect('publisher', { server });
      if (server === 'B') history.fault('kill', ['B']);
      history.close(dying);
      const message = history.publish(publisher, 't', { ack: null });
      history.wait(waitMs);
      history.events.push({ type: 'acked', at: history.now(), connection: publisher, message, code: 0 });
      history.wait(7_000 - waitMs);
      history.deliver(watcher, record.message, record.topic);
      history.wait(60_000);
      return violated(history.verdict());
    };
    expect(run(4_000, 'C')).toEqual([]);
    expect(run(500, 'C')).toEqual(['will']);
    expect(run(4_000, 'B')).toEqual(['will']);
  });

  test('reports a will that was published while its client was connected', () => {
    const history = new HistoryBuilder();
    const watcher = history.connect('watcher', { server: 'C' });
    history.subscribe(watcher, 'wills/#', 1);
    const record = history.will('wills/1');
    history.connect('living', { will: record });
    history.deliver(watcher, record.message, record.topic);
    expect(ruleOfWill(history).text).toContain('has been connected since');
  });

  test('accepts a late will if the cluster had no majority and published the will when the majority was back', () => {
    const run = (members: readonly string[]): string[] => {
      const history = new HistoryBuilder();
      const watcher = history.connect('watcher', { server: 'C' });
      history.subscribe(watcher, 'wills/#', 1);
      const record = history.will('wills/1');
      const dying = history.connect('dying', { will: record });
      history.wait(5_000);
      const heal = history.fault('kill', members);
      history.close(dying, 'lost');
      history.wait(20_000);
      if (members.includes('C')) history.close(watcher, 'lost');
      heal();
      if (!members.includes('C')) history.deliver(watcher, record.message, record.topic);
      else
        history.deliver(history.connect('watcher', { sessionPresent: true }), record.message, record.topic);
      history.wait(60_000);
      return violated(history.verdict());
    };
    expect(run(['A', 'B'])).toEqual([]);
    expect(run(['A'])).toEqual(['will']);
  });

  test('does not check a will to which no client had subscribed', () => {
    const history = new HistoryBuilder();
    history.close(history.connect('dying', { will: history.will('wills/1') }));
    history.wait(60_000);
    expect(ruleOf(history.verdict(), 'will')).toMatchObject({ checked: 0, violations: 0 });
  });
});
