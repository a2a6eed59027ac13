import type { ClientEffect, ConnectRequest, DeliverEffect, MemberId, Will } from '@mqtt-cluster/contracts';
import type { MemberOptions } from '../src/index.ts';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;
const payload = ({ message }: DeliverEffect): string => new TextDecoder().decode(message.payload);

const will = (changes: Partial<Will> = {}): Will => ({
  topic: 'w',
  payload: text('will'),
  qos: 1,
  retain: false,
  delaySeconds: 0,
  ...changes,
});

/**
 * A cluster whose member c has a subscriber of all topics (connection 9), and whose client `same` connects as
 * connection 1 and later as connection 2.
 */
class Takeover {
  readonly cluster: TestCluster;

  constructor(options: Partial<MemberOptions> = {}) {
    const cluster = (this.cluster = new TestCluster(['a', 'b', 'c'], options));
    cluster.serve();
    cluster.run(1_000);
    cluster.member('c').input(9, { kind: 'connect', request: request('watcher') });
    cluster.run(100);
    const subscriptions = [{ filter: '#', qos: 2 as const }];
    cluster.member('c').input(9, { kind: 'subscribe', packetId: 1, subscriptions });
    cluster.run(100);
    cluster.takeEffects('c', 9);
  }

  connect(id: MemberId, connection: number, changes: Partial<ConnectRequest> = {}): void {
    const connect = { ...request('same'), ...changes };
    this.cluster.member(id).input(connection, { kind: 'connect', request: connect });
  }

  disconnect(id: MemberId, connection: number, graceful: boolean, sessionExpirySeconds?: number): void {
    const expiry = sessionExpirySeconds === undefined ? {} : { sessionExpirySeconds };
    this.cluster.member(id).input(connection, { kind: 'disconnect', graceful, ...expiry });
  }

  publish(id: MemberId, connection: number, payloadText: string): void {
    const publish = { topic: 'p', payload: text(payloadText), qos: 1, retain: false, packetId: 1 } as const;
    this.cluster.member(id).input(connection, { kind: 'publish', request: publish });
  }

  /** Returns the payloads that the subscriber has received. */
  seen(): string[] {
    return this.cluster
      .takeEffects('c', 9)
      .filter((effect) => effect.kind === 'deliver')
      .map(payload);
  }

  effects(id: MemberId, connection: number): ClientEffect[] {
    return this.cluster.takeEffects(id, connection);
  }

  connack(id: MemberId, connection: number): ClientEffect | undefined {
    return this.effects(id, connection).find(({ kind }) => kind === 'connack');
  }
}

