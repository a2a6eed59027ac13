import { ruleOf, Story, violated } from './history-builder.ts';

/** A persistent subscriber on A and a publisher on B. */
function pair(filter = 't/#', limits = {}): { story: Story; subscriber: number; publisher: number } {
  const story = new Story(limits);
  const subscriber = story.connect('subscriber');
  story.subscribe(subscriber, filter);
  const publisher = story.connect('publisher', { server: 'B' });
  return { story, subscriber, publisher };
}

describe('acked-but-lost (P1, P2)', () => {
  test.each([1, 2] as const)('an acked QoS %d message that never came', (qos) => {
    const { story, publisher } = pair();
    story.publish(publisher, 't/1', { qos });
    const verdict = story.verdict();
    expect(violated(verdict)).toEqual(['acked-but-lost']);
    expect(ruleOf(verdict, 'acked-but-lost').findings[0]?.text).toMatch(
      /^subscriber never got message 1 of publisher \(t\/1, QoS \d, sent .* to B, acked .* by B\)/,
    );
  });

  test('one that came, at last', () => {
    const { story, subscriber, publisher } = pair();
    const message = story.publish(publisher, 't/1');
    story.close(subscriber);
    const again = story.connect('subscriber', { server: 'C', sessionPresent: true });
    story.deliver(again, message, 't/1', { dup: true });
    const verdict = story.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'acked-but-lost').checked).toBe(1);
  });

  test('nobody promised: no ack, refused, QoS 0, QoS 0 subscription, subscribed later, another topic', () => {
    const { story, publisher } = pair('t/+');
    story.publish(publisher, 't/1', { ack: null });
    story.publish(publisher, 't/1', { ack: 0x97 });
    story.publish(publisher, 't/1', { qos: 0 });
    story.publish(publisher, 't/1/2', { qos: 2 });
    story.publish(publisher, 'late', { qos: 2 });
    const other = story.connect('other');
    story.subscribe(other, 't/#', 0);
    story.subscribe(other, 'late', 2);
    story.publish(publisher, 't/1/3', { qos: 2 });
    const verdict = story.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'acked-but-lost').checked).toBe(0);
  });

  test('no SUBACK, a refusing SUBACK, an UNSUBSCRIBE, an ended session, a client that is away', () => {
    const story = new Story();
    const publisher = story.connect('publisher');
    story.subscribe(story.connect('unanswered'), 't', 1, null);
    story.subscribe(story.connect('refused'), 't', 1, 0x87);
    const leaver = story.connect('leaver');
    story.subscribe(leaver, 't');
    const cleaner = story.connect('cleaner');
    story.subscribe(cleaner, 't');
    const traveller = story.connect('traveller');
    story.subscribe(traveller, 't');
    story.publish(publisher, 't');
    story.unsubscribe(leaver, 't');
    story.close(cleaner);
    story.close(story.connect('cleaner', { clean: true }));
    story.connect('cleaner');
    story.close(traveller);
    expect(violated(story.verdict())).toEqual([]);
  });

  test('a clean session is owed what came while its connection lasted, and nothing of an earlier one', () => {
    const story = new Story();
    const publisher = story.connect('publisher');
    const first = story.connect('clean', { clean: true });
    story.subscribe(first, 't');
    story.publish(publisher, 't');
    story.close(first, 'lost');
    const second = story.connect('clean', { clean: true });
    story.subscribe(second, 't');
    expect(violated(story.verdict())).toEqual([]);

    const lost = new Story();
    const sender = lost.connect('publisher');
    lost.subscribe(lost.connect('clean', { clean: true }), 't');
    lost.publish(sender, 't');
    expect(violated(lost.verdict())).toEqual(['acked-but-lost']);
  });

  test('overlapping subscriptions ask for one copy', () => {
    const { story, subscriber, publisher } = pair('t/#');
    story.subscribe(subscriber, 't/+', 1);
    const message = story.publish(publisher, 't/1');
    story.deliver(subscriber, message, 't/1');
    expect(violated(story.verdict())).toEqual([]);
  });

  test('a topic that begins with $ is not for a wildcard [MQTT-4.7.2-1]', () => {
    const { story, publisher } = pair('#');
    story.publish(publisher, '$other/1');
    const message = story.publish(publisher, 'plain');
    expect(story.verdict().rules[0]?.violations).toBe(1);
    expect(message).toBe(2);
  });

  test('a group is owed one copy, by whomever', () => {
    const story = new Story();
    const publisher = story.connect('publisher');
    const first = story.connect('first');
    const second = story.connect('second', { server: 'B' });
    story.subscribe(first, '$share/g/t');
    story.subscribe(second, '$share/g/t');
    const message = story.publish(publisher, 't', { qos: 2 });
    story.deliver(second, message, 't', { qos: 2 });
    expect(violated(story.verdict())).toEqual([]);

    const lost = new Story();
    const sender = lost.connect('publisher');
    lost.subscribe(lost.connect('first'), '$share/g/t');
    lost.subscribe(lost.connect('second'), '$share/g/t');
    lost.publish(sender, 't', { qos: 2 });
    const verdict = lost.verdict();
    expect(violated(verdict)).toEqual(['acked-but-lost']);
    expect(ruleOf(verdict, 'acked-but-lost').findings[0]?.text).toContain('nobody of $share/g/t got');
  });

  test('QoS 2 may have gone with a member that left; QoS 1 is given to another [MQTT5 4.8.2]', () => {
    const tell = (qos: 1 | 2): string[] => {
      const story = new Story();
      const publisher = story.connect('publisher');
      story.subscribe(story.connect('stays'), '$share/g/t');
      const leaver = story.connect('leaves', { clean: true });
      story.subscribe(leaver, '$share/g/t');
      story.publish(publisher, 't', { qos });
      story.close(leaver);
      return violated(story.verdict());
    };
    expect(tell(2)).toEqual([]);
    expect(tell(1)).toEqual(['acked-but-lost']);
  });

  test('a degraded ack whose only disk was wiped is told, not held against the target', () => {
    const tell = (limits: { degradedAcks: boolean }, wiped: string) => {
      const { story, publisher } = pair('t', limits);
      const heal = story.fault('cut', ['B']);
      story.publish(publisher, 't');
      story.fault('wipe', [wiped])();
      heal();
      return ruleOf(story.verdict(), 'acked-but-lost');
    };
    const excused = tell({ degradedAcks: true }, 'B');
    expect(excused).toMatchObject({ violations: 0, excused: 1 });
    expect(excused.excuses[0]?.text).toContain('degraded loss (the disk of B was wiped)');
    expect(tell({ degradedAcks: true }, 'C')).toMatchObject({ violations: 1, excused: 0 });
    expect(tell({ degradedAcks: false }, 'B')).toMatchObject({ violations: 1, excused: 0 });
  });

  test('what somebody got on another server was not lost with the disk', () => {
    const tell = (server: string) => {
      const { story, publisher } = pair('t', { degradedAcks: true });
      const other = story.connect('other', { server });
      story.subscribe(other, 't', 1);
      const heal = story.fault('cut', ['B']);
      const message = story.publish(publisher, 't');
      story.deliver(other, message, 't');
      story.fault('wipe', ['B'])();
      heal();
      return ruleOf(story.verdict(), 'acked-but-lost');
    };
    expect(tell('B')).toMatchObject({ violations: 0, excused: 1 });
    expect(tell('C')).toMatchObject({ violations: 1, excused: 0 });
  });

  test('a disk that was wiped long after excuses nothing where no fault was felt', () => {
    const tell = (pauseMs: number) => {
      const { story, publisher } = pair('t', { degradedAcks: true });
      // Others suffer all the time.
      story.fault('slow', ['C']);
      story.publish(publisher, 't');
      story.wait(pauseMs);
      story.fault('wipe', ['B'])();
      return ruleOf(story.verdict(), 'acked-but-lost');
    };
    expect(tell(3_000)).toMatchObject({ violations: 0, excused: 1 });
    expect(tell(12_000)).toMatchObject({ violations: 1, excused: 0 });
  });

  test('an ack in isolation is a promise when no disk was lost', () => {
    const { story, publisher } = pair('t', { degradedAcks: true });
    const heal = story.fault('cut', ['B']);
    story.publish(publisher, 't');
    heal();
    expect(violated(story.verdict())).toEqual(['acked-but-lost']);
  });

  test('the oldest of an offline queue may go at its bound', () => {
    const tell = (queuedMessagesMax: number): string[] => {
      const { story, subscriber, publisher } = pair('t', { queuedMessagesMax });
      story.close(subscriber);
      const messages = [1, 2, 3, 4].map(() => story.publish(publisher, 't'));
      const again = story.connect('subscriber', { sessionPresent: true });
      for (const message of messages.slice(1)) story.deliver(again, message, 't');
      return violated(story.verdict());
    };
    expect(tell(3)).toEqual([]);
    expect(tell(4)).toEqual(['acked-but-lost']);
  });
});

