import { ruleOf, HistoryBuilder, violated } from './history-builder.ts';

/** @returns a history with a persistent subscriber on A and a publisher on B */
function pair(
  filter = 't/#',
  limits = {},
): { history: HistoryBuilder; subscriber: number; publisher: number } {
  const history = new HistoryBuilder(limits);
  const subscriber = history.connect('subscriber');
  history.subscribe(subscriber, filter);
  const publisher = history.connect('publisher', { server: 'B' });
  return { history, subscriber, publisher };
}

describe('acked-but-lost (P1, P2)', () => {
  test.each([1, 2] as const)('reports an acknowledged QoS %d message that was not delivered', (qos) => {
    const { history, publisher } = pair();
    history.publish(publisher, 't/1', { qos });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual(['acked-but-lost']);
    expect(ruleOf(verdict, 'acked-but-lost').findings[0]?.text).toMatch(
      /^subscriber never received message 1 of publisher \(t\/1, QoS \d, sent .* to B, acknowledged .* by B\)/,
    );
  });

  test('accepts a delivery after a reconnect', () => {
    const { history, subscriber, publisher } = pair();
    const message = history.publish(publisher, 't/1');
    history.close(subscriber);
    const again = history.connect('subscriber', { server: 'C', sessionPresent: true });
    history.deliver(again, message, 't/1', { dup: true });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'acked-but-lost').checked).toBe(1);
  });

  test('accepts the loss of a message if the message is unacknowledged, rejected, older than the subscription, on another topic, or has QoS 0', () => {
    const { history, publisher } = pair('t/+');
    history.publish(publisher, 't/1', { ack: null });
    history.publish(publisher, 't/1', { ack: 0x97 });
    history.publish(publisher, 't/1', { qos: 0 });
    history.publish(publisher, 't/1/2', { qos: 2 });
    history.publish(publisher, 'late', { qos: 2 });
    const other = history.connect('other');
    history.subscribe(other, 't/#', 0);
    history.subscribe(other, 'late', 2);
    history.publish(publisher, 't/1/3', { qos: 2 });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'acked-but-lost').checked).toBe(0);
  });

  test('does not report an undelivered message if the client had no active subscription, its session has ended, or it is still offline', () => {
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher');
    history.subscribe(history.connect('unanswered'), 't', 1, null);
    history.subscribe(history.connect('refused'), 't', 1, 0x87);
    const leaver = history.connect('leaver');
    history.subscribe(leaver, 't');
    const cleaner = history.connect('cleaner');
    history.subscribe(cleaner, 't');
    const traveller = history.connect('traveller');
    history.subscribe(traveller, 't');
    history.publish(publisher, 't');
    history.unsubscribe(leaver, 't');
    history.close(cleaner);
    history.close(history.connect('cleaner', { clean: true }));
    history.connect('cleaner');
    history.close(traveller);
    expect(violated(history.verdict())).toEqual([]);
  });

  test('reports an undelivered message of a clean session only if the message was sent while the connection of that session was open', () => {
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher');
    const first = history.connect('clean', { clean: true });
    history.subscribe(first, 't');
    history.publish(publisher, 't');
    history.close(first, 'lost');
    const second = history.connect('clean', { clean: true });
    history.subscribe(second, 't');
    expect(violated(history.verdict())).toEqual([]);

    const lost = new HistoryBuilder();
    const sender = lost.connect('publisher');
    lost.subscribe(lost.connect('clean', { clean: true }), 't');
    lost.publish(sender, 't');
    expect(violated(lost.verdict())).toEqual(['acked-but-lost']);
  });

  test('accepts a single copy of a message that matches overlapping subscriptions', () => {
    const { history, subscriber, publisher } = pair('t/#');
    history.subscribe(subscriber, 't/+', 1);
    const message = history.publish(publisher, 't/1');
    history.deliver(subscriber, message, 't/1');
    expect(violated(history.verdict())).toEqual([]);
  });

  test('accepts that a client with the subscription # receives no message of a topic that begins with $ [3.1.1 MQTT-4.7.2-1] [5.0 MQTT-4.7.2-1]', () => {
    const { history, publisher } = pair('#');
    history.publish(publisher, '$other/1');
    const message = history.publish(publisher, 'plain');
    expect(history.verdict().rules[0]?.violations).toBe(1);
    expect(message).toBe(2);
  });

  test('reports a message that matches a shared subscription and that no subscriber of that subscription received', () => {
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher');
    const first = history.connect('first');
    const second = history.connect('second', { server: 'B' });
    history.subscribe(first, '$share/g/t');
    history.subscribe(second, '$share/g/t');
    const message = history.publish(publisher, 't', { qos: 2 });
    history.deliver(second, message, 't', { qos: 2 });
    expect(violated(history.verdict())).toEqual([]);

    const lost = new HistoryBuilder();
    const sender = lost.connect('publisher');
    lost.subscribe(lost.connect('first'), '$share/g/t');
    lost.subscribe(lost.connect('second'), '$share/g/t');
    lost.publish(sender, 't', { qos: 2 });
    const verdict = lost.verdict();
    expect(violated(verdict)).toEqual(['acked-but-lost']);
    expect(ruleOf(verdict, 'acked-but-lost').findings[0]?.text).toContain(
      'no subscriber of $share/g/t received',
    );
  });

  test('accepts that a shared subscription loses a QoS 2 message, but not a QoS 1 message, when its subscriber leaves (MQTT 5, 4.8.2)', () => {
    const run = (qos: 1 | 2): string[] => {
      const history = new HistoryBuilder();
      const publisher = history.connect('publisher');
      history.subscribe(history.connect('stays'), '$share/g/t');
      const leaver = history.connect('leaves', { clean: true });
      history.subscribe(leaver, '$share/g/t');
      history.publish(publisher, 't', { qos });
      history.close(leaver);
      return violated(history.verdict());
    };
    expect(run(2)).toEqual([]);
    expect(run(1)).toEqual(['acked-but-lost']);
  });

  test('counts a lost message with a degraded acknowledgement as an exception if the only disk that stored the message was wiped', () => {
    const run = (limits: { degradedAcks: boolean }, wiped: string) => {
      const { history, publisher } = pair('t', limits);
      const heal = history.fault('cut', ['B']);
      history.publish(publisher, 't');
      history.fault('wipe', [wiped])();
      heal();
      return ruleOf(history.verdict(), 'acked-but-lost');
    };
    const verdict = run({ degradedAcks: true }, 'B');
    expect(verdict).toMatchObject({ violations: 0, excused: 1 });
    expect(verdict.excuses[0]?.text).toContain('degraded loss (the disk of B was wiped)');
    expect(run({ degradedAcks: true }, 'C')).toMatchObject({ violations: 1, excused: 0 });
    expect(run({ degradedAcks: false }, 'B')).toMatchObject({ violations: 1, excused: 0 });
  });

  test('reports the loss of a message if another server had delivered the message before the disk of the first server was wiped', () => {
    const run = (server: string) => {
      const { history, publisher } = pair('t', { degradedAcks: true });
      const other = history.connect('other', { server });
      history.subscribe(other, 't', 1);
      const heal = history.fault('cut', ['B']);
      const message = history.publish(publisher, 't');
      history.deliver(other, message, 't');
      history.fault('wipe', ['B'])();
      heal();
      return ruleOf(history.verdict(), 'acked-but-lost');
    };
    expect(run('B')).toMatchObject({ violations: 0, excused: 1 });
    expect(run('C')).toMatchObject({ violations: 1, excused: 0 });
  });

  test('reports the loss of a message if the disk of its server was wiped long after the acknowledgement and the server had no other fault', () => {
    const run = (pauseMs: number) => {
      const { history, publisher } = pair('t', { degradedAcks: true });
      // Server C has a fault during the whole run.
      history.fault('slow', ['C']);
      history.publish(publisher, 't');
      history.wait(pauseMs);
      history.fault('wipe', ['B'])();
      return ruleOf(history.verdict(), 'acked-but-lost');
    };
    expect(run(3_000)).toMatchObject({ violations: 0, excused: 1 });
    expect(run(12_000)).toMatchObject({ violations: 1, excused: 0 });
  });

  test('reports the loss of a message with a degraded acknowledgement when no disk was wiped', () => {
    const { history, publisher } = pair('t', { degradedAcks: true });
    const heal = history.fault('cut', ['B']);
    history.publish(publisher, 't');
    heal();
    expect(violated(history.verdict())).toEqual(['acked-but-lost']);
  });

  test('counts lost messages as exceptions if they were the oldest messages of an offline queue that exceeded its bound', () => {
    const run = (queuedMessagesMax: number): string[] => {
      const { history, subscriber, publisher } = pair('t', { queuedMessagesMax });
      history.close(subscriber);
      const messages = [1, 2, 3, 4].map(() => history.publish(publisher, 't'));
      const again = history.connect('subscriber', { sessionPresent: true });
      for (const message of messages.slice(1)) history.deliver(again, message, 't');
      return violated(history.verdict());
    };
    expect(run(3)).toEqual([]);
    expect(run(4)).toEqual(['acked-but-lost']);
  });
});

