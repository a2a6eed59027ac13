import { ruleOf, Story, violated } from './history-builder.ts';

describe('served (P7, P8)', () => {
  interface Wait {
    /** Of what is waited for. */
    readonly ms: number;
    readonly fault?: string;
    readonly healed?: boolean;
    readonly wakeMs?: number;
    readonly syncMs?: number;
    readonly runnable?: number;
    readonly probed?: boolean;
  }

  function waiting({ ms, fault, healed = false, wakeMs = 0, syncMs = 0, runnable = 1, probed = true }: Wait) {
    const story = new Story();
    const publisher = story.connect('publisher', { server: 'A' });
    story.wait(5_000);
    const heal = fault === undefined ? undefined : story.fault('cut', [fault]);
    if (healed) heal?.();
    if (healed) story.wait(11_000);
    const wait = (): void => {
      story.wait(ms);
      if (probed) story.probe(wakeMs, syncMs, runnable);
    };
    return { story, publisher, wait, heal };
  }

  const publishing = (how: Wait): string[] => {
    const { story, publisher, wait } = waiting(how);
    const message = story.publish(publisher, 't', { ack: null });
    wait();
    story.events.push({ type: 'acked', at: story.now(), connection: publisher, message, code: 0 });
    return violated(story.verdict());
  };

  test('a PUBLISH that is answered late, where no fault is felt', () => {
    expect(publishing({ ms: 2_900 })).toEqual([]);
    expect(publishing({ ms: 3_100 })).toEqual(['served']);
    expect(publishing({ ms: 3_100, fault: 'B' })).toEqual(['served']);
    expect(publishing({ ms: 3_100, fault: 'A' })).toEqual([]);
    expect(publishing({ ms: 3_100, fault: 'A', healed: true })).toEqual(['served']);
  });

  test('a busy machine is measured by itself, not by who was not served', () => {
    expect(publishing({ ms: 5_000, wakeMs: 200 })).toEqual([]);
    expect(publishing({ ms: 5_000, syncMs: 600 })).toEqual([]);
    expect(publishing({ ms: 5_000, runnable: 20 })).toEqual([]);
    expect(publishing({ ms: 5_000, runnable: 4 })).toEqual(['served']);
    expect(publishing({ ms: 15_000, wakeMs: 200 })).toEqual(['served']);
    // A starved one leaves nothing to be said.
    expect(publishing({ ms: 15_000, wakeMs: 600 })).toEqual([]);
    expect(publishing({ ms: 5_000, probed: false })).toEqual([]);
  });

  test('one that is never answered', () => {
    const { story, publisher, wait } = waiting({ ms: 4_000 });
    story.publish(publisher, 't', { ack: null });
    wait();
    const verdict = story.verdict();
    expect(violated(verdict)).toEqual(['served']);
    expect(ruleOf(verdict, 'served').findings[0]?.text).toMatch(/waited from .* on A, which felt no fault$/);
  });

  test('what was asked during a fault is answered when it is no longer felt', () => {
    const tell = (ms: number): string[] => {
      const { story, publisher, heal } = waiting({ ms: 0, fault: 'A' });
      const message = story.publish(publisher, 't', { ack: null });
      heal?.();
      story.wait(ms);
      story.probe();
      story.events.push({ type: 'acked', at: story.now(), connection: publisher, message, code: 0 });
      return violated(story.verdict());
    };
    expect(tell(12_500)).toEqual([]);
    expect(tell(13_500)).toEqual(['served']);
  });

  test('refused by one after the other, where no fault is felt', () => {
    const tell = (how: { times: number; cut?: boolean; pauseMs?: number; contested?: boolean }): string[] => {
      const { story } = waiting({ ms: 0, ...(how.cut ? { fault: 'A' } : {}) });
      story.probe();
      if (how.contested) story.connect('sent-away');
      for (let time = 0; time < how.times; time++) {
        story.close(story.connect('sent-away', { answered: false }), 'server');
        story.wait(how.pauseMs ?? 200);
      }
      story.connect('sent-away', { sessionPresent: how.contested === true });
      return violated(story.verdict()).filter((rule) => rule === 'served');
    };
    expect(tell({ times: 10 })).toEqual([]);
    expect(tell({ times: 20 })).toEqual(['served']);
    expect(tell({ times: 20, cut: true })).toEqual([]);
    expect(tell({ times: 20, contested: true })).toEqual([]);
    // It does not want to come back at once.
    expect(tell({ times: 4, pauseMs: 1_500 })).toEqual([]);
  });

  test('CONNECT and SUBSCRIBE', () => {
    const connecting = waiting({ ms: 4_000 });
    connecting.story.connect('late', { answered: false });
    connecting.wait();
    expect(violated(connecting.story.verdict())).toEqual(['served']);

    const subscribing = waiting({ ms: 4_000 });
    subscribing.story.subscribe(subscribing.publisher, 't', 1, null);
    subscribing.wait();
    expect(violated(subscribing.story.verdict())).toEqual(['served']);
  });

  const delivering = (ms: number, cut: readonly string[] = [], reconnects = false): string[] => {
    const { story, publisher } = waiting({ ms: 0 });
    let subscriber = story.connect('subscriber', { server: 'B' });
    story.subscribe(subscriber, 't', 1);
    const heal = cut.length > 0 ? story.fault('cut', cut) : undefined;
    const message = story.publish(publisher, 't');
    if (reconnects) story.close(subscriber);
    story.wait(ms);
    heal?.();
    if (reconnects) subscriber = story.connect('subscriber', { server: 'C', sessionPresent: true });
    story.probe();
    story.deliver(subscriber, message, 't');
    return violated(story.verdict());
  };

  test('what was acknowledged is delivered soon to those who are there', () => {
    expect(delivering(2_000)).toEqual([]);
    expect(delivering(4_000)).toEqual(['served']);
    expect(delivering(4_000, ['C'])).toEqual(['served']);
    // Its receiver is apart, or was away.
    expect(delivering(4_000, ['B'])).toEqual([]);
    expect(delivering(4_000, [], true)).toEqual([]);
    // Who acknowledged it is apart: it is passed on after the heal.
    expect(delivering(4_000, ['A'])).toEqual([]);
  });
});