describe('a CONNECT with the client id of an open connection', () => {
  test.each<[string, MemberId, Partial<ConnectRequest>, Partial<ConnectRequest>]>([
    ['at the same member', 'a', { will: will() }, {}],
    ['at another member', 'b', { will: will() }, {}],
    [
      'of a persistent session',
      'b',
      { will: will(), clean: false, sessionExpirySeconds: never },
      { clean: false },
    ],
    [
      'with Clean Start, although the will has a delay',
      'b',
      { will: will({ delaySeconds: 20 }), clean: false, sessionExpirySeconds: 300 },
      { clean: true },
    ],
    [
      'whose session ends with its connection, although the will has a delay',
      'b',
      { will: will({ delaySeconds: 20 }), sessionExpirySeconds: 0 },
      { clean: false },
    ],
  ])(
    '%s publishes its will once, before the messages of the new connection [3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.4-2] [5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.4-3]',
    (_, home, first, second) => {
      const takeover = new Takeover();
      takeover.connect('a', 1, first);
      takeover.cluster.run(100);
      takeover.connect(home, 2, second);
      takeover.cluster.until('CONNACK', () => takeover.connack(home, 2) !== undefined);
      takeover.publish(home, 2, 'new');
      takeover.cluster.run(10_000);
      expect(takeover.seen()).toEqual(['will', 'new']);
      expect(takeover.effects('a', 1).at(-1)).toMatchObject({ kind: 'close', reason: 'takenOver' });
    },
  );

  test('publishes its will once, also if the CONNACK of the first connection has just been sent', () => {
    const takeover = new Takeover();
    takeover.connect('a', 1, { will: will() });
    takeover.cluster.until('CONNACK', () => takeover.connack('a', 1) !== undefined);
    takeover.connect('b', 2);
    takeover.cluster.run(2_000);
    expect(takeover.seen()).toEqual(['will']);
  });

  test('leaves no session if the first connection ends the session and the second one ends before its CONNACK', () => {
    const takeover = new Takeover();
    const session = { clean: false, sessionExpirySeconds: never };
    takeover.connect('a', 1, session);
    takeover.cluster.run(100);
    const sessions = (): number => takeover.cluster.member('b').status().sessions;
    expect(sessions()).toBe(2);
    takeover.connect('a', 2, session);
    takeover.disconnect('a', 1, true, 0);
    takeover.disconnect('a', 2, false);
    takeover.cluster.run(2_000);
    expect(sessions()).toBe(1);
  });

  test('at a member that applies the log late does not resume a session that DISCONNECT has ended [5.0 MQTT-3.1.2-23]', () => {
    const takeover = new Takeover();
    const { cluster } = takeover;
    cluster.run(2_000);
    const [other, late] = ['a', 'b', 'c'].filter((id) => id !== cluster.leader()) as [MemberId, MemberId];
    const session = { clean: false, sessionExpirySeconds: never };
    takeover.connect(late, 1, session);
    cluster.run(100);
    let isLate = true;
    cluster.onOutput(cluster.leader(), (output) => ({
      ...output,
      send: output.send.filter(({ to, channel }) => !isLate || to !== late || channel !== 'log'),
    }));
    takeover.disconnect(late, 1, true, 0);
    cluster.run(20);
    takeover.connect(other, 2, session);
    cluster.until('CONNACK', () => takeover.connack(other, 2) !== undefined);
    cluster.holdProposals = other;
    takeover.disconnect(other, 2, true, 0);
    takeover.connect(late, 3, session);
    cluster.run(20);
    cluster.holdProposals = null;
    isLate = false;
    cluster.run(3_000);
    expect(takeover.connack(late, 3)).toMatchObject({ sessionPresent: false });
  });

  test('does not publish its will if the will has a delay and the session is resumed [5.0 MQTT-3.1.3-9]', () => {
    const takeover = new Takeover();
    const session = { clean: false, sessionExpirySeconds: 300 };
    takeover.connect('a', 1, { ...session, will: will({ delaySeconds: 2 }) });
    takeover.cluster.run(100);
    takeover.connect('b', 2, session);
    takeover.cluster.run(5_000);
    expect(takeover.seen()).toEqual([]);
    expect(takeover.connack('b', 2)).toMatchObject({ sessionPresent: true });
  });

  test.each(['a', 'b'])(
    'at member %s directly after DISCONNECT does not publish the will [3.1.1 MQTT-3.14.4-3] [5.0 MQTT-3.14.4-3]',
    (home) => {
      const takeover = new Takeover();
      takeover.connect('a', 1, { will: will() });
      takeover.cluster.run(100);
      takeover.disconnect('a', 1, true);
      takeover.connect(home, 2);
      takeover.cluster.run(3_000);
      expect(takeover.seen()).toEqual([]);
      expect(takeover.connack(home, 2)).toBeDefined();
    },
  );

  test('does not publish the will if the open of the new connection precedes the close after DISCONNECT in the log [5.0 MQTT-3.14.4-3]', () => {
    const takeover = new Takeover();
    const home = ['a', 'b'].find((id) => id !== takeover.cluster.leader()) as string;
    const other = home === 'a' ? 'b' : 'a';
    takeover.connect(home, 1, { will: will() });
    takeover.cluster.run(100);
    // The proposals of the former home do not arrive for a moment.
    takeover.cluster.holdProposals = home;
    takeover.disconnect(home, 1, true);
    takeover.connect(other, 2);
    takeover.cluster.run(100);
    takeover.cluster.holdProposals = null;
    takeover.cluster.run(3_000);
    expect(takeover.seen()).toEqual([]);
    expect(takeover.connack(other, 2)).toBeDefined();
  });

  test.each(['discard', 'publish'] as const)(
    'with the setting %s: decides about the will of a home that died, after at most one second',
    (willAfterFailover) => {
      const takeover = new Takeover({ willAfterFailover });
      const [home, other] = takeover.cluster.leader() === 'a' ? ['b', 'a'] : ['a', 'b'];
      takeover.connect(home, 1, { will: will() });
      takeover.cluster.run(100);
      takeover.cluster.hanging.add(home);
      takeover.connect(other, 2);
      takeover.cluster.run(1_000);
      expect(takeover.connack(other, 2)).toBeDefined();
      takeover.cluster.run(5_000);
      takeover.cluster.hanging.delete(home);
      takeover.cluster.run(5_000);
      expect(takeover.seen()).toEqual(willAfterFailover === 'publish' ? ['will'] : []);
    },
  );

  test.each(['discard', 'publish'] as const)(
    'with the setting %s: decides about the will of a client that the server has moved (P10)',
    (willAfterFailover) => {
      const takeover = new Takeover({ willAfterFailover });
      takeover.connect('a', 1, { will: will() });
      takeover.cluster.run(100);
      takeover.cluster.member('a').drain(200);
      takeover.cluster.until('the client is moved', () =>
        takeover.effects('a', 1).some(({ kind }) => kind === 'close'),
      );
      takeover.connect('b', 2);
      takeover.cluster.run(8_000);
      expect(takeover.connack('b', 2)).toBeDefined();
      expect(takeover.seen()).toEqual(willAfterFailover === 'publish' ? ['will'] : []);
    },
  );

  test('publishes the first will once if a third connection follows at once', () => {
    const takeover = new Takeover();
    takeover.connect('a', 1, { will: will({ payload: text('first') }) });
    takeover.cluster.run(100);
    takeover.connect('b', 2, { will: will({ payload: text('second') }) });
    takeover.connect('c', 3, { will: will({ payload: text('third') }) });
    takeover.cluster.run(3_000);
    const connacks = [takeover.connack('b', 2), takeover.connack('c', 3)];
    const winner = connacks.filter((connack) => connack !== undefined);
    expect(winner.length).toBe(1);
    expect(takeover.seen()).toEqual(['first']);
    const loser = connacks[0] === undefined ? 'b' : 'c';
    takeover.disconnect(loser === 'b' ? 'c' : 'b', loser === 'b' ? 3 : 2, false);
    takeover.cluster.run(1_000);
    expect(takeover.seen()).toEqual([loser === 'b' ? 'third' : 'second']);
  });

  test('publishes both wills, in order, if the new connection ends before its CONNACK', () => {
    const takeover = new Takeover({ willAfterFailover: 'publish' });
    const [home, other] = takeover.cluster.leader() === 'a' ? ['b', 'a'] : ['a', 'b'];
    takeover.connect(home, 1, { will: will({ payload: text('first') }) });
    takeover.cluster.run(100);
    takeover.cluster.holdProposals = home;
    takeover.connect(other, 2, { will: will({ payload: text('second') }) });
    takeover.cluster.run(100);
    expect(takeover.connack(other, 2)).toBeUndefined();
    takeover.disconnect(other, 2, false);
    takeover.cluster.run(2_000);
    takeover.cluster.holdProposals = null;
    takeover.cluster.run(3_000);
    expect(takeover.seen()).toEqual(['first', 'second']);
    expect(takeover.cluster.member(other).status().sessions).toBe(1);
  });
});