describe('qos2-duplicate (P2)', () => {
  test('reports a second delivery of a QoS 2 message after a reconnect', () => {
    const { history, subscriber, publisher } = pair();
    const message = history.publish(publisher, 't/1', { qos: 2 });
    history.deliver(subscriber, message, 't/1', { qos: 2 });
    history.close(subscriber);
    const again = history.connect('subscriber', { sessionPresent: true });
    history.deliver(again, message, 't/1', { qos: 2, dup: true });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual(['qos2-duplicate']);
    expect(ruleOf(verdict, 'qos2-duplicate').findings[0]?.text).toContain('2 times');
  });

  test('accepts a second delivery of a QoS 1 message, and a second copy of a QoS 2 message that is marked as retained', () => {
    const { history, subscriber, publisher } = pair();
    const low = history.publish(publisher, 't/1', { qos: 1 });
    history.deliver(subscriber, low, 't/1');
    history.deliver(subscriber, low, 't/1');
    const kept = history.publish(publisher, 't/2', { qos: 2, retain: true });
    history.deliver(subscriber, kept, 't/2', { qos: 2 });
    history.deliver(subscriber, kept, 't/2', { qos: 2, retain: true });
    expect(violated(history.verdict())).toEqual([]);
  });

  test('accepts one delivery of a QoS 2 message for each publisher session in which the message was sent', () => {
    const run = (sessionPresent: boolean): string[] => {
      const { history, subscriber, publisher } = pair();
      const message = history.publish(publisher, 't/1', { qos: 2, ack: null });
      history.deliver(subscriber, message, 't/1', { qos: 2 });
      history.close(publisher, 'lost');
      const again = history.connect('publisher', { clean: !sessionPresent, sessionPresent });
      history.send(again, message, 't/1', { qos: 2, dup: true });
      history.deliver(subscriber, message, 't/1', { qos: 2 });
      return violated(history.verdict());
    };
    expect(run(true)).toEqual(['qos2-duplicate']);
    expect(run(false)).toEqual([]);
  });

  test('accepts one copy of a QoS 2 message for each overlapping subscription [3.1.1 MQTT-3.3.5-1] [5.0 MQTT-3.3.4-2]', () => {
    const run = (copies: number): string[] => {
      const { history, subscriber, publisher } = pair('t/#');
      history.subscribe(subscriber, 't/+');
      const message = history.publish(publisher, 't/1', { qos: 2 });
      for (let copy = 0; copy < copies; copy++) history.deliver(subscriber, message, 't/1', { qos: 2 });
      return violated(history.verdict());
    };
    expect(run(2)).toEqual([]);
    expect(run(3)).toEqual(['qos2-duplicate']);
  });

  test('reports a QoS 2 message that two subscribers of one shared subscription received', () => {
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher');
    const members = ['first', 'second'].map((name) => history.connect(name));
    for (const member of members) history.subscribe(member, '$share/g/t');
    const message = history.publish(publisher, 't', { qos: 2 });
    for (const member of members) history.deliver(member, message, 't', { qos: 2 });
    expect(violated(history.verdict())).toEqual(['qos2-duplicate']);
  });
});

