import type { ClientEffect, DeliverEffect } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;
const payload = (effect: DeliverEffect): string => new TextDecoder().decode(effect.message.payload);

function deliveries(effects: readonly ClientEffect[]): DeliverEffect[] {
  return effects.filter((effect) => effect.kind === 'deliver');
}

/** A cluster of three members that run the newest semantics version. */
function cluster(): TestCluster {
  const result = new TestCluster(['a', 'b', 'c']);
  result.serve();
  result.run(3_000);
  return result;
}

function connect(
  on: TestCluster,
  member: string,
  connection: number,
  client: string,
  maximum = 65_535,
): void {
  const session = { ...request(client, never), receiveMaximum: maximum };
  on.member(member).input(connection, { kind: 'connect', request: session });
  on.run(100);
}

/** Connects a persistent subscriber of `x` at member a, and a publisher at member b. */
function subscribed(receiveMaximum?: number): TestCluster {
  const on = cluster();
  connect(on, 'a', 1, 'subscriber', receiveMaximum);
  on.member('b').input(2, { kind: 'connect', request: request('publisher') });
  on.member('a').input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
  on.run(100);
  on.takeEffects('a', 1);
  return on;
}

function publish(on: TestCluster, ...values: readonly string[]): void {
  values.forEach((value, place) => {
    const message = { topic: 'x', payload: text(value), qos: 1 as const, retain: false, packetId: place + 1 };
    on.member('b').input(2, { kind: 'publish', request: message });
  });
  on.run(100);
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, place) => `${place + 1}`);

/** Payload and DUP flag of each message. */
const dups = (messages: readonly DeliverEffect[]): [string, boolean][] =>
  messages.map((message) => [payload(message), message.dup]);

