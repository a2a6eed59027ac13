import type { Subscription } from '@mqtt-cluster/contracts';
import { checkMessageExpiry } from '../src/checks/message-expiry.ts';
import { checkQos0 } from '../src/checks/qos0.ts';
import { checkRedelivery } from '../src/checks/redelivery.ts';
import { checkRetainAsPublished } from '../src/checks/retain-as-published.ts';
import { checkRetainedDelivery } from '../src/checks/retained-delivery.ts';
import { checkSessionEnds } from '../src/checks/session-ends.ts';
import { checkSharedDelivery } from '../src/checks/shared-delivery.ts';
import { checkSubscriptionOptions } from '../src/checks/subscription-options.ts';
import { checkWills } from '../src/checks/wills.ts';
import { History } from '../src/history/history.ts';
import type {
  Arrival,
  ConnectionRecord,
  Publication,
  PublishOptions,
  SessionRecord,
} from '../src/history/history.ts';

/** A made-up history. Publisher and subscribers have one connection each, unless a test adds another. */
class MadeUp {
  nowMs = 0;
  readonly history = new History(() => this.nowMs);
  #connections = 0;
  readonly #publisher = this.connection('publisher');

  connection(client: string, fields: Partial<ConnectionRecord> = {}): ConnectionRecord {
    this.#connections += 1;
    const record: ConnectionRecord = {
      id: this.#connections,
      client,
      host: 'a',
      clean: false,
      expirySeconds: 3_600,
      openedAtMs: this.nowMs,
      will: null,
      access: null,
      connackAtMs: this.nowMs,
      firstSlowAtMs: null,
      end: 'open',
      endReason: '',
      endedAtMs: null,
      connackIsolated: false,
      closedByHome: false,
      processEndedAtMs: null,
      disconnectHandledAtMs: null,
      endHandledAtMs: null,
      sessionPresent: false,
      ...fields,
    };
    this.history.connections.set(record.id, record);
    return record;
  }

  session(client: string, connection: ConnectionRecord, ...subscriptions: Subscription[]): SessionRecord {
    const session: SessionRecord = {
      client,
      number: this.history.sessions.length,
      persistent: true,
      expirySeconds: 3_600,
      startedAtMs: this.nowMs,
      endedAtMs: null,
      subscriptions: subscriptions.map((subscription) => ({
        subscription,
        connection: connection.id,
        sentAtMs: this.nowMs,
        ackedAtMs: this.nowMs,
        granted: subscription.qos,
        unsubscribedAtMs: null,
      })),
      arrivals: [],
      homes: ['a'],
      leftAtMs: null,
      connectedAtMs: this.nowMs,
    };
    this.history.sessions.push(session);
    return session;
  }

