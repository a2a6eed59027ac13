import { ruleOf, HistoryBuilder, violated } from './history-builder.ts';

describe('served (P7, P8)', () => {
  interface Wait {
    /** Duration of the wait, ms. */
    readonly ms: number;
    readonly fault?: string;
    readonly healed?: boolean;
    readonly wakeMs?: number;
    readonly syncMs?: number;
    readonly runnable?: number;
    readonly probed?: boolean;
  }

  function waiting({ ms, fault, healed = false, wakeMs = 0, syncMs = 0, runnable = 1, probed = true }: Wait) {
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher', { server: 'A' });
    history.wait(5_000);
    const heal = fault === undefined ? undefined : history.fault('cut', [fault]);
    if (healed) heal?.();
    if (healed) history.wait(11_000);
    const wait = (): void => {
      history.wait(ms);
      if (probed) history.probe(wakeMs, syncMs, runnable);
    };
    return { history, publisher, wait, heal };
  }

  const publishing = (how: Wait): string[] => {
    const { history, publisher, wait } = waiting(how);
    const message = history.publish(publisher, 't', { ack: null });
    wait();
    history.events.push({ type: 'acked', at: history.now(), connection: publisher, message, code: 0 });
    return violated(history.verdict());
  };

  test('reports a server without a fault that acknowledges a PUBLISH late', () => {
    expect(publishing({ ms: 2_900 })).toEqual([]);
    expect(publishing({ ms: 3_100 })).toEqual(['served']);
    expect(publishing({ ms: 3_100, fault: 'B' })).toEqual(['served']);
    expect(publishing({ ms: 3_100, fault: 'A' })).toEqual([]);
    expect(publishing({ ms: 3_100, fault: 'A', healed: true })).toEqual(['served']);
  });

  test('extends the time bound of an answer by the measured delays of the machine, not by the delays of other clients', () => {
    expect(publishing({ ms: 5_000, wakeMs: 200 })).toEqual([]);
    expect(publishing({ ms: 5_000, syncMs: 600 })).toEqual([]);
    expect(publishing({ ms: 5_000, runnable: 20 })).toEqual([]);
    expect(publishing({ ms: 5_000, runnable: 4 })).toEqual(['served']);
    expect(publishing({ ms: 15_000, wakeMs: 200 })).toEqual(['served']);
    // On a starved machine the checker judges no times.
    expect(publishing({ ms: 15_000, wakeMs: 600 })).toEqual([]);
    expect(publishing({ ms: 5_000, probed: false })).toEqual([]);
  });

  test('reports a PUBLISH that the server never acknowledged', () => {
    const { history, publisher, wait } = waiting({ ms: 4_000 });
    history.publish(publisher, 't', { ack: null });
    wait();
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual(['served']);
    expect(ruleOf(verdict, 'served').findings[0]?.text).toMatch(/waited from .* on A, which had no fault$/);
  });

  test('reports a request that was sent during a fault and not answered within the time bound after the fault', () => {
    const run = (ms: number): string[] => {
      const { history, publisher, heal } = waiting({ ms: 0, fault: 'A' });
      const message = history.publish(publisher, 't', { ack: null });
      heal?.();
      history.wait(ms);
      history.probe();
      history.events.push({ type: 'acked', at: history.now(), connection: publisher, message, code: 0 });
      return violated(history.verdict());
    };
    expect(run(12_500)).toEqual([]);
    expect(run(13_500)).toEqual(['served']);
  });

  test('reports a client that servers without a fault reject for too long', () => {
    const run = (how: { times: number; cut?: boolean; pauseMs?: number; contested?: boolean }): string[] => {
      const { history } = waiting({ ms: 0, ...(how.cut ? { fault: 'A' } : {}) });
      history.probe();
      if (how.contested) history.connect('redirected');
      for (let time = 0; time < how.times; time++) {
        history.close(history.connect('redirected', { answered: false }), 'server');
        history.wait(how.pauseMs ?? 200);
      }
      history.connect('redirected', { sessionPresent: how.contested === true });
      return violated(history.verdict()).filter((rule) => rule === 'served');
    };
    expect(run({ times: 10 })).toEqual([]);
    expect(run({ times: 20 })).toEqual(['served']);
    expect(run({ times: 20, cut: true })).toEqual([]);
    expect(run({ times: 20, contested: true })).toEqual([]);
    // A client that pauses for more than 1 s before it connects again does so by intention.
    expect(run({ times: 4, pauseMs: 1_500 })).toEqual([]);
  });

  test('reports a server without a fault that answers CONNECT or SUBSCRIBE late', () => {
    const connecting = waiting({ ms: 4_000 });
    connecting.history.connect('late', { answered: false });
    connecting.wait();
    expect(violated(connecting.history.verdict())).toEqual(['served']);

    const subscribing = waiting({ ms: 4_000 });
    subscribing.history.subscribe(subscribing.publisher, 't', 1, null);
    subscribing.wait();
    expect(violated(subscribing.history.verdict())).toEqual(['served']);
  });

  const delivering = (ms: number, cut: readonly string[] = [], reconnects = false): string[] => {
    const { history, publisher } = waiting({ ms: 0 });
    let subscriber = history.connect('subscriber', { server: 'B' });
    history.subscribe(subscriber, 't', 1);
    const heal = cut.length > 0 ? history.fault('cut', cut) : undefined;
    const message = history.publish(publisher, 't');
    if (reconnects) history.close(subscriber);
    history.wait(ms);
    heal?.();
    if (reconnects) subscriber = history.connect('subscriber', { server: 'C', sessionPresent: true });
    history.probe();
    history.deliver(subscriber, message, 't');
    return violated(history.verdict());
  };

  test('reports a late delivery of an acknowledged message to a connected subscriber', () => {
    expect(delivering(2_000)).toEqual([]);
    expect(delivering(4_000)).toEqual(['served']);
    expect(delivering(4_000, ['C'])).toEqual(['served']);
    // The subscriber's server is isolated, or the subscriber was disconnected.
    expect(delivering(4_000, ['B'])).toEqual([]);
    expect(delivering(4_000, [], true)).toEqual([]);
    // The server that acknowledged the message is isolated, so the message is replicated after the heal.
    expect(delivering(4_000, ['A'])).toEqual([]);
  });
});