describe('qos2-duplicate (P2)', () => {
  test('twice on one connection, and again after a reconnect', () => {
    const { story, subscriber, publisher } = pair();
    const message = story.publish(publisher, 't/1', { qos: 2 });
    story.deliver(subscriber, message, 't/1', { qos: 2 });
    story.close(subscriber);
    const again = story.connect('subscriber', { sessionPresent: true });
    story.deliver(again, message, 't/1', { qos: 2, dup: true });
    const verdict = story.verdict();
    expect(violated(verdict)).toEqual(['qos2-duplicate']);
    expect(ruleOf(verdict, 'qos2-duplicate').findings[0]?.text).toContain('2 times');
  });

  test('QoS 1 twice, by either side, and a retained copy are none', () => {
    const { story, subscriber, publisher } = pair();
    const low = story.publish(publisher, 't/1', { qos: 1 });
    story.deliver(subscriber, low, 't/1');
    story.deliver(subscriber, low, 't/1');
    const kept = story.publish(publisher, 't/2', { qos: 2, retain: true });
    story.deliver(subscriber, kept, 't/2', { qos: 2 });
    story.deliver(subscriber, kept, 't/2', { qos: 2, retain: true });
    expect(violated(story.verdict())).toEqual([]);
  });

  test('resent by its publisher: once in one session, once more in another', () => {
    const tell = (sessionPresent: boolean): string[] => {
      const { story, subscriber, publisher } = pair();
      const message = story.publish(publisher, 't/1', { qos: 2, ack: null });
      story.deliver(subscriber, message, 't/1', { qos: 2 });
      story.close(publisher, 'lost');
      const again = story.connect('publisher', { clean: !sessionPresent, sessionPresent });
      story.send(again, message, 't/1', { qos: 2, dup: true });
      story.deliver(subscriber, message, 't/1', { qos: 2 });
      return violated(story.verdict());
    };
    expect(tell(true)).toEqual(['qos2-duplicate']);
    expect(tell(false)).toEqual([]);
  });

  test('one copy for each overlapping subscription is allowed [MQTT-3.3.5-1]', () => {
    const tell = (copies: number): string[] => {
      const { story, subscriber, publisher } = pair('t/#');
      story.subscribe(subscriber, 't/+');
      const message = story.publish(publisher, 't/1', { qos: 2 });
      for (let copy = 0; copy < copies; copy++) story.deliver(subscriber, message, 't/1', { qos: 2 });
      return violated(story.verdict());
    };
    expect(tell(2)).toEqual([]);
    expect(tell(3)).toEqual(['qos2-duplicate']);
  });

  test('a group gets it once in all', () => {
    const story = new Story();
    const publisher = story.connect('publisher');
    const members = ['first', 'second'].map((name) => story.connect(name));
    for (const member of members) story.subscribe(member, '$share/g/t');
    const message = story.publish(publisher, 't', { qos: 2 });
    for (const member of members) story.deliver(member, message, 't', { qos: 2 });
    expect(violated(story.verdict())).toEqual(['qos2-duplicate']);
  });
});