  /** Publishes a message, which is acknowledged after 10 ms if its QoS is 1 or 2. */
  publish(topic: string, qos: 0 | 1 | 2, how: PublishOptions = {}, client = 'publisher'): Publication {
    this.nowMs += 10;
    const publication = this.history.publication(client, topic, qos, how);
    publication.connections.push(this.#publisher.id);
    publication.sentAtMs = this.nowMs;
    this.nowMs += 10;
    if (qos > 0) publication.ackedAtMs = this.nowMs;
    return publication;
  }

  arrive(
    session: SessionRecord,
    publication: Publication,
    connection: ConnectionRecord,
    fields: Partial<Arrival> = {},
  ): void {
    session.arrivals.push({
      publication: publication.id,
      connection: connection.id,
      atMs: this.nowMs,
      qos: publication.qos,
      retained: false,
      topic: publication.topic,
      packetId: 1,
      dup: false,
      expirySeconds: publication.expirySeconds,
      subscriptionIdentifiers: [],
      ...fields,
    });
  }

  get promises(): string[] {
    return this.history.violations.map(({ promise }) => promise);
  }
}

describe('the check of message expiry', () => {
  const filter = { filter: 't/#', qos: 1 } as const;

  test.each([
    [900, 1, []],
    [3_000, 1, ['message expiry']],
    [900, 3, ['message expiry']],
    [100, 0, ['message expiry']],
  ])('judges an arrival after %d ms with %d s left of 2 s', (waitMs, seconds, promises) => {
    const made = new MadeUp();
    const connection = made.connection('s');
    const session = made.session('s', connection, filter);
    const publication = made.publish('t/1', 1, { expirySeconds: 2 });
    made.nowMs += waitMs + (waitMs > 2_000 ? 1_000 : 0);
    made.arrive(session, publication, connection, { expirySeconds: seconds });
    checkMessageExpiry(made.history);
    expect([...new Set(made.promises)]).toEqual(promises);
  });

  test.each([
    [0, ['message expiry']],
    [200, []],
  ])('accepts an interval that is early by the delay between members, %d ms', (peerDelayMsMax, promises) => {
    const made = new MadeUp();
    made.history.peerDelayMsMax = peerDelayMsMax;
    const connection = made.connection('s');
    const session = made.session('s', connection, filter);
    const publication = made.publish('t/1', 1, { expirySeconds: 2 });
    made.nowMs += 850;
    made.arrive(session, publication, connection, { expirySeconds: 1 });
    checkMessageExpiry(made.history);
    expect(made.promises).toEqual(promises);
  });

  test.each([
    [100, ['message expiry']],
    [3_000, []],
  ])('judges a missing message when a later one arrives after %d ms of 2 s', (waitMs, promises) => {
    const made = new MadeUp();
    const connection = made.connection('s');
    const session = made.session('s', connection, filter);
    made.publish('t/1', 1, { expirySeconds: 2 });
    const later = made.publish('t/2', 1);
    made.nowMs += waitMs;
    made.arrive(session, later, connection);
    checkMessageExpiry(made.history);
    expect(made.promises).toEqual(promises);
  });
});

test('a message may be late after its expiry when a member has lost its clock record', () => {
  const violations = [false, true].map((lost) => {
    const made = new MadeUp();
    made.history.clockRecordLost = lost;
    const connection = made.connection('s');
    const session = made.session('s', connection, { filter: 't/#', qos: 1 });
    const publication = made.publish('t/1', 1, { expirySeconds: 2 });
    made.nowMs += 4_000;
    made.arrive(session, publication, connection, { expirySeconds: 1 });
    checkMessageExpiry(made.history);
    return [...new Set(made.promises)];
  });
  expect(violations).toEqual([['message expiry'], []]);
});

describe('the check of repeated messages', () => {
  function repeated(second: { packetId: number; dup: boolean }): string[] {
    const made = new MadeUp();
    const first = made.connection('s', { endedAtMs: 500, endHandledAtMs: 500, end: 'disconnected' });
    const publication = made.publish('t', 1);
    made.history.sends.push({ publication: publication.id, connection: first.id, packetId: 7, dup: false });
    made.nowMs = 5_000;
    const next = made.connection('s', { sessionPresent: true });
    made.history.sends.push({ publication: publication.id, connection: next.id, ...second });
    checkRedelivery(made.history);
    return made.promises;
  }

  test('accepts the same packet id with DUP=1 and reports all others [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1]', () => {
    expect(repeated({ packetId: 7, dup: true })).toEqual([]);
    expect(repeated({ packetId: 8, dup: true })).toEqual(['redelivery']);
    expect(repeated({ packetId: 7, dup: false })).toEqual(['redelivery']);
  });

  test.each([
    [[], ['redelivery']],
    [[{ member: 'a', atMs: 4_000, state: null }], []],
  ])('judges DUP=1 on a message that no home has sent, with the faults %j', (faults, promises) => {
    const made = new MadeUp();
    made.history.conformanceSinceMs = -1;
    made.history.disturbances.push(...faults);
    made.connection('s', { endedAtMs: 500, endHandledAtMs: 500, end: 'disconnected' });
    made.nowMs = 3_000;
    const publication = made.publish('t', 1);
    made.nowMs = 5_000;
    const next = made.connection('s', { sessionPresent: true });
    made.history.sends.push({ publication: publication.id, connection: next.id, packetId: 1, dup: true });
    checkRedelivery(made.history);
    expect(made.promises).toEqual(promises);
  });
});

describe('the check of repeated messages with several former homes', () => {
  test.each([
    // The home of the first connection could not report: it may have sent the message.
    [null, []],
    [500, ['redelivery']],
  ])('judges DUP=1 when the first end was handled at %j ms', (endHandledAtMs, promises) => {
    const made = new MadeUp();
    made.history.conformanceSinceMs = -1;
    made.nowMs = 100;
    made.connection('s', { endedAtMs: 500, endHandledAtMs, end: 'disconnected' });
    made.nowMs = 200;
    const publication = made.publish('t', 1);
    made.nowMs = 5_000;
    made.connection('s', {
      sessionPresent: true,
      endedAtMs: 5_500,
      endHandledAtMs: 5_500,
      end: 'disconnected',
    });
    made.nowMs = 10_000;
    const next = made.connection('s', { sessionPresent: true });
    made.history.sends.push({ publication: publication.id, connection: next.id, packetId: 1, dup: true });
    checkRedelivery(made.history);
    expect(made.promises).toEqual(promises);
  });
});

describe('the check of shared subscriptions', () => {
  const filter = { filter: '$share/g/t/#', qos: 1 } as const;

  test.each([
    [1, null, ['P2 shared']],
    [1, 25, []],
    [0, 25, ['P2 shared']],
  ] as const)(
    'judges a QoS %d message that two members received, with the first connection ended at %j ms',
    (qos, endedAtMs, promises) => {
      const made = new MadeUp();
      const connections = ['one', 'two'].map((id) => made.connection(id));
      const sessions = connections.map((connection) => made.session(connection.client, connection, filter));
      const publication = made.publish('t/1', qos);
      (connections[0] as ConnectionRecord).endedAtMs = endedAtMs;
      sessions.forEach((session, place) => {
        made.nowMs += 10;
        made.arrive(session, publication, connections[place] as ConnectionRecord);
      });
      checkSharedDelivery(made.history);
      expect(made.promises).toEqual(promises);
    },
  );

  test('reports a message that no member of a group with a lasting member received', () => {
    const made = new MadeUp();
    made.session('one', made.connection('one'), filter);
    made.publish('t/1', 1);
    checkSharedDelivery(made.history);
    expect(made.promises).toEqual(['P2 shared']);
  });

  test.each([
    [5_000, []],
    [null, ['P2 shared']],
  ])(
    'accepts that a message moves to a later member and is lost with its session only if the first connection ends: %j ms',
    (endedAtMs, promises) => {
      const made = new MadeUp();
      const connection = made.connection('one', { endedAtMs });
      made.session('one', connection, filter);
      made.publish('t/1', 1);
      made.nowMs = 4_000;
      made.session('two', made.connection('two'), filter).endedAtMs = 6_000;
      checkSharedDelivery(made.history);
      expect(made.promises).toEqual(promises);
    },
  );
});

describe('the check of subscription options', () => {
  test.each([
    ['Retain Handling', { retainHandling: 2 }, { retained: true }, 'publisher'],
    ['No Local [5.0 MQTT-3.8.3-3]', { noLocal: true }, {}, 's'],
    ['Subscription Identifier [5.0 MQTT-3.3.4-3]', { subscriptionIdentifier: 4 }, {}, 'publisher'],
    [
      'Subscription Identifier [5.0 MQTT-3.3.4-3]',
      { subscriptionIdentifier: 4 },
      { subscriptionIdentifiers: [5] },
      'publisher',
    ],
  ] as const)('reports a violation of %s by %j and %j', (promise, options, arrival, client) => {
    const made = new MadeUp();
    const connection = made.connection('s');
    const session = made.session('s', connection, { filter: 't', qos: 1, ...options });
    made.arrive(session, made.publish('t', 1, {}, client), connection, arrival);
    checkSubscriptionOptions(made.history);
    expect(made.promises).toEqual([promise]);
  });
});

describe('the check of QoS 0', () => {
  test.each([
    [0, true, ['QoS 0']],
    [0, false, []],
    [1, true, []],
    [2, true, ['QoS 0']],
  ])('judges %d arrivals of a message, in a calm period: %j', (copies, isCalm, promises) => {
    const made = new MadeUp();
    const connection = made.connection('live-subscriber-0');
    const session = made.session('live-subscriber-0', connection, { filter: 't', qos: 0 });
    if (isCalm) made.history.calmPeriods.push({ fromMs: 0, toMs: 10_000 });
    made.nowMs = 3_000;
    const publication = made.publish('t', 0);
    for (let copy = 0; copy < copies; copy += 1) made.arrive(session, publication, connection);
    checkQos0(made.history);
    expect(made.promises).toEqual(promises);
  });

  test.each([
    ['publisher', 2_000, []],
    ['live-subscriber-0', 2_000, []],
    ['live-subscriber-0', 9_000, ['QoS 0']],
    ['other', 2_000, ['QoS 0']],
  ])('judges a lost message if the process that served %s ended at %d ms', (client, endedAtMs, promises) => {
    const made = new MadeUp();
    const connection = made.connection('live-subscriber-0');
    made.session('live-subscriber-0', connection, { filter: 't', qos: 0 });
    made.connection('other');
    for (const record of made.history.connections.values())
      if (record.client === client) record.processEndedAtMs = endedAtMs;
    made.history.calmPeriods.push({ fromMs: 0, toMs: 10_000 });
    made.nowMs = 3_000;
    made.publish('t', 0);
    checkQos0(made.history);
    expect(made.promises).toEqual(promises);
  });
});

describe('the check of wills', () => {
  const watcher = 'watcher';

  /** Returns a history with a subscriber to wills, in which the whole time is calm. */
  function watched(): { made: MadeUp; session: SessionRecord; connection: ConnectionRecord } {
    const made = new MadeUp();
    made.history.conformanceSinceMs = 0;
    made.history.calmPeriods.push({ fromMs: 0, toMs: 10_000 });
    const connection = made.connection(watcher);
    const session = made.session(watcher, connection, { filter: 'w', qos: 2 });
    made.nowMs = 100;
    return { made, session, connection };
  }

  function willOf(publication: Publication, delaySeconds: number): NonNullable<ConnectionRecord['will']> {
    const { id, topic, qos } = publication;
    return {
      publication: id,
      will: { topic, qos, payload: new Uint8Array(0), retain: false, delaySeconds },
    };
  }

  test.each([
    ['nothing', 1, null, false, []],
    ['the packet with DUP=1 on the next connection', 1, { packetId: 1, dup: true }, true, []],
    ['the packet with DUP=0 on the next connection', 1, { packetId: 1, dup: false }, true, ['P6']],
    ['another packet id on the next connection', 1, { packetId: 2, dup: true }, true, ['P6']],
    ['the packet with DUP=1 on the same connection', 1, { packetId: 1, dup: true }, false, ['P6']],
    ['a QoS 2 message twice', 2, { packetId: 1, dup: true }, true, ['P6']],
  ] as const)('judges a will after which the subscriber receives %s', (_, qos, again, moves, promises) => {
    const { made, session, connection } = watched();
    const publication = made.history.publication('mortal', 'w', qos);
    made.connection('mortal', { will: willOf(publication, 0), end: 'lost', endedAtMs: 200 });
    made.arrive(session, publication, connection);
    const second = moves ? made.connection(watcher) : connection;
    if (again !== null) made.arrive(session, publication, second, again);
    checkWills(made.history, watcher);
    expect(made.promises).toEqual(promises);
  });

  // The connection with the will is open from 130 to 160. Two others of the same client follow, of which the
  // first one has Clean Start.
  test.each([
    ['before the CONNACK of the will', 120, 150, 170, [], []],
    ['after the CONNACK of the will', 135, 150, 170, ['P6'], []],
    ['with the third connection', 135, 175, 170, [], []],
  ])(
    'judges a delayed will if a CONNECT with Clean Start is sent %s',
    (_, openedAtMs, connackAtMs, thirdAtMs, unpublished, published) => {
      for (const [times, promises] of [unpublished, published].entries()) {
        const { made, session, connection } = watched();
        const publication = made.history.publication('rival', 'w', 2);
        const takenOver = { end: 'closedByMember', endReason: 'takenOver', closedByHome: true } as const;
        const will = willOf(publication, 1);
        made.connection('rival', { ...takenOver, will, openedAtMs: 110, connackAtMs: 130, endedAtMs: 160 });
        made.connection('rival', { clean: true, openedAtMs, connackAtMs });
        made.connection('rival', { openedAtMs: thirdAtMs, connackAtMs: 180 });
        if (times > 0) made.arrive(session, publication, connection);
        checkWills(made.history, watcher);
        expect(made.promises).toEqual(promises);
      }
    },
  );
});

describe('the check of retained messages', () => {
  const never = ['P3/P5'];
  const standard = { persistent: false, isSlow: true, arrives: true };

  test.each([
    ['accepts a replaced message of a clean session whose client is slow', standard, []],
    ['reports a replaced message of a client that is not slow', { ...standard, isSlow: false }, never],
    ['reports a replaced message of a persistent session', { ...standard, persistent: true }, never],
    ['reports a message if the newer one has not arrived either', { ...standard, arrives: false }, never],
  ])('%s', (_, { persistent, isSlow, arrives }, promises) => {
    const made = new MadeUp();
    made.history.retainedQueuedSinceMs = -1;
    made.publish('r/0', 1, { retain: true });
    made.nowMs += 10;
    const connection = made.connection('s');
    const session = Object.assign(made.session('s', connection, { filter: 'r/#', qos: 1 }), { persistent });
    if (isSlow) made.history.recordSlowClient(connection.id);
    const newer = made.publish('r/0', 1, { retain: true });
    if (arrives) made.arrive(session, newer, connection);
    checkRetainedDelivery(made.history);
    expect(made.promises).toEqual(promises);
  });
});

describe('the check of Retain As Published', () => {
  test.each<[boolean, boolean, boolean, number]>([
    [true, true, true, 0],
    [true, true, false, 1],
    [true, false, true, 1],
    [false, true, true, 1],
    [false, true, false, 0],
    [false, false, true, 1],
  ])(
    'with Retain As Published %p, RETAIN %p at the publisher and %p at the subscriber: finds %i violations',
    (retainAsPublished, retain, retained, violations) => {
      const made = new MadeUp();
      const connection = made.connection('s');
      const session = made.session('s', connection, { filter: 'k/#', qos: 1, retainAsPublished });
      made.arrive(session, made.publish('k/0', 1, { retain }), connection, { retained });
      checkRetainAsPublished(made.history);
      expect(made.history.violations).toHaveLength(violations);
    },
  );

  test('accepts a message that was retained before the SUBSCRIBE', () => {
    const made = new MadeUp();
    const publication = made.publish('k/0', 1, { retain: true });
    const connection = made.connection('s');
    const session = made.session('s', connection, { filter: 'k/#', qos: 1 });
    made.arrive(session, publication, connection, { retained: true });
    checkRetainAsPublished(made.history);
    expect(made.history.violations).toEqual([]);
  });
});

describe('the check of sessions that a DISCONNECT ended', () => {
  test.each<[string, boolean, number, number]>([
    ['accepts Session Present 0', false, 1_000, 0],
    ['finds Session Present 1 without a fault', true, 1_000, 1],
    ['accepts Session Present 1 during a fault', true, 15, 0],
  ])('%s', (_, sessionPresent, calmUntilMs, violations) => {
    const made = new MadeUp();
    made.history.accessSinceMs = 0;
    made.history.calmPeriods.push({ fromMs: 0, toMs: calmUntilMs });
    const ended = made.connection('s', { disconnectHandledAtMs: 10 });
    made.nowMs = 20;
    const next = made.connection('s', { sessionPresent });
    made.history.sessionEnds.push({ ended, next, sessionPresent, mayBeNewer: false });
    checkSessionEnds(made.history);
    expect(made.history.violations).toHaveLength(violations);
  });
});

test('the check of repeated messages compares no connections that waited for CONNACK at the same time', () => {
  const made = new MadeUp();
  const publication = made.publish('m', 2);
  const sends = [made.connection('s'), made.connection('s')].map(({ id }, place) => ({
    publication: publication.id,
    connection: id,
    packetId: 32_768,
    dup: place === 0,
  }));
  made.history.sends.push(...sends);
  checkRedelivery(made.history);
  expect(made.history.violations).toEqual([]);
});
