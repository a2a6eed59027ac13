import { HistoryBuilder, ruleOf, violated } from './history-builder.ts';
import type { MessageOptions } from './history-builder.ts';

const qos2 = { qos: 2 } as const;

/** A history with the members A, B and C and, beyond a link, the broker R. Every client is connected. */
function linked(remotesForget = false) {
  const history = new HistoryBuilder({}, ['R'], remotesForget);
  history.probe();
  const near = history.connect('near', { server: 'A' });
  const far = history.connect('far', { server: 'R' });
  const nearSubscriber = history.connect('near-subscriber', { server: 'B' });
  const farSubscriber = history.connect('far-subscriber', { server: 'R' });
  history.subscribe(nearSubscriber, 'a/#');
  history.subscribe(farSubscriber, 'a/#');
  /** Publishes on one side and delivers on both. */
  const pass = (publisher: number, options: MessageOptions = {}, farToo = true): number => {
    const message = history.publish(publisher, 'a/b', options);
    history.deliver(nearSubscriber, message, 'a/b', options);
    if (farToo) history.deliver(farSubscriber, message, 'a/b', options);
    return message;
  };
  return { history, near, far, nearSubscriber, farSubscriber, pass };
}

describe('across-link (P2, P7)', () => {
  test('counts the messages of both directions, and accepts a history in which each message arrives once', () => {
    const { history, near, far, pass } = linked();
    pass(near, qos2);
    pass(far);
    pass(far, qos2);
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'across-link')).toMatchObject({ parts: { out: 1, in: 2 }, excused: 0 });
  });

  test('counts a repeated QoS 1 message as an exception, and reports a repeated QoS 2 message', () => {
    const { history, near, farSubscriber, pass } = linked();
    history.deliver(farSubscriber, pass(near), 'a/b');
    const repeated = history.verdict();
    expect(violated(repeated)).toEqual([]);
    expect(ruleOf(repeated, 'across-link').excused).toBe(1);
    const exact = linked();
    exact.history.deliver(exact.farSubscriber, exact.pass(exact.near, qos2), 'a/b', qos2);
    expect(violated(exact.history.verdict())).toEqual(['qos2-duplicate']);
  });

  test.each([
    [14_000, []],
    [16_000, ['across-link']],
  ] as const)('reports a message that passes the link later than 15 s without a fault: %d ms', (ms, bad) => {
    const { history, near, farSubscriber, pass } = linked();
    const message = pass(near, {}, false);
    history.wait(ms);
    history.probe();
    history.deliver(farSubscriber, message, 'a/b');
    expect(violated(history.verdict())).toEqual(bad);
  });

  test('counts the time from the end of the effects of a fault on any server', () => {
    const { history, near, farSubscriber, pass } = linked();
    const message = pass(near, {}, false);
    const end = history.fault('cut', ['R'], [['R']]);
    history.wait(40_000);
    end();
    // The effects of the cut last for 10 s.
    history.wait(20_000);
    history.probe();
    history.deliver(farSubscriber, message, 'a/b');
    expect(violated(history.verdict())).toEqual([]);
  });
});

describe('losses of a broker beyond a link', () => {
  /** Loses a message that was acknowledged 1 s before the fault, and repeats another one after it. */
  const run = (
    fault: string,
    options: MessageOptions,
    loses = true,
    repeats = true,
    remotesForget = true,
  ): string[] => {
    const { history, near, farSubscriber, pass } = linked(remotesForget);
    const repeated = pass(near, options);
    if (loses) pass(near, options, false);
    history.wait(1_000);
    const end = history.fault(fault, ['R'], [['R']]);
    history.wait(2_000);
    end();
    if (repeats) history.deliver(farSubscriber, repeated, 'a/b', options);
    return violated(history.verdict());
  };

  test('accepts losses and repetitions around a kill, because the broker has not saved its state', () => {
    expect(run('kill', { qos: 1 })).toEqual([]);
    expect(run('kill', qos2)).toEqual([]);
  });

  test('accepts neither losses nor repetitions around a kill if the broker saves before it acknowledges', () => {
    expect(run('kill', qos2, true, false, false)).toEqual(['acked-but-lost']);
    expect(run('kill', { qos: 1 }, true, false, false)).toEqual(['acked-but-lost']);
    expect(run('kill', qos2, false, true, false)).toEqual(['qos2-duplicate']);
  });

  test.each(['stop', 'cut', 'pause'])(
    'accepts neither losses nor repetitions around the fault %s',
    (fault) => {
      expect(run(fault, qos2, true, false)).toEqual(['acked-but-lost']);
      expect(run(fault, { qos: 1 }, true, false)).toEqual(['acked-but-lost']);
      expect(run(fault, qos2, false, true)).toEqual(['qos2-duplicate']);
    },
  );

  test('accepts no loss on the side of the cluster, also around a kill', () => {
    const { history, near } = linked(true);
    history.publish(near, 'a/b', qos2);
    history.fault('kill', ['R'], [['R']])();
    const { findings } = ruleOf(history.verdict(), 'acked-but-lost');
    expect(findings.map(({ text }) => text.replace(/ never .*/, ''))).toEqual(['near-subscriber']);
  });

  test('does not count the broker beyond the link for the majority of the cluster', () => {
    const { history } = linked();
    // Two of four servers have a fault, but only one of three members.
    const endCut = history.fault('cut', ['R'], [['R']]);
    const endKill = history.fault('kill', ['A'], [['A']]);
    const connection = history.connect('waiting', { server: 'B' });
    history.events.push({
      type: 'publish',
      at: history.now(),
      connection,
      message: history.nextMessage(),
      topic: 'x',
      qos: 1,
      retain: false,
      dup: false,
      clear: false,
    });
    history.wait(5_000);
    history.probe();
    endKill();
    endCut();
    expect(violated(history.verdict())).toEqual(['served']);
  });
});
