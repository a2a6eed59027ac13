import { jest } from '@jest/globals';
import type { Command, SettingsChange, Subscription } from '@mqtt-cluster/contracts';
import { compareTopics, createMqttState, encodeBatch } from '../src/index.ts';
import { NameOrderedList } from '../src/topics/name-ordered-list.ts';
import { openCommand, publishCommand, start, StateDriver } from './support/state-driver.ts';

const retain = { retain: true };

/** A state at semantics version 3. */
function newDriver(): StateDriver {
  const driver = new StateDriver();
  for (const version of [2, 3]) driver.propose('a', { kind: 'semantics', version });
  return driver;
}

const topics = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => `t/${String(number).padStart(5, '0')}`);

/** A state with retained messages on the topics, each with its topic as payload, and the client `c`. */
function driverWith(names: readonly string[], qos: 0 | 1 | 2 = 1): StateDriver {
  const driver = newDriver();
  for (let from = 0; from < names.length; from += 500) {
    const some = names.slice(from, from + 500);
    driver.propose('b', ...some.map((topic) => publishCommand(topic, topic, qos, retain)));
  }
  driver.connect('a', 'c');
  return driver;
}

function subscribe(driver: StateDriver, ...subscriptions: Subscription[]): void {
  const answer = driver.applyOne('a', {
    kind: 'subscribe',
    client: 'c',
    epoch: driver.epoch('c'),
    subscriptions,
  });
  expect(answer).toMatchObject({ kind: 'subscribed' });
}

/** Acknowledges all queued messages. @returns their payloads */
function acknowledge(driver: StateDriver, member = 'a'): string[] {
  const items = driver.items('c');
  const ids = items.map(({ packetId }) => packetId).filter((id) => id > 0);
  const exchanged = items.filter(({ qos, packetId }) => qos === 1 || packetId > 0);
  const payloads = exchanged.map(({ message }) => new TextDecoder().decode(message.payload));
  const done = exchanged.filter(({ qos }) => qos === 1).map(({ number }) => number);
  driver.propose(member, driver.progress('c', { done, received: ids, completed: ids }));
  return payloads;
}

/** Acknowledges until nothing is queued. @returns the payloads of all messages in the order of the queue */
function receiveAll(driver: StateDriver, member = 'a'): string[] {
  const received: string[] = [];
  for (let next = acknowledge(driver, member); next.length > 0; next = acknowledge(driver, member)) {
    received.push(...next);
  }
  expect(driver.state.session('c')?.retainedPending).toBe(false);
  return received;
}

const last = (driver: StateDriver): string => driver.queued('c').at(-1) ?? '';