describe('a CONNECT without Clean Start after a session that ended with its connection', () => {
  test.each<[MemberId, string]>([
    ['a', 'is open'],
    ['b', 'is open'],
    ['a', 'has just sent DISCONNECT'],
    ['b', 'has just sent DISCONNECT'],
  ])(
    'receives Session Present 0 at member %s while the former connection %s [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-3] [5.0 MQTT-3.2.2-3]',
    (home, state) => {
      const takeover = new Takeover();
      takeover.connect('a', 1, { clean: true, sessionExpirySeconds: 0 });
      takeover.cluster.run(100);
      if (state !== 'is open') takeover.disconnect('a', 1, true);
      takeover.connect(home, 2, { clean: false, sessionExpirySeconds: never });
      takeover.cluster.run(1_000);
      expect(takeover.connack(home, 2)).toMatchObject({ sessionPresent: false });
      takeover.disconnect(home, 2, true);
      takeover.connect('c', 3, { clean: false, sessionExpirySeconds: never });
      takeover.cluster.run(1_000);
      expect(takeover.connack('c', 3)).toMatchObject({ sessionPresent: true });
    },
  );
});

describe('a CONNECT without Clean Start at another member directly after DISCONNECT', () => {
  /** A session of 300 s at a follower, and another member. */
  function persistent(changes: Partial<ConnectRequest> = {}) {
    const takeover = new Takeover();
    const [home, other] = takeover.cluster.leader() === 'a' ? ['b', 'a'] : ['a', 'b'];
    takeover.connect(home, 1, { clean: false, sessionExpirySeconds: 300, ...changes });
    takeover.cluster.run(100);
    takeover.cluster
      .member(home)
      .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'own', qos: 1 }] });
    takeover.cluster.run(100);
    return { takeover, home, other };
  }

  test.each<[number | undefined, boolean]>([
    [0, false],
    [10, true],
    [undefined, true],
  ])(
    'with a Session Expiry Interval of %p: receives Session Present %p, although the close follows the open in the log [5.0 MQTT-3.1.2-23] [5.0 MQTT-3.2.2-3]',
    (expiry, sessionPresent) => {
      const { takeover, home, other } = persistent();
      // The proposals of the former home do not arrive for a moment.
      takeover.cluster.holdProposals = home;
      takeover.disconnect(home, 1, true, expiry);
      takeover.connect(other, 2, { clean: false, sessionExpirySeconds: 300 });
      takeover.cluster.run(100);
      takeover.cluster.holdProposals = null;
      takeover.cluster.run(1_000);
      expect(takeover.connack(other, 2)).toMatchObject({ sessionPresent });
      expect(takeover.cluster.member(other).status().subscriptions).toBe(sessionPresent ? 1 : 0);
      takeover.disconnect(other, 2, true);
      takeover.cluster.run(100);
      takeover.connect('c', 3, { clean: false, sessionExpirySeconds: 300 });
      takeover.cluster.run(100);
      expect(takeover.connack('c', 3)).toMatchObject({ sessionPresent: true });
    },
  );

  test('receives Session Present 0 at the same member if the CONNECT arrives just before the DISCONNECT [5.0 MQTT-3.1.2-23]', () => {
    const { takeover, home } = persistent();
    takeover.connect(home, 2, { clean: false, sessionExpirySeconds: 300 });
    takeover.disconnect(home, 1, true, 0);
    takeover.cluster.run(100);
    expect(takeover.connack(home, 2)).toMatchObject({ sessionPresent: false });
  });

  test('publishes a will with a delay if the DISCONNECT asks for it and ends the session [5.0 MQTT-3.1.2-8]', () => {
    const { takeover, home, other } = persistent({ will: will({ delaySeconds: 20 }) });
    takeover.cluster.holdProposals = home;
    takeover.disconnect(home, 1, false, 0);
    takeover.connect(other, 2, { clean: false, sessionExpirySeconds: 300 });
    takeover.cluster.run(100);
    takeover.cluster.holdProposals = null;
    takeover.cluster.run(1_000);
    expect(takeover.connack(other, 2)).toMatchObject({ sessionPresent: false });
    expect(takeover.seen()).toEqual(['will']);
  });

  test('does not wait for a former home that is unreachable', () => {
    const { takeover, home, other } = persistent();
    for (const id of ['a', 'b', 'c']) if (id !== home) takeover.cluster.member(id).link(home, 'refused');
    takeover.cluster.hanging.add(home);
    takeover.connect(other, 2, { clean: false, sessionExpirySeconds: 300 });
    takeover.cluster.run(10);
    expect(takeover.connack(other, 2)).toMatchObject({ sessionPresent: true });
  });

  test('waits at most 500 ms for a former home that does not answer', () => {
    const { takeover, home, other } = persistent();
    takeover.cluster.hanging.add(home);
    takeover.connect(other, 2, { clean: false, sessionExpirySeconds: 300 });
    takeover.cluster.run(450);
    expect(takeover.connack(other, 2)).toBeUndefined();
    takeover.cluster.run(150);
    expect(takeover.connack(other, 2)).toMatchObject({ sessionPresent: true });
  });
});