describe('qos0-lost (P7)', () => {
  /** @param lost of so many messages that were sent from A to B. */
  const send = (
    sent: number,
    lost: number,
    how: { cut?: string; leaves?: boolean; wakeMs?: number; knownMs?: number } = {},
  ) => {
    const story = new Story();
    const publisher = story.connect('publisher', { server: 'A' });
    const subscriber = story.connect('subscriber', { server: 'B', clean: true });
    story.subscribe(subscriber, 't', 1);
    story.wait(how.knownMs ?? 5_000);
    if (how.cut !== undefined) story.fault('cut', [how.cut]);
    for (let count = 0; count < sent; count++) {
      const message = story.publish(publisher, 't', { qos: 0 });
      if (count >= lost) story.deliver(subscriber, message, 't', { qos: 0 });
    }
    if (how.leaves) story.close(publisher);
    story.probe(how.wakeMs);
    story.wait(10_000);
    const verdict = story.verdict();
    return { bad: violated(verdict), rule: ruleOf(verdict, 'qos0-lost') };
  };

  test('nothing comes through, or too little', () => {
    expect(send(10, 0)).toMatchObject({ bad: [], rule: { checked: 10, excused: 0 } });
    expect(send(10, 10).bad).toEqual(['qos0-lost']);
    expect(send(100, 3).bad).toEqual(['qos0-lost']);
    expect(send(10, 10).rule.findings[0]?.text).toMatch(/^10 of 10 were lost: subscriber on B never got/);
  });

  test('a busy bridge may drop a few', () => {
    expect(send(10, 2)).toMatchObject({ bad: [], rule: { excused: 1 } });
    expect(send(1_000, 9)).toMatchObject({ bad: [], rule: { excused: 1 } });
  });

  test('nobody is owed anything by a server that is apart, or by a sender that was gone at once', () => {
    expect(send(10, 10, { cut: 'C' }).bad).toEqual(['qos0-lost']);
    expect(send(10, 10, { cut: 'A' }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { cut: 'B' }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { leaves: true }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { wakeMs: 600 }).rule).toMatchObject({ checked: 0 });
  });

  test('whoever has just subscribed is not known everywhere yet', () => {
    expect(send(10, 10, { knownMs: 500 }).rule).toMatchObject({ checked: 0 });
    expect(send(10, 10, { knownMs: 1_500 }).bad).toEqual(['qos0-lost']);
  });
});