describe('retained messages beyond the bound of a queue [3.1.1 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-9]', () => {
  test.each([1, 2] as const)(
    'reach a persistent session completely at QoS %i, in the order of their topics',
    (qos) => {
      const names = topics(1_100);
      const driver = driverWith([...names].reverse(), qos);
      subscribe(driver, { filter: 't/#', qos });
      expect(driver.items('c')).toHaveLength(500);
      expect(driver.items('c').every((item) => item.retain && item.qos === qos)).toBe(true);
      expect(receiveAll(driver)).toEqual(names);
    },
  );

  test('continue after the loss of the home, and after a reconnect', () => {
    const names = topics(900);
    const driver = driverWith(names);
    subscribe(driver, { filter: 't/#', qos: 1 });
    const first = acknowledge(driver);
    driver.start('a');
    driver.connect('b', 'c');
    const second = acknowledge(driver, 'b');
    driver.close('b', 'c');
    driver.connect('b', 'c');
    expect([...first, ...second, ...receiveAll(driver, 'b')]).toEqual(names);
  });

  test('queue nothing further while the client is away', () => {
    const driver = driverWith(topics(900));
    subscribe(driver, { filter: 't/#', qos: 1 });
    driver.close('a', 'c');
    driver.propose('b', ...topics(100).map((topic) => publishCommand(topic, 'new', 1)));
    expect(driver.items('c')).toHaveLength(600);
  });

  test('are announced to the home with a `queued` effect, except at SUBSCRIBE', () => {
    const driver = driverWith(topics(600));
    subscribe(driver, { filter: 't/#', qos: 1 });
    expect(driver.effectsOfKind('queued')).toEqual([]);
    acknowledge(driver);
    expect(driver.effectsOfKind('queued')).toEqual([{ kind: 'queued', client: 'c' }]);
  });

  test('of several subscriptions come one subscription after the other, with their identifiers', () => {
    const names = topics(260);
    const driver = driverWith([...names, 'u/1']);
    subscribe(
      driver,
      { filter: '#', qos: 1, subscriptionIdentifier: 1 },
      { filter: 't/+', qos: 1, subscriptionIdentifier: 2 },
      { filter: 'u/1', qos: 1 },
    );
    const identifiers: (readonly number[] | undefined)[] = [];
    const received: string[] = [];
    for (let items = driver.items('c'); items.length > 0; items = driver.items('c')) {
      identifiers.push(...items.map(({ subscriptionIdentifiers }) => subscriptionIdentifiers));
      received.push(...acknowledge(driver));
    }
    expect(received).toEqual([...names, 'u/1', ...names, 'u/1']);
    expect(identifiers).toEqual([...[...names, ''].map(() => [1]), ...names.map(() => [2]), undefined]);
  });

  test('are bounded by half of the queue bounds, and a message beyond all bounds comes alone', () => {
    const driver = driverWith(topics(12));
    const change = (settings: SettingsChange): void => {
      driver.propose('b', { kind: 'settings', settings });
    };
    // Each message has 14 bytes.
    change({ queuedBytesMax: 150 });
    subscribe(driver, { filter: 't/#', qos: 1 });
    expect(driver.items('c')).toHaveLength(5);
    change({ queuedBytesMax: 1, connectedQueuedBytesMax: 1 });
    acknowledge(driver);
    expect(driver.items('c')).toHaveLength(1);
    change({ queuedBytesMax: 1_000, clusterQueuedBytesMax: 9 });
    acknowledge(driver);
    expect(driver.items('c')).toHaveLength(1);
    change({ clusterQueuedBytesMax: 1_000, queuedMessagesMax: 6 });
    acknowledge(driver);
    expect(driver.items('c')).toHaveLength(3);
    expect(receiveAll(driver)).toEqual(topics(12).slice(7));
  });

  test('take at most 1 MiB of a queue', () => {
    const state = createMqttState();
    const home = { member: 'a', storeId: 'store', incarnation: 1 };
    let sequence = 0;
    const propose = (...commands: Command[]): void => {
      state.apply(state.index + 1, 0, encodeBatch({ ...home, sequence: ++sequence, commands }));
    };
    propose(start, { kind: 'semantics', version: 2 }, { kind: 'semantics', version: 3 });
    for (const topic of topics(9)) propose(publishCommand(topic, 'x'.repeat(200_000), 1, retain));
    propose(openCommand('c'));
    const epoch = state.session('c')?.epoch ?? 0;
    propose({ kind: 'subscribe', client: 'c', epoch, subscriptions: [{ filter: '#', qos: 1 }] });
    expect(state.session('c')?.queuedMessages).toBe(5);
  });

  test('do not push published messages out of a full queue', () => {
    const driver = driverWith(topics(10));
    subscribe(driver, { filter: 'other', qos: 1 });
    driver.propose('b', {
      kind: 'settings',
      settings: { queuedMessagesMax: 4, connectedQueuedMessagesMax: 4 },
    });
    driver.propose('b', ...['1', '2', '3', '4'].map((value) => publishCommand('other', value)));
    subscribe(driver, { filter: 't/#', qos: 1 });
    expect(driver.queued('c')).toEqual(['1', '2', '3', '4']);
    expect(receiveAll(driver)).toEqual(['1', '2', '3', '4', ...topics(10)]);
  });
});