describe('order (P2)', () => {
  test.each([0, 1, 2] as const)(
    'reports two QoS %d messages of one connection and topic in the wrong order',
    (qos) => {
      const { history, subscriber, publisher } = pair();
      const [first, second] = [1, 2].map(() => history.publish(publisher, 't/1', { qos })) as [
        number,
        number,
      ];
      history.deliver(subscriber, second, 't/1', { qos });
      history.deliver(subscriber, first, 't/1', { qos });
      expect(violated(history.verdict())).toEqual(['order']);
    },
  );

  test('accepts redeliveries in any order, and messages of different topics, QoS levels or publishers in any order', () => {
    const { history, subscriber, publisher } = pair();
    const other = history.connect('other');
    const first = history.publish(publisher, 't/1');
    const second = history.publish(publisher, 't/1');
    const elsewhere = history.publish(publisher, 't/2');
    const higher = history.publish(publisher, 't/1', { qos: 2 });
    const foreign = history.publish(other, 't/1');
    history.deliver(subscriber, foreign, 't/1');
    history.deliver(subscriber, higher, 't/1', { qos: 2 });
    history.deliver(subscriber, elsewhere, 't/2');
    history.deliver(subscriber, first, 't/1');
    history.deliver(subscriber, second, 't/1');
    history.close(subscriber);
    const again = history.connect('subscriber', { sessionPresent: true });
    history.deliver(again, first, 't/1', { dup: true });
    history.deliver(again, second, 't/1', { dup: true });
    expect(violated(history.verdict())).toEqual([]);
  });

  test('reports messages that were resent on a new connection and delivered in another order [3.1.1 MQTT-4.6.0-1]', () => {
    const { history, subscriber, publisher } = pair();
    const [first, second] = [1, 2].map(() => history.publish(publisher, 't/1', { ack: null })) as [
      number,
      number,
    ];
    history.close(publisher, 'lost');
    const again = history.connect('publisher', { sessionPresent: true });
    history.send(again, first, 't/1', { dup: true });
    history.send(again, second, 't/1', { dup: true });
    history.deliver(subscriber, second, 't/1');
    history.deliver(subscriber, first, 't/1');
    expect(violated(history.verdict())).toEqual(['order']);
  });

  test('accepts that a message of an earlier connection is delivered after a message of a later connection', () => {
    const { history, subscriber, publisher } = pair();
    const first = history.publish(publisher, 't/1');
    history.close(publisher, 'lost');
    const again = history.connect('publisher', { server: 'C', sessionPresent: true });
    const second = history.publish(again, 't/1');
    history.deliver(subscriber, second, 't/1');
    history.deliver(subscriber, first, 't/1');
    expect(violated(history.verdict())).toEqual([]);
  });
});

