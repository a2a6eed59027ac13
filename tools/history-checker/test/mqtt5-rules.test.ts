import { ruleOf, HistoryBuilder, violated } from './history-builder.ts';
import type { ConnectOptions } from './history-builder.ts';

/** @returns a history with a persistent MQTT 5 subscriber on A and an MQTT 5 publisher on B */
function pair(options: ConnectOptions = {}): {
  history: HistoryBuilder;
  subscriber: number;
  publisher: number;
} {
  const history = new HistoryBuilder();
  const subscriber = history.connect('subscriber', { version: 5, ...options });
  history.subscribe(subscriber, 't/#');
  const publisher = history.connect('publisher', { server: 'B', version: 5 });
  return { history, subscriber, publisher };
}

describe('message-expiry [5.0 MQTT-3.3.2-5] [5.0 MQTT-3.3.2-6]', () => {
  test('accepts a message in time, a message that expired while the client was away, and a repeat after the expiry', () => {
    const { history, subscriber, publisher } = pair();
    const first = history.publish(publisher, 't/1', { expirySeconds: 2 });
    history.deliver(subscriber, first, 't/1', { expirySeconds: 2 });
    history.close(subscriber);
    history.publish(publisher, 't/1', { expirySeconds: 2 });
    history.wait(6_000);
    const again = history.connect('subscriber', { version: 5, sessionPresent: true });
    history.deliver(again, first, 't/1', { expirySeconds: 1, dup: true });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'message-expiry').checked).toBeGreaterThan(0);
  });

  test('reports a delivery after the expiry', () => {
    const { history, subscriber, publisher } = pair();
    history.probe();
    const message = history.publish(publisher, 't/1', { expirySeconds: 1 });
    history.wait(4_000);
    history.probe();
    history.deliver(subscriber, message, 't/1', { expirySeconds: 1 });
    expect(violated(history.verdict())).toContain('message-expiry');
  });

  test('reports a retained message that a new subscription received after the expiry', () => {
    const { history, publisher } = pair();
    const message = history.publish(publisher, 'r/1', { expirySeconds: 1, retain: true });
    history.wait(4_000);
    const reader = history.connect('reader', { version: 5, clean: true });
    history.subscribe(reader, 'r/#');
    history.deliver(reader, message, 'r/1', { expirySeconds: 1, retain: true });
    expect(violated(history.verdict())).toEqual(['message-expiry']);
  });

  test.each([
    ['was not decremented', 10],
    ['is too short', 2],
    ['is absent', undefined],
  ])('reports an interval that %s', (_, seconds) => {
    const { history, subscriber, publisher } = pair();
    history.close(subscriber);
    const message = history.publish(publisher, 't/1', { expirySeconds: 10 });
    history.wait(4_000);
    const again = history.connect('subscriber', { version: 5, sessionPresent: true });
    history.deliver(again, message, 't/1', seconds === undefined ? {} : { expirySeconds: seconds });
    expect(violated(history.verdict())).toEqual(['message-expiry']);
  });

  test('reports a message that was skipped before its expiry', () => {
    const { history, subscriber, publisher } = pair();
    history.publish(publisher, 't/1', { expirySeconds: 5 });
    const later = history.publish(publisher, 't/2');
    history.deliver(subscriber, later, 't/2');
    history.wait(6_000);
    expect(violated(history.verdict())).toEqual(['message-expiry']);
  });

  test('reports the loss of a message that does not expire during the run as acked-but-lost', () => {
    const { history, publisher } = pair();
    history.publish(publisher, 't/1', { expirySeconds: 86_400 });
    expect(violated(history.verdict())).toEqual(['acked-but-lost']);
  });
});

describe('receive-maximum [5.0 MQTT-3.3.4-9]', () => {
  test.each([
    [2, []],
    [3, ['receive-maximum']],
  ])('judges %d unacknowledged messages of a client with a Receive Maximum of 2', (unacknowledged, rules) => {
    const { history, subscriber, publisher } = pair({ receiveMaximum: 2 });
    const message = history.publish(publisher, 't/1');
    history.deliver(subscriber, message, 't/1', { unacknowledged });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual(rules);
    expect(ruleOf(verdict, 'receive-maximum').checked).toBe(1);
  });
});

describe('qos0-duplicate [3.1.1 MQTT-4.3.1-1] [5.0 MQTT-4.3.1-1]', () => {
  test('reports a QoS 0 message that a session received twice', () => {
    const { history, subscriber, publisher } = pair();
    const message = history.publish(publisher, 't/1', { qos: 0 });
    history.deliver(subscriber, message, 't/1', { qos: 0 });
    history.deliver(subscriber, message, 't/1', { qos: 0 });
    expect(violated(history.verdict())).toEqual(['qos0-duplicate']);
  });

  test('accepts one copy for each overlapping subscription', () => {
    const { history, subscriber, publisher } = pair();
    history.subscribe(subscriber, 't/1');
    const message = history.publish(publisher, 't/1', { qos: 0 });
    history.deliver(subscriber, message, 't/1', { qos: 0 });
    history.deliver(subscriber, message, 't/1', { qos: 0 });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'qos0-duplicate').checked).toBe(2);
  });
});

describe('shared-once (MQTT 5, 4.8.2)', () => {
  function group(): { history: HistoryBuilder; members: [number, number]; publisher: number } {
    const history = new HistoryBuilder();
    const members = ['one', 'two'].map((id) => {
      const connection = history.connect(id, { version: 5 });
      history.subscribe(connection, '$share/g/t/#');
      return connection;
    }) as [number, number];
    return { history, members, publisher: history.connect('publisher', { server: 'B' }) };
  }

  test.each([0, 1] as const)('reports a QoS %d message that two subscribers received', (qos) => {
    const { history, members, publisher } = group();
    const message = history.publish(publisher, 't/1', { qos });
    for (const member of members) history.deliver(member, message, 't/1', { qos });
    expect(violated(history.verdict())).toContain('shared-once');
  });

  test('accepts a second delivery after the first connection has ended', () => {
    const { history, members, publisher } = group();
    const message = history.publish(publisher, 't/1');
    history.deliver(members[0], message, 't/1');
    history.close(members[0]);
    history.deliver(members[1], message, 't/1', { dup: true });
    history.connect('one', { version: 5, sessionPresent: true });
    const verdict = history.verdict();
    expect(violated(verdict)).toEqual([]);
    expect(ruleOf(verdict, 'shared-once').checked).toBe(2);
  });
});