describe('qos0-lost (P7)', () => {
  /** @param lost number of the messages from A to B that are not delivered */
  const send = (
    sent: number,
    lost: number,
    how: { cut?: string; leaves?: boolean; wakeMs?: number; knownMs?: number } = {},
  ) => {
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher', { server: 'A' });
    const subscriber = history.connect('subscriber', { server: 'B', clean: true });
    history.subscribe(subscriber, 't', 1);
    history.wait(how.knownMs ?? 5_000);
    if (how.cut !== undefined) history.fault('cut', [how.cut]);
    for (let count = 0; count < sent; count++) {
      const message = history.publish(publisher, 't', { qos: 0 });
      if (count >= lost) history.deliver(subscriber, message, 't', { qos: 0 });
    }
    if (how.leaves) history.close(publisher);
    history.probe(how.wakeMs);
    history.wait(10_000);
    const verdict = history.verdict();
    return { bad: violated(verdict), rule: ruleOf(verdict, 'qos0-lost') };
  };

  test('reports the loss of all QoS 0 messages, and the loss of more than the allowed share of the QoS 0 messages', () => {
    expect(send(10, 0)).toMatchObject({ bad: [], rule: { checked: 10, excused: 0 } });
    expect(send(10, 10).bad).toEqual(['qos0-lost']);
    expect(send(100, 3).bad).toEqual(['qos0-lost']);
    expect(send(10, 10).rule.findings[0]?.text).toMatch(
      /^10 of 10 QoS 0 messages were lost: subscriber on B never received/,
    );
  });

  test('counts a few lost QoS 0 messages as an exception', () => {
    expect(send(10, 2)).toMatchObject({ bad: [], rule: { excused: 1 } });
    expect(send(1_000, 9)).toMatchObject({ bad: [], rule: { excused: 1 } });
  });

  test('ignores QoS 0 messages if their server is isolated, their publisher disconnects at once, or the machine is starved', () => {
    expect(send(10, 10, { cut: 'C' }).bad).toEqual(['qos0-lost']);
    expect(send(10, 10, { cut: 'A' }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { cut: 'B' }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { leaves: true }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { wakeMs: 600 }).rule).toMatchObject({ checked: 0 });
  });

  test('ignores QoS 0 messages in the first second after a subscription, because other servers may not have received the subscription yet', () => {
    expect(send(10, 10, { knownMs: 500 }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { knownMs: 1_500 }).bad).toEqual(['qos0-lost']);
  });
});
