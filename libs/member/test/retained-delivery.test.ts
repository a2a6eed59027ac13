import type { ClientEffect, DeliverEffect, MemberOutput, QoS, Subscription } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;
const payload = (effect: DeliverEffect): string => new TextDecoder().decode(effect.message.payload);

function deliveries(effects: readonly ClientEffect[]): DeliverEffect[] {
  return effects.filter((effect) => effect.kind === 'deliver');
}

const topics = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => `x/${String(number).padStart(5, '0')}`);

/**
 * A member with retained messages on the topics, each with its topic as payload. Connection 1 is the
 * subscriber, connection 2 the publisher.
 */
function memberWith(names: readonly string[], qos: QoS, sessionExpirySeconds = 0): TestCluster {
  const on = new TestCluster(['a']);
  on.serve();
  on.run(3_000);
  on.member('a').input(1, { kind: 'connect', request: request('subscriber', sessionExpirySeconds) });
  on.member('a').input(2, { kind: 'connect', request: request('publisher') });
  on.run(100);
  for (const topic of names) publish(on, topic, topic, qos, true);
  on.run(2_000);
  on.effects.set('a', []);
  return on;
}

function publish(on: TestCluster, topic: string, value: string, qos: QoS, retain: boolean): void {
  const message = { topic, payload: text(value), qos, retain, packetId: 1 };
  on.member('a').input(2, { kind: 'publish', request: message });
  if (qos === 2) on.member('a').input(2, { kind: 'pubrel', packetId: 1 });
}

/** Runs one turn. */
function turn(on: TestCluster): MemberOutput {
  const output = on.member('a').take();
  if (output.write !== null) on.member('a').written(output.write.token);
  return output;
}

function subscribe(on: TestCluster, ...subscriptions: Subscription[]): void {
  on.member('a').input(1, { kind: 'subscribe', packetId: 1, subscriptions });
}

/** Runs and acknowledges until nothing more arrives. @returns all deliveries in their order */
function receiveAll(on: TestCluster): DeliverEffect[] {
  const received: DeliverEffect[] = [];
  for (let quiet = 0; quiet < 20; quiet++) {
    on.run(10);
    for (const effect of on.takeEffects('a', 1)) {
      quiet = 0;
      if (effect.kind === 'pubrel') on.member('a').input(1, { kind: 'pubcomp', packetId: effect.packetId });
      if (effect.kind !== 'deliver') continue;
      received.push(effect);
      const { packetId } = effect;
      if (effect.qos === 1) on.member('a').input(1, { kind: 'puback', packetId });
      if (effect.qos === 2) on.member('a').input(1, { kind: 'pubrec', packetId });
    }
  }
  return received;
}

function drops(on: TestCluster): string[] {
  return on.events.get('a')!.flatMap((event) => (event.kind === 'dropped' ? [event.reason] : []));
}

/** More than the queue of a clean session holds. */
const many = topics(12_000);

describe('a subscription that matches more retained messages than any queue holds [3.1.1 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-9]', () => {
  test.each<[QoS, string, number]>([
    [0, 'clean', 0],
    [1, 'clean', 0],
    [2, 'clean', 0],
    [0, 'persistent', never],
    [1, 'persistent', never],
    [2, 'persistent', never],
  ])('receives all of them at QoS %i in a %s session', (qos, _, expiry) => {
    const on = memberWith(many, qos, expiry);
    subscribe(on, { filter: 'x/#', qos });
    const received = receiveAll(on);
    expect(received.map(payload)).toEqual(many);
    expect(received.every((each) => each.retain && each.qos === qos && !each.dup)).toBe(true);
    expect(drops(on)).toEqual([]);
  });

  test('receives at most 500 of QoS 0 in one turn, and none while its socket is full', () => {
    const on = memberWith(topics(1_200), 0);
    subscribe(on, { filter: 'x/#', qos: 0 });
    const first = turn(on);
    expect(deliveries(first.effects)).toHaveLength(500);
    expect(first.more).toBe(true);
    on.member('a').input(1, { kind: 'writable', writable: false });
    const second = turn(on);
    expect(deliveries(second.effects)).toEqual([]);
    expect(second.more).toBe(false);
    on.member('a').input(1, { kind: 'writable', writable: true });
    expect(receiveAll(on)).toHaveLength(700);
    expect(drops(on)).toEqual([]);
  });

  test('receives at most 256 KiB of QoS 0 in one turn', () => {
    const on = memberWith([], 0);
    for (const topic of topics(8)) publish(on, topic, 'x'.repeat(100_000), 0, true);
    on.run(200);
    subscribe(on, { filter: 'x/#', qos: 0 });
    const first = turn(on);
    expect(deliveries(first.effects)).toHaveLength(3);
    expect(first.more).toBe(true);
  });

  test('receives messages of QoS 0, 1 and 2 in the order of their topics', () => {
    const on = memberWith([], 0);
    topics(300).forEach((topic, place) => publish(on, topic, topic, (place % 3) as QoS, true));
    on.run(300);
    on.effects.set('a', []);
    subscribe(on, { filter: 'x/#', qos: 2, subscriptionIdentifier: 9 });
    const received = receiveAll(on);
    expect(received.map(payload)).toEqual(topics(300));
    expect(received.every(({ subscriptionIdentifiers }) => subscriptionIdentifiers?.[0] === 9)).toBe(true);
  });
});