describe('a subscription whose retained messages are not all queued yet', () => {
  test('gets a later retained message once, as a published message', () => {
    const names = topics(600);
    const driver = driverWith(names);
    subscribe(driver, { filter: 't/#', qos: 1 });
    driver.propose(
      'b',
      publishCommand('t/00599', 'changed', 1, retain),
      publishCommand('t/x', 'new', 1, retain),
    );
    const flags = driver
      .items('c')
      .slice(-2)
      .map((item) => item.retain);
    expect(flags).toEqual([false, false]);
    expect(receiveAll(driver)).toEqual([...names.slice(0, 500), 'changed', 'new', ...names.slice(500, -1)]);
  });

  test('gets the retained message of a topic before a newer message on the topic [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]', () => {
    const names = topics(600);
    const driver = driverWith(names);
    subscribe(driver, { filter: 't/#', qos: 1 }, { filter: 'new/#', qos: 1 });
    driver.propose('b', publishCommand('t/00550', 'event'), publishCommand('t/00550', 'event 2'));
    driver.propose('b', publishCommand('t/00001', 'event'), publishCommand('t/none', 'event'));
    const [first, ...later] = driver.items('c').slice(500);
    expect(first).toMatchObject({ retain: true, message: { topic: 't/00550' } });
    expect(later.map((item) => item.retain)).toEqual([false, false, false, false]);
    const received = receiveAll(driver).filter((value) => !value.startsWith('event'));
    expect([...received].sort()).toEqual(names);
  });

  test('gets no retained message that was deleted or has expired meanwhile [3.1.1 MQTT-3.3.1-10] [5.0 MQTT-3.3.1-6] [5.0 MQTT-3.3.2-5]', () => {
    const names = topics(600);
    const driver = driverWith(names.slice(0, -1));
    const properties = { messageExpiryInterval: 5 };
    driver.propose('b', publishCommand('t/00599', 'short', 1, { retain: true, properties }));
    subscribe(driver, { filter: 't/+', qos: 1 });
    driver.propose('b', publishCommand('t/00598', '', 1, retain));
    driver.advanceTime(5_000);
    expect(receiveAll(driver)).toEqual([...names.slice(0, 500), '', ...names.slice(500, -2)]);
  });

  test('gets a message that the same entry retained before the SUBSCRIBE, and no second copy of one retained after it', () => {
    const driver = driverWith([]);
    const command = { kind: 'subscribe' as const, client: 'c', epoch: driver.epoch('c') };
    const subscriptions = [{ filter: 't/#', qos: 1 as const }];
    driver.propose(
      'a',
      publishCommand('t/1', 'before', 1, retain),
      { ...command, subscriptions },
      publishCommand('t/2', 'after', 1, retain),
    );
    expect(driver.items('c').map((item) => [item.message.topic, item.retain])).toEqual([
      ['t/1', true],
      ['t/2', false],
    ]);
    expect(receiveAll(driver)).toEqual(['before', 'after']);
  });

  test('gets one copy of a message that the same entry retained twice before the SUBSCRIBE [3.1.1 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-9]', () => {
    const driver = driverWith([]);
    driver.propose(
      'a',
      publishCommand('t/1', 'first', 1, retain),
      publishCommand('t/1', 'second', 1, retain),
      {
        kind: 'subscribe',
        client: 'c',
        epoch: driver.epoch('c'),
        subscriptions: [{ filter: 't/#', qos: 1 }],
      },
    );
    expect(driver.queued('c')).toEqual(['second']);
  });

  test('drops no queued message for the retained one if `queueFull` is `refuse`', () => {
    const driver = driverWith(['t/1', 't/2', 't/3', 't/4']);
    const settings = { queueFull: 'refuse', queuedMessagesMax: 4, connectedQueuedMessagesMax: 4 } as const;
    driver.propose('a', { kind: 'settings', settings });
    subscribe(driver, { filter: 't/#', qos: 1 }, { filter: 'p', qos: 1 });
    driver.propose('b', publishCommand('p', 'event 1'));
    expect(driver.queued('c')).toEqual(['t/1', 't/2', 'event 1']);
    driver.propose('b', publishCommand('t/4', 'event 2'));
    expect(driver.queued('c')).toEqual(['t/1', 't/2', 'event 1', 'event 2']);
    expect(receiveAll(driver)).toEqual(['t/1', 't/2', 'event 1', 'event 2', 't/3', 't/4']);
  });

  test('gets no further retained messages after UNSUBSCRIBE', () => {
    const driver = driverWith(topics(600));
    subscribe(driver, { filter: 't/#', qos: 1 });
    driver.propose('a', { kind: 'unsubscribe', client: 'c', epoch: driver.epoch('c'), filters: ['t/#'] });
    expect(receiveAll(driver)).toHaveLength(500);
  });

  test('gets all retained messages again after a repeated SUBSCRIBE [3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-4]', () => {
    const names = topics(600);
    const driver = driverWith(names);
    subscribe(driver, { filter: 't/#', qos: 1 });
    acknowledge(driver);
    subscribe(driver, { filter: 't/#', qos: 2 });
    expect(receiveAll(driver)).toEqual([...names.slice(500), ...names]);
  });

  test('continues after a repeated SUBSCRIBE with Retain Handling 1 or 2', () => {
    const names = topics(600);
    const driver = driverWith(names);
    subscribe(driver, { filter: 't/#', qos: 1 });
    subscribe(driver, { filter: 't/#', qos: 1, retainHandling: 1 });
    subscribe(driver, { filter: 't/#', qos: 1, retainHandling: 2 });
    expect(receiveAll(driver)).toEqual(names);
  });

  test('ends with its session', () => {
    const driver = driverWith(topics(600));
    subscribe(driver, { filter: 't/#', qos: 1 });
    driver.connect('a', 'c', { clean: true });
    expect(driver.state.session('c')?.retainedPending).toBe(false);
    expect(driver.items('c')).toEqual([]);
  });
});

