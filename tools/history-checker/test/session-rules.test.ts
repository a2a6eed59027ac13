import { ruleOf, HistoryBuilder, violated } from './history-builder.ts';
import type { ConnectOptions } from './history-builder.ts';

describe('session-lost (P3)', () => {
  const resume = (
    before: ConnectOptions,
    after: ConnectOptions,
    pauseMs = 100,
    betweenConnections: (history: HistoryBuilder) => void = () => undefined,
  ): string[] => {
    const history = new HistoryBuilder();
    history.close(history.connect('roamer', before));
    betweenConnections(history);
    history.wait(pauseMs);
    history.connect('roamer', { server: 'B', ...after });
    return violated(history.verdict());
  };

  test('reports a server without session present if the client has a session on another server [3.1.1 MQTT-3.2.2-2] [5.0 MQTT-3.2.2-3]', () => {
    expect(resume({}, { sessionPresent: false })).toEqual(['session-lost']);
    expect(resume({}, { sessionPresent: true })).toEqual([]);
  });

  test('reports a CONNACK with session present after a clean start [3.1.1 MQTT-3.2.2-1] [5.0 MQTT-3.2.2-2]', () => {
    expect(resume({}, { clean: true, sessionPresent: true })).toEqual(['session-lost']);
    expect(resume({}, { clean: true, sessionPresent: false })).toEqual([]);
  });

  test('reports a CONNACK with session present for a client that had never connected before [3.1.1 MQTT-3.2.2-3] [5.0 MQTT-3.2.2-3]', () => {
    const run = (sessionPresent: boolean): string[] => {
      const history = new HistoryBuilder();
      history.connect('new', { sessionPresent });
      return violated(history.verdict());
    };
    expect(run(true)).toEqual(['session-lost']);
    expect(run(false)).toEqual([]);
  });

  test.each([
    [8_000, ['session-lost']],
    [10_500, []],
  ] as const)(
    'reports a missing session only before its expiry of 10 s: the client reconnects after %d ms [5.0 MQTT-3.1.2-23]',
    (pauseMs, bad) => {
      expect(resume({ version: 5, expirySeconds: 10 }, { version: 5 }, pauseMs)).toEqual(bad);
    },
  );

  test.each([
    [4_500, []],
    [8_000, ['session-lost']],
  ] as const)(
    'reports a present session only long after its expiry of 2 s: the client reconnects after %d ms [5.0 MQTT-4.1.0-2]',
    (pauseMs, bad) => {
      const again = { version: 5, sessionPresent: true } as const;
      expect(resume({ version: 5, expirySeconds: 2 }, again, pauseMs)).toEqual(bad);
      // A CONNECT without an answer, or a fault, may have delayed the expiry of the session.
      const unknown = (history: HistoryBuilder): void =>
        history.close(history.connect('roamer', { version: 5, answered: false }), 'lost');
      expect(resume({ version: 5, expirySeconds: 2 }, again, pauseMs, unknown)).toEqual([]);
      const cut = (history: HistoryBuilder): void => void history.fault('cut', ['A']);
      expect(resume({ version: 5, expirySeconds: 2 }, again, pauseMs, cut)).toEqual([]);
    },
  );

  test('accepts a missing session if it ended with its connection, or if a clean start without an answer may have ended it', () => {
    expect(resume({ version: 5, expirySeconds: 0 }, {})).toEqual([]);
    const cleanStart = (history: HistoryBuilder): void =>
      history.close(history.connect('roamer', { clean: true, answered: false }), 'lost');
    expect(resume({}, {}, 100, cleanStart)).toEqual([]);
  });

  test('accepts the loss of a message if a CONNECT without an answer may have replaced the expired session by a new session', () => {
    const run = (options: ConnectOptions, answered: boolean): string[] => {
      const history = new HistoryBuilder();
      const first = history.connect('transient', options);
      history.subscribe(first, 't', 1);
      history.close(first);
      history.wait(9_000);
      if (!answered) history.close(history.connect('transient', { ...options, answered }));
      history.publish(history.connect('publisher'), 't');
      history.connect('transient', { ...options, sessionPresent: true });
      return violated(history.verdict());
    };
    expect(run({ version: 5, expirySeconds: 60 }, true)).toEqual(['acked-but-lost']);
    expect(run({ version: 5, expirySeconds: 2 }, false)).toEqual([]);
    expect(run({ version: 5, expirySeconds: null }, false)).toEqual(['acked-but-lost']);
  });

  test('accepts an early session expiry if it was measured from the time when the server was isolated', () => {
    const run = (member: string): string[] => {
      const history = new HistoryBuilder();
      const first = history.connect('roamer', { version: 5, expirySeconds: 10 });
      history.wait(20_000);
      history.fault(`cut`, [member]);
      history.wait(9_000);
      history.close(first, 'lost');
      history.wait(5_000);
      history.connect('roamer', { server: 'B', version: 5 });
      return violated(history.verdict());
    };
    expect(run('A')).toEqual([]);
    expect(run('C')).toEqual(['session-lost']);
  });

  test('accepts the CONNACKs of two simultaneous CONNECTs in either order if one CONNECT creates the session', () => {
    const history = new HistoryBuilder();
    const [one, two] = ['A', 'B'].map((server) => history.connect('racer', { server, answered: false })) as [
      number,
      number,
    ];
    history.events.push({ type: 'connected', at: history.now(), connection: two, sessionPresent: true });
    history.events.push({ type: 'connected', at: history.now(), connection: one, sessionPresent: false });
    history.close(one, 'server');
    history.close(two);
    history.connect('racer', { sessionPresent: true });
    expect(violated(history.verdict())).toEqual([]);
  });

  test('reports a lost session once, and does not report the messages in the queue of that session', () => {
    const history = new HistoryBuilder();
    const first = history.connect('roamer');
    history.subscribe(first, 't');
    history.close(first);
    history.publish(history.connect('publisher'), 't');
    history.connect('roamer', { sessionPresent: false });
    expect(violated(history.verdict())).toEqual(['session-lost']);
  });
});