describe('order (P2)', () => {
  test.each([0, 1, 2] as const)('QoS %d of one connection and topic swapped', (qos) => {
    const { story, subscriber, publisher } = pair();
    const [first, second] = [1, 2].map(() => story.publish(publisher, 't/1', { qos })) as [number, number];
    story.deliver(subscriber, second, 't/1', { qos });
    story.deliver(subscriber, first, 't/1', { qos });
    expect(violated(story.verdict())).toEqual(['order']);
  });

  test('a repeat after a reconnect, other topics, other QoS and other publishers have no order', () => {
    const { story, subscriber, publisher } = pair();
    const other = story.connect('other');
    const first = story.publish(publisher, 't/1');
    const second = story.publish(publisher, 't/1');
    const elsewhere = story.publish(publisher, 't/2');
    const higher = story.publish(publisher, 't/1', { qos: 2 });
    const foreign = story.publish(other, 't/1');
    story.deliver(subscriber, foreign, 't/1');
    story.deliver(subscriber, higher, 't/1', { qos: 2 });
    story.deliver(subscriber, elsewhere, 't/2');
    story.deliver(subscriber, first, 't/1');
    story.deliver(subscriber, second, 't/1');
    story.close(subscriber);
    const again = story.connect('subscriber', { sessionPresent: true });
    story.deliver(again, first, 't/1', { dup: true });
    story.deliver(again, second, 't/1', { dup: true });
    expect(violated(story.verdict())).toEqual([]);
  });

  test('what was resent on another connection keeps the order of that one [MQTT-4.6.0-1]', () => {
    const { story, subscriber, publisher } = pair();
    const [first, second] = [1, 2].map(() => story.publish(publisher, 't/1', { ack: null })) as [
      number,
      number,
    ];
    story.close(publisher, 'lost');
    const again = story.connect('publisher', { sessionPresent: true });
    story.send(again, first, 't/1', { dup: true });
    story.send(again, second, 't/1', { dup: true });
    story.deliver(subscriber, second, 't/1');
    story.deliver(subscriber, first, 't/1');
    expect(violated(story.verdict())).toEqual(['order']);
  });

  test('what an earlier connection left behind may come after what a later one brought', () => {
    const { story, subscriber, publisher } = pair();
    const first = story.publish(publisher, 't/1');
    story.close(publisher, 'lost');
    const again = story.connect('publisher', { server: 'C', sessionPresent: true });
    const second = story.publish(again, 't/1');
    story.deliver(subscriber, second, 't/1');
    story.deliver(subscriber, first, 't/1');
    expect(violated(story.verdict())).toEqual([]);
  });
});