describe('a client that connects and subscribes again and again without an acknowledgement', () => {
  test('has each retained message once in its queue', () => {
    const names = topics(700);
    const driver = driverWith(names);
    for (let time = 0; time < 4; time++) {
      driver.connect('a', 'c');
      subscribe(driver, { filter: 't/#', qos: 1 });
      expect(driver.items('c')).toHaveLength(500);
    }
    expect(receiveAll(driver)).toEqual(names);
  });

  test('keeps the copy of a message that has been retained anew', () => {
    const driver = driverWith(['t/1']);
    subscribe(driver, { filter: 't/#', qos: 1 });
    driver.propose('b', publishCommand('t/1', 'newer', 1, retain));
    driver.connect('a', 'c');
    subscribe(driver, { filter: 't/#', qos: 1 });
    expect(driver.queued('c')).toEqual(['t/1', 'newer', 'newer']);
    expect(last(driver)).toBe('newer');
  });
});

test('a subscription at QoS 0 and a shared subscription queue no retained messages', () => {
  const driver = driverWith(topics(3));
  subscribe(driver, { filter: 't/#', qos: 0 }, { filter: '$share/g/t/#', qos: 1 });
  expect(driver.items('c')).toEqual([]);
  expect(driver.state.session('c')?.retainedPending).toBe(false);
});

test('a subscription with No Local queues no retained message of its own client [5.0 MQTT-3.8.3-3]', () => {
  const driver = driverWith(['t/other']);
  const published = publishCommand('t/own', 'own', 1, { ...retain, client: 'c', epoch: driver.epoch('c') });
  driver.propose('a', published);
  subscribe(driver, { filter: 't/#', qos: 1, noLocal: true });
  expect(receiveAll(driver)).toEqual(['t/other']);
});

describe('a SUBSCRIBE with 20 wildcard filters over 12,000 retained messages', () => {
  const nodesMax = 10_000;
  const filters = Array.from({ length: 19 }, (_, number) => `+/+/+/+/none${number}`);

  /** A state with the retained messages and the client `c`, and what applies an entry to it. */
  function prepared(semantics: number) {
    const state = createMqttState();
    const home = { member: 'a', storeId: 'store', incarnation: 1 };
    let sequence = 0;
    const propose = (...commands: Command[]): void => {
      state.apply(state.index + 1, 0, encodeBatch({ ...home, sequence: ++sequence, commands }));
    };
    propose(start);
    for (let version = 2; version <= semantics; version++) propose({ kind: 'semantics', version });
    for (let from = 0; from < 12_000; from += 1_000) {
      const some = Array.from(
        { length: 1_000 },
        (_, number) => `a/${String(from + number).padStart(5, '0')}/b/c/d`,
      );
      propose(...some.map((topic) => publishCommand(topic, 'x', 1, retain)));
    }
    propose(openCommand('c'));
    const epoch = state.session('c')?.epoch ?? 0;
    const subscriptions = [...filters, '+/+/+/+/d'].map((filter) => ({ filter, qos: 1 as const }));
    return {
      state,
      propose,
      epoch,
      subscribe: { kind: 'subscribe' as const, client: 'c', epoch, subscriptions },
    };
  }

  /** Returns the number of tree nodes that the entry examines. */
  function nodesExaminedBy(entry: () => void): number {
    let nodes = 0;
    const visitFrom = NameOrderedList.prototype.visitFrom;
    const spy = jest.spyOn(NameOrderedList.prototype, 'visitFrom');
    spy.mockImplementation(function (this: NameOrderedList<{ name: string }>, from, visit) {
      return visitFrom.call(this, from, (item) => {
        nodes++;
        return visit(item);
      });
    });
    entry();
    spy.mockRestore();
    return nodes;
  }

  test('examines at most 10,000 topics in one entry, and empty progress commands continue it', () => {
    const { state, propose, epoch, subscribe } = prepared(4);
    const examined = [nodesExaminedBy(() => propose(subscribe))];
    const received: string[] = [];
    while (state.session('c')?.retainedPending === true && examined.length < 1_000) {
      const items = [...(state.session('c')?.queue() ?? [])];
      received.push(...items.map(({ message }) => message.topic));
      const done = items.length === 0 ? {} : { done: items.map(({ number }) => number) };
      const progress = { kind: 'progress' as const, sessions: [{ client: 'c', epoch, ...done }] };
      examined.push(nodesExaminedBy(() => propose(progress)));
    }
    received.push(...[...(state.session('c')?.queue() ?? [])].map(({ message }) => message.topic));
    expect(received).toHaveLength(12_000);
    expect(received).toEqual([...received].sort(compareTopics));
    expect(Math.max(...examined)).toBeLessThanOrEqual(nodesMax + 10);
    expect(examined.length).toBeGreaterThan(19);
    expect(state.session('c')?.retainedPending).toBe(false);
  });

  test('examines all topics in one entry before semantics version 4', () => {
    const { state, propose, subscribe } = prepared(3);
    expect(nodesExaminedBy(() => propose(subscribe))).toBeGreaterThan(19 * 12_000);
    expect(state.session('c')?.queuedMessages).toBe(500);
  });
});