describe('phantom', () => {
  test('reports a message that was never published', () => {
    const { history, subscriber } = pair();
    history.deliver(subscriber, 99, 't/1');
    expect(violated(history.verdict())).toEqual(['phantom']);
  });

  test('reports a message that was delivered on another topic than it was published on', () => {
    const { history, subscriber, publisher } = pair();
    const message = history.publish(publisher, 't/1', { qos: 0 });
    history.deliver(subscriber, message, 't/2', { qos: 0 });
    expect(violated(history.verdict())).toEqual(['phantom']);
  });

  test('reports a delivery without a matching subscription', () => {
    const { history, subscriber, publisher } = pair('t/+');
    const message = history.publish(publisher, 'other', { qos: 0 });
    history.deliver(subscriber, message, 'other', { qos: 0 });
    expect(violated(history.verdict())).toEqual(['phantom']);
  });

  test('reports a message that was sent after UNSUBACK, and accepts a message that was sent before UNSUBACK [3.1.1 MQTT-3.10.4-2] [5.0 MQTT-3.10.4-2]', () => {
    const { history, subscriber, publisher } = pair('t');
    const before = history.publish(publisher, 't');
    history.unsubscribe(subscriber, 't');
    history.deliver(subscriber, before, 't');
    expect(violated(history.verdict())).toEqual([]);

    const bad = pair('t');
    bad.history.unsubscribe(bad.subscriber, 't');
    const after = bad.history.publish(bad.publisher, 't');
    bad.history.deliver(bad.subscriber, after, 't');
    expect(violated(bad.history.verdict())).toEqual(['phantom']);
  });

  test.each([
    [1, 2, 2, ['phantom']],
    [2, 1, 2, ['phantom']],
    [2, 2, 2, []],
    [1, 2, 1, []],
    [2, 2, 1, ['phantom']],
    [1, 1, 0, ['phantom']],
  ] as const)(
    'reports a delivery unless its QoS is the lower of published and subscribed QoS: QoS %d published, %d subscribed, %d delivered',
    (publish, subscribe, deliver, bad) => {
      const history = new HistoryBuilder();
      const subscriber = history.connect('subscriber');
      history.subscribe(subscriber, 't', subscribe);
      const message = history.publish(subscriber, 't', { qos: publish });
      history.deliver(subscriber, message, 't', { qos: deliver });
      expect(violated(history.verdict())).toEqual(bad);
    },
  );

  test('reports a delivery that is wrongly marked as retained, and the delivery of a rejected message', () => {
    const { history, subscriber, publisher } = pair();
    const message = history.publish(publisher, 't/1', { qos: 0 });
    history.deliver(subscriber, message, 't/1', { qos: 0, retain: true });
    const refused = history.publish(publisher, 't/1', { ack: 0x97 });
    history.deliver(subscriber, refused, 't/1');
    expect(ruleOf(history.verdict(), 'phantom').violations).toBe(2);
  });

  test('accepts a delivery with an empty payload only after a client cleared the retained message of its topic', () => {
    const { history, subscriber, publisher } = pair();
    history.publish(publisher, 't/1', { retain: true, clear: true });
    history.deliver(subscriber, 0, 't/1');
    expect(violated(history.verdict())).toEqual([]);

    const bad = pair();
    bad.history.deliver(bad.subscriber, 0, 't/1');
    expect(violated(bad.history.verdict())).toEqual(['phantom']);
  });
});

test('the rule crash reports a member that exited unexpectedly', () => {
  expect(violated(new HistoryBuilder().verdict(['B ended with code 1']))).toEqual(['crash']);
  expect(violated(new HistoryBuilder().verdict())).toEqual([]);
});