describe('a will whose delay is running', () => {
  test.each<[boolean, string[]]>([
    [true, ['will']],
    [false, []],
  ])(
    'after CONNECT with Clean Start %s: the will is due if the session has ended [5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.3-9]',
    (clean, seen) => {
      const takeover = new Takeover();
      const session = { clean: false, sessionExpirySeconds: 300 };
      takeover.connect('a', 1, { ...session, will: will({ delaySeconds: 20 }) });
      takeover.cluster.run(100);
      takeover.disconnect('a', 1, false);
      takeover.cluster.run(500);
      takeover.connect('b', 2, { ...session, clean });
      takeover.cluster.run(30_000);
      expect(takeover.seen()).toEqual(seen);
    },
  );
});

describe('CONNACK', () => {
  test('has the granted Session Expiry Interval if it is not the requested one [5.0 3.2.2.3.2]', () => {
    const takeover = new Takeover();
    takeover.cluster.member('b').changeSettings({ sessionExpirySecondsMax: 100 });
    takeover.cluster.run(100);
    takeover.connect('a', 1, { clean: false, sessionExpirySeconds: never });
    takeover.connect('a', 2, { client: 'other', clean: false, sessionExpirySeconds: 100 });
    takeover.cluster.run(100);
    expect(takeover.connack('a', 1)).toMatchObject({ sessionExpirySeconds: 100 });
    expect(takeover.connack('a', 2)).not.toHaveProperty('sessionExpirySeconds');
  });
});