describe('a QoS 1 message that a client has not acknowledged', () => {
  test('is sent again at another member with its packet id and DUP=1 [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1] [3.1.1 MQTT-3.3.1-1]', () => {
    const on = subscribed();
    publish(on, '1', '2', '3');
    const first = deliveries(on.takeEffects('a', 1));
    expect(dups(first)).toEqual([
      ['1', false],
      ['2', false],
      ['3', false],
    ]);
    on.member('a').input(1, { kind: 'disconnect', graceful: false });
    on.run(100);
    connect(on, 'c', 9, 'subscriber');
    const again = deliveries(on.takeEffects('c', 9));
    expect(again.map(({ packetId }) => packetId)).toEqual(first.map(({ packetId }) => packetId));
    expect(again.every(({ dup }) => dup)).toBe(true);
  });

  test('keeps its packet id when its home dies, and when acknowledged messages lie between [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1]', () => {
    const on = subscribed();
    publish(on, ...numbers(5));
    const first = deliveries(on.takeEffects('a', 1));
    for (const place of [0, 2]) {
      on.member('a').input(1, { kind: 'puback', packetId: first[place]!.packetId });
    }
    on.run(300);
    on.cut('a');
    connect(on, 'c', 9, 'subscriber');
    on.run(2_000);
    const again = deliveries(on.takeEffects('c', 9));
    expect(again.map((each) => [payload(each), each.packetId])).toEqual(
      [1, 3, 4].map((place) => [payload(first[place]!), first[place]!.packetId]),
    );
  });

  test('has a packet id that no message of the local queue gets', () => {
    const on = subscribed();
    publish(on, '1');
    const [queued] = deliveries(on.takeEffects('a', 1));
    expect(queued!.packetId).toBeLessThanOrEqual(16_384);
    on.member('c').input(5, { kind: 'connect', request: request('clean') });
    on.run(100);
    on.member('c').input(5, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    on.takeEffects('c', 5);
    publish(on, '2');
    const [local] = deliveries(on.takeEffects('c', 5));
    expect(local!.packetId).toBeGreaterThan(16_384);
    expect(local!.packetId).toBeLessThan(32_768);
  });

  test('delays the next item with the same packet id until it is acknowledged [3.1.1 MQTT-2.3.1-4] [5.0 MQTT-2.2.1-4]', () => {
    const on = subscribed();
    const received: string[] = [];
    const acknowledgeAllButTheFirst = (): void => {
      for (let next = deliveries(on.takeEffects('a', 1)); next.length > 0;) {
        received.push(...next.map(payload));
        for (const each of next) {
          if (payload(each) === 'first') continue;
          on.member('a').input(1, { kind: 'puback', packetId: each.packetId });
        }
        on.run(10);
        next = deliveries(on.takeEffects('a', 1));
      }
    };
    publish(on, 'first');
    const firstPacketId = on.effects
      .get('a')!
      .flatMap((each) => (each.kind === 'deliver' ? each.packetId : []));
    // Item 16,385 is the first one with the packet id of item 1.
    for (let count = 0; count < 17; count++) {
      publish(on, ...numbers(964));
      acknowledgeAllButTheFirst();
    }
    expect(received).toHaveLength(16_384);
    on.member('a').input(1, { kind: 'puback', packetId: firstPacketId[0]! });
    on.run(10);
    acknowledgeAllButTheFirst();
    expect(received).toHaveLength(1 + 17 * 964);
  });
});

describe('DUP of a message that a client did not receive before', () => {
  test('is 0 when the client reconnects with Receive Maximum 1 [3.1.1 MQTT-4.3.2-1] [5.0 MQTT-4.3.2-2]', () => {
    const on = subscribed(1);
    publish(on, ...numbers(10));
    expect(dups(deliveries(on.takeEffects('a', 1)))).toEqual([['1', false]]);
    on.member('a').input(1, { kind: 'disconnect', graceful: false });
    on.run(100);
    connect(on, 'c', 9, 'subscriber');
    expect(dups(deliveries(on.takeEffects('c', 9)))).toEqual(
      numbers(10).map((value, place) => [value, place === 0]),
    );
  });

  test('is 0 when a connection at the same member takes the session over [3.1.1 MQTT-4.3.2-1] [5.0 MQTT-4.3.2-2]', () => {
    const on = subscribed(1);
    publish(on, ...numbers(3));
    connect(on, 'a', 9, 'subscriber');
    expect(on.takeEffects('a', 1).map(({ kind }) => kind)).toEqual(['deliver', 'close']);
    expect(dups(deliveries(on.takeEffects('a', 9)))).toEqual([
      ['1', true],
      ['2', false],
      ['3', false],
    ]);
  });

  test('is 0 after a takeover at another member, as soon as the former home has reported [5.0 MQTT-4.3.2-2]', () => {
    const on = subscribed(1);
    publish(on, ...numbers(3));
    connect(on, 'c', 9, 'subscriber', 1);
    const received: DeliverEffect[] = [];
    for (let round = 0; round < 3; round++) {
      const [next] = deliveries(on.takeEffects('c', 9));
      received.push(next!);
      on.member('c').input(9, { kind: 'puback', packetId: next!.packetId });
      on.run(100);
    }
    expect(dups(received)).toEqual([
      ['1', true],
      ['2', false],
      ['3', false],
    ]);
  });

  test('is 0 for what was queued while the client was away, and 1 for what two earlier connections received [3.1.1 MQTT-3.3.1-1] [5.0 MQTT-3.3.1-1]', () => {
    const on = subscribed();
    publish(on, '1', '2');
    on.member('a').input(1, { kind: 'disconnect', graceful: false });
    on.run(100);
    publish(on, '3');
    connect(on, 'c', 8, 'subscriber', 1);
    on.member('c').input(8, { kind: 'disconnect', graceful: false });
    on.run(100);
    connect(on, 'b', 9, 'subscriber');
    expect(dups(deliveries(on.takeEffects('b', 9)))).toEqual([
      ['1', true],
      ['2', true],
      ['3', false],
    ]);
  });

  test('is 0 after a drain has moved a client with a will [5.0 MQTT-4.3.2-2]', () => {
    const on = cluster();
    const will = { topic: 'w', payload: text('w'), qos: 0 as const, retain: false, delaySeconds: 0 };
    const session = { ...request('subscriber', never), receiveMaximum: 1, will };
    on.member('a').input(1, { kind: 'connect', request: session });
    on.member('b').input(2, { kind: 'connect', request: request('publisher') });
    on.run(100);
    on.member('a').input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    on.run(100);
    publish(on, '1', '2');
    on.member('a').drain(100);
    on.until('the client is asked to leave', () =>
      on.takeEffects('a', 1).some(({ kind }) => kind === 'close'),
    );
    connect(on, 'c', 9, 'subscriber');
    expect(dups(deliveries(on.takeEffects('c', 9)))).toEqual([
      ['1', true],
      ['2', false],
    ]);
  });
});

describe('a QoS 2 message that expires before its home could send it', () => {
  /** A member that does not lead, with a subscriber whose socket is full, and two messages for it. */
  function withFullSocket(): { on: TestCluster; home: string; next: string } {
    const on = cluster();
    const [home, next] = ['a', 'b', 'c'].filter((id) => id !== on.leader()) as [string, string];
    connect(on, home, 1, 'subscriber');
    on.member(next).input(2, { kind: 'connect', request: request('publisher') });
    on.member(home).input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 2 }] });
    on.run(100);
    on.member(home).input(1, { kind: 'writable', writable: false });
    const message = { topic: 'x', qos: 2 as const, retain: false };
    const expiring = { ...message, payload: text('expired'), properties: { messageExpiryInterval: 1 } };
    on.member(next).input(2, { kind: 'publish', request: { ...expiring, packetId: 1 } });
    on.member(next).input(2, {
      kind: 'publish',
      request: { ...message, payload: text('later'), packetId: 2 },
    });
    on.run(2_000);
    on.takeEffects(home, 1);
    return { on, home, next };
  }

  test('is not overtaken before the cluster has removed it [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]', () => {
    const { on, home, next } = withFullSocket();
    on.holdProposals = home;
    on.member(home).input(1, { kind: 'writable', writable: true });
    on.run(100);
    const received = deliveries(on.takeEffects(home, 1));
    // The next home cannot determine whether the exchange of the expired message has begun.
    connect(on, next, 9, 'subscriber');
    // The next home waits 500 ms for the report of this home.
    on.run(500);
    received.push(...deliveries(on.takeEffects(next, 9)));
    expect(dups(received)).toEqual([
      ['expired', true],
      ['later', true],
    ]);
  });

  test('is removed, and the next message follows [5.0 MQTT-3.3.2-5]', () => {
    const { on, home } = withFullSocket();
    on.member(home).input(1, { kind: 'writable', writable: true });
    on.run(100);
    expect(dups(deliveries(on.takeEffects(home, 1)))).toEqual([['later', false]]);
  });
});