describe('a clean session whose retained messages are not all sent yet', () => {
  test('receives published messages first, and no retained message that was replaced or deleted', () => {
    const on = memberWith(topics(400), 1);
    subscribe(on, { filter: 'x/#', qos: 1 });
    on.run(10);
    publish(on, 'x/00399', 'changed', 1, true);
    publish(on, 'x/00398', '', 1, true);
    const values = receiveAll(on).map(payload);
    expect(values).toEqual([...topics(100), 'changed', '', ...topics(398).slice(100)]);
  });

  test.each([0, 1] as const)(
    'receives the retained message of a topic before a newer message on the topic, at QoS %i [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]',
    (qos) => {
      const on = memberWith(topics(1_000), qos);
      subscribe(on, { filter: 'x/#', qos });
      const first = qos === 0 ? turn(on).effects : [];
      if (qos === 1) on.run(10);
      publish(on, 'x/00900', 'event', qos, false);
      publish(on, 'x/00900', 'event 2', qos, false);
      const values = [...deliveries(first), ...receiveAll(on)].map(payload);
      const place = values.indexOf('event');
      expect(values.slice(place - 1, place + 2)).toEqual(['x/00900', 'event', 'event 2']);
      expect(values.filter((value) => !value.startsWith('event')).sort()).toEqual(topics(1_000));
    },
  );

  test('receives no further retained messages after UNSUBSCRIBE', () => {
    const on = memberWith(topics(400), 1);
    subscribe(on, { filter: 'x/#', qos: 1 });
    on.member('a').input(1, { kind: 'unsubscribe', packetId: 2, filters: ['x/#'] });
    expect(receiveAll(on)).toHaveLength(100);
  });

  test('receives all retained messages again after a repeated SUBSCRIBE [3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-4]', () => {
    const on = memberWith(topics(150), 1);
    subscribe(on, { filter: 'x/#', qos: 1 });
    subscribe(on, { filter: 'x/#', qos: 1 });
    expect(receiveAll(on).map(payload)).toEqual([...topics(100), ...topics(150)]);
  });
});

test('SUBACK precedes the retained messages of its subscription', () => {
  for (const expiry of [0, never]) {
    const on = memberWith(topics(3), 1, expiry);
    subscribe(on, { filter: 'x/#', qos: 1 });
    on.run(100);
    const kinds = on.takeEffects('a', 1).map(({ kind }) => kind);
    expect(kinds).toEqual(['suback', 'deliver', 'deliver', 'deliver']);
  }
});

test('one client with many retained messages does not stop another one from receiving its own', () => {
  const on = memberWith(topics(3_000), 0);
  subscribe(on, { filter: 'x/#', qos: 0 });
  on.member('a').input(2, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x/00001', qos: 0 }] });
  const turns = [turn(on), turn(on), turn(on)].map(({ effects }) => deliveries(effects));
  expect(turns.map((each) => each.map(({ connection }) => connection).filter((id) => id === 2))).toEqual([
    [],
    [],
    [2],
  ]);
});

test.each([0, 1, 2] as const)(
  'a subscription with No Local receives no retained message of its own client at QoS %i [5.0 MQTT-3.8.3-3]',
  (qos) => {
    const on = memberWith(['x/other'], qos);
    const own = { topic: 'x/own', payload: text('own'), qos, retain: true, packetId: 1 };
    on.member('a').input(1, { kind: 'publish', request: own });
    on.run(100);
    on.effects.set('a', []);
    subscribe(on, { filter: 'x/#', qos, noLocal: true });
    expect(receiveAll(on).map(payload)).toEqual(['x/other']);
  },
);

test.each<[string, number, QoS]>([
  ['clean', 0, 1],
  ['persistent', never, 1],
  ['persistent', never, 0],
])(
  'filters without a match do not keep a %s session (expiry %i) from its retained message at QoS %i',
  (_, expiry, qos) => {
    const on = memberWith(many, 1, expiry);
    const without = Array.from({ length: 30 }, (__, number) => ({ filter: `+/+/none${number}`, qos }));
    subscribe(on, ...without, { filter: '+/11999', qos });
    const received = receiveAll(on);
    expect(received.map(payload)).toEqual(['x/11999']);
    expect(on.member('a').status().pendingCommands).toBe(0);
  },
);