describe('phantom', () => {
  test('never published', () => {
    const { story, subscriber } = pair();
    story.deliver(subscriber, 99, 't/1');
    expect(violated(story.verdict())).toEqual(['phantom']);
  });

  test('under another topic', () => {
    const { story, subscriber, publisher } = pair();
    const message = story.publish(publisher, 't/1', { qos: 0 });
    story.deliver(subscriber, message, 't/2', { qos: 0 });
    expect(violated(story.verdict())).toEqual(['phantom']);
  });

  test('without a subscription that matches', () => {
    const { story, subscriber, publisher } = pair('t/+');
    const message = story.publish(publisher, 'other', { qos: 0 });
    story.deliver(subscriber, message, 'other', { qos: 0 });
    expect(violated(story.verdict())).toEqual(['phantom']);
  });

  test('sent after UNSUBACK; what was sent before may still come [MQTT-3.10.4-3]', () => {
    const { story, subscriber, publisher } = pair('t');
    const before = story.publish(publisher, 't');
    story.unsubscribe(subscriber, 't');
    story.deliver(subscriber, before, 't');
    expect(violated(story.verdict())).toEqual([]);

    const bad = pair('t');
    bad.story.unsubscribe(bad.subscriber, 't');
    const after = bad.story.publish(bad.publisher, 't');
    bad.story.deliver(bad.subscriber, after, 't');
    expect(violated(bad.story.verdict())).toEqual(['phantom']);
  });

  test.each([
    [1, 2, 2, ['phantom']],
    [2, 1, 2, ['phantom']],
    [2, 2, 2, []],
    [1, 2, 1, []],
    [2, 2, 1, ['phantom']],
    [1, 1, 0, ['phantom']],
  ] as const)(
    'published with QoS %d, subscribed with %d, delivered with %d',
    (publish, subscribe, deliver, bad) => {
      const story = new Story();
      const subscriber = story.connect('subscriber');
      story.subscribe(subscriber, 't', subscribe);
      const message = story.publish(subscriber, 't', { qos: publish });
      story.deliver(subscriber, message, 't', { qos: deliver });
      expect(violated(story.verdict())).toEqual(bad);
    },
  );

  test('as retained, which it is not; refused, but delivered', () => {
    const { story, subscriber, publisher } = pair();
    const message = story.publish(publisher, 't/1', { qos: 0 });
    story.deliver(subscriber, message, 't/1', { qos: 0, retain: true });
    const refused = story.publish(publisher, 't/1', { ack: 0x97 });
    story.deliver(subscriber, refused, 't/1');
    expect(ruleOf(story.verdict(), 'phantom').violations).toBe(2);
  });

  test('an empty message is some clearing of its topic', () => {
    const { story, subscriber, publisher } = pair();
    story.publish(publisher, 't/1', { retain: true, clear: true });
    story.deliver(subscriber, 0, 't/1');
    expect(violated(story.verdict())).toEqual([]);

    const bad = pair();
    bad.story.deliver(bad.subscriber, 0, 't/1');
    expect(violated(bad.story.verdict())).toEqual(['phantom']);
  });
});

test('crash: a member that ended by itself', () => {
  expect(violated(new Story().verdict(['B ended with code 1']))).toEqual(['crash']);
  expect(violated(new Story().verdict())).toEqual([]);
});