describe('two-connections (P4)', () => {
  const takeOver = (lingerMs: number, fault: readonly string[] = []): string[] => {
    const history = new HistoryBuilder();
    const older = history.connect('twice', { server: 'A' });
    const heal = fault.length > 0 ? history.fault('cut', fault) : () => undefined;
    history.connect('twice', { server: 'B', sessionPresent: true });
    heal();
    history.wait(lingerMs);
    history.close(older, 'server');
    return violated(history.verdict());
  };

  test.each([
    [1_500, [], ['two-connections']],
    [500, [], []],
    [8_000, ['A'], []],
    [12_000, ['A'], ['two-connections']],
    [8_000, ['C'], ['two-connections']],
  ])(
    'reports an older connection that stays open for longer than the time bound: %d ms, with a fault of the servers %j',
    (lingerMs, fault, bad) => {
      expect(takeOver(lingerMs, fault)).toEqual(bad);
    },
  );

  test.each([
    ['cut', ['A', 'B', 'C'], [['A'], ['B', 'C']], []],
    ['cut', ['A', 'B', 'C'], [['C'], ['A', 'B']], ['two-connections']],
    ['cut', ['C'], [['C']], ['two-connections']],
    ['cut', ['A', 'B', 'C'], [['A'], ['B'], ['C']], []],
    ['one-way', ['A', 'B', 'C'], [['C'], ['A', 'B']], ['two-connections']],
    ['one-way', ['A', 'B', 'C'], [['B'], ['A', 'C']], []],
    ['slow', ['A', 'B', 'C'], [['A', 'B', 'C']], []],
    ['clock', ['A'], [['A']], ['two-connections']],
  ])(
    'extends the time bound of a takeover only for isolated servers: fault %s of the servers %j with the groups %j',
    (kind, members, groups, bad) => {
      const history = new HistoryBuilder();
      const older = history.connect('twice', { server: 'A' });
      history.connect('twice', { server: 'B', sessionPresent: true });
      const heal = history.fault(kind, members, groups);
      history.wait(8_000);
      history.close(older, 'server');
      heal();
      expect(violated(history.verdict())).toEqual(bad);
    },
  );

  test('reports two connections with one client id that are both open at the end of the run', () => {
    const history = new HistoryBuilder();
    history.connect('twice', { server: 'A' });
    history.connect('twice', { server: 'B', sessionPresent: true });
    expect(violated(history.verdict())).toEqual(['two-connections']);
  });

  test.each([
    ['server', 1],
    ['dropped', 0],
  ] as const)(
    'checks a takeover that closes the older connection before CONNACK of the newer one: closed by %s',
    (how, checked) => {
      const history = new HistoryBuilder();
      const older = history.connect('twice', { server: 'A' });
      const newer = history.connect('twice', { server: 'B', answered: false });
      history.close(older, how);
      history.events.push({ type: 'connected', at: history.now(), connection: newer, sessionPresent: true });
      expect(ruleOf(history.verdict(), 'two-connections')).toMatchObject({ checked, violations: 0 });
    },
  );

  test('checks no takeover when a client connects after its earlier connection ended', () => {
    const history = new HistoryBuilder();
    history.close(history.connect('once'));
    history.connect('once', { sessionPresent: true });
    expect(ruleOf(history.verdict(), 'two-connections')).toMatchObject({ checked: 0, violations: 0 });
  });
});

describe('ack-taken-back (P1)', () => {
  test('reports a server that rejects a PUBREL on the connection on which it sent PUBREC, and accepts a rejection after a reconnect', () => {
    const run = (reconnects: boolean): string[] => {
      const history = new HistoryBuilder();
      const first = history.connect('publisher');
      const message = history.nextMessage();
      const what = { message, topic: 't', qos: 2, retain: false, dup: false, clear: false } as const;
      history.events.push({ type: 'publish', at: history.now(), connection: first, ...what });
      history.events.push({ type: 'acked', at: history.now(), connection: first, message, code: 0 });
      let connection = first;
      if (reconnects) {
        history.close(first);
        connection = history.connect('publisher', { sessionPresent: true });
      }
      history.events.push({ type: 'completed', at: history.now(), connection, message, code: 0x92 });
      return violated(history.verdict());
    };
    expect(run(false)).toEqual(['ack-taken-back']);
    expect(run(true)).toEqual([]);
  });

  const serveOlder = (pauseMs: number, ack: number | null = 0, fault = false): string[] => {
    const history = new HistoryBuilder();
    const publisher = history.connect('publisher');
    const older = history.publish(publisher, 't', { retain: true });
    const newer = history.publish(publisher, 't', { retain: true, ack });
    history.wait(pauseMs);
    if (fault) history.fault('cut', ['C']);
    const reader = history.connect('reader', { clean: true, server: 'C' });
    history.subscribe(reader, 't', 1);
    history.deliver(reader, older, 't', { retain: true });
    history.settle();
    history.retained({ t: newer });
    return violated(history.verdict());
  };

  test('reports a replaced retained message that is sent to a new subscriber', () => {
    expect(serveOlder(3_000)).toEqual(['ack-taken-back']);
    // The older message is allowed within P5's time bound, without an acknowledgement of the newer message,
    // and on an isolated server.
    expect(serveOlder(500)).toEqual([]);
    expect(serveOlder(3_000, null)).toEqual([]);
    expect(serveOlder(3_000, 0, true)).toEqual([]);
  });
});
