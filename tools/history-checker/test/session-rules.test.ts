import { ruleOf, Story, violated } from './history-builder.ts';
import type { ConnectOptions } from './history-builder.ts';

describe('session-lost (P3)', () => {
  const resume = (
    before: ConnectOptions,
    after: ConnectOptions,
    pauseMs = 100,
    meanwhile: (story: Story) => void = () => undefined,
  ): string[] => {
    const story = new Story();
    story.close(story.connect('roamer', before));
    meanwhile(story);
    story.wait(pauseMs);
    story.connect('roamer', { server: 'B', ...after });
    return violated(story.verdict());
  };

  test('a session that is not found on another server [MQTT-3.2.2-2]', () => {
    expect(resume({}, { sessionPresent: false })).toEqual(['session-lost']);
    expect(resume({}, { sessionPresent: true })).toEqual([]);
  });

  test('a clean start has no session [MQTT-3.2.2-1]', () => {
    expect(resume({}, { clean: true, sessionPresent: true })).toEqual(['session-lost']);
    expect(resume({}, { clean: true, sessionPresent: false })).toEqual([]);
  });

  test('nor has a client that was never there [MQTT-3.2.2-3]', () => {
    const tell = (sessionPresent: boolean): string[] => {
      const story = new Story();
      story.connect('new', { sessionPresent });
      return violated(story.verdict());
    };
    expect(tell(true)).toEqual(['session-lost']);
    expect(tell(false)).toEqual([]);
  });

  test.each([
    [8_000, ['session-lost']],
    [10_500, []],
  ] as const)('a session of 10 s after %d ms [MQTT-3.1.2-23]', (pauseMs, bad) => {
    expect(resume({ version: 5, expirySeconds: 10 }, { version: 5 }, pauseMs)).toEqual(bad);
  });

  test.each([
    [4_500, []],
    [8_000, ['session-lost']],
  ] as const)('a session of 2 s that is there after %d ms [MQTT5 3.1.2.11.2]', (pauseMs, bad) => {
    const again = { version: 5, sessionPresent: true } as const;
    expect(resume({ version: 5, expirySeconds: 2 }, again, pauseMs)).toEqual(bad);
    // Nobody can tell if a fault was felt, or if a CONNECT without an answer had found it.
    const unknown = (story: Story): void =>
      story.close(story.connect('roamer', { version: 5, answered: false }), 'lost');
    expect(resume({ version: 5, expirySeconds: 2 }, again, pauseMs, unknown)).toEqual([]);
    const cut = (story: Story): void => void story.fault('cut', ['A']);
    expect(resume({ version: 5, expirySeconds: 2 }, again, pauseMs, cut)).toEqual([]);
  });

  test('a session that ends with its connection, or was ended by a clean start that nobody answered', () => {
    expect(resume({ version: 5, expirySeconds: 0 }, {})).toEqual([]);
    const cleanStart = (story: Story): void =>
      story.close(story.connect('roamer', { clean: true, answered: false }), 'lost');
    expect(resume({}, {}, 100, cleanStart)).toEqual([]);
  });

  test('a session that is present may be another one, if it could expire and a CONNECT was not answered', () => {
    const tell = (options: ConnectOptions, answered: boolean): string[] => {
      const story = new Story();
      const first = story.connect('transient', options);
      story.subscribe(first, 't', 1);
      story.close(first);
      story.wait(9_000);
      if (!answered) story.close(story.connect('transient', { ...options, answered }));
      story.publish(story.connect('publisher'), 't');
      story.connect('transient', { ...options, sessionPresent: true });
      return violated(story.verdict());
    };
    expect(tell({ version: 5, expirySeconds: 60 }, true)).toEqual(['acked-but-lost']);
    expect(tell({ version: 5, expirySeconds: 2 }, false)).toEqual([]);
    expect(tell({ version: 5, expirySeconds: null }, false)).toEqual(['acked-but-lost']);
  });

  test('an expiry begins when its server is cut off', () => {
    const tell = (member: string): string[] => {
      const story = new Story();
      const first = story.connect('roamer', { version: 5, expirySeconds: 10 });
      story.wait(20_000);
      story.fault(`cut`, [member]);
      story.wait(9_000);
      story.close(first, 'lost');
      story.wait(5_000);
      story.connect('roamer', { server: 'B', version: 5 });
      return violated(story.verdict());
    };
    expect(tell('A')).toEqual([]);
    expect(tell('C')).toEqual(['session-lost']);
  });

  test('of two that race the second finds it, whichever is answered first', () => {
    const story = new Story();
    const [one, two] = ['A', 'B'].map((server) => story.connect('racer', { server, answered: false })) as [
      number,
      number,
    ];
    story.events.push({ type: 'connected', at: story.now(), connection: two, sessionPresent: true });
    story.events.push({ type: 'connected', at: story.now(), connection: one, sessionPresent: false });
    story.close(one, 'server');
    story.close(two);
    story.connect('racer', { sessionPresent: true });
    expect(violated(story.verdict())).toEqual([]);
  });

  test('a lost session is told once: what was queued in it is not told again', () => {
    const story = new Story();
    const first = story.connect('roamer');
    story.subscribe(first, 't');
    story.close(first);
    story.publish(story.connect('publisher'), 't');
    story.connect('roamer', { sessionPresent: false });
    expect(violated(story.verdict())).toEqual(['session-lost']);
  });
});

describe('two-connections (P4)', () => {
  const takeOver = (lingerMs: number, fault: readonly string[] = []): string[] => {
    const story = new Story();
    const older = story.connect('twice', { server: 'A' });
    const heal = fault.length > 0 ? story.fault('cut', fault) : () => undefined;
    story.connect('twice', { server: 'B', sessionPresent: true });
    heal();
    story.wait(lingerMs);
    story.close(older, 'server');
    return violated(story.verdict());
  };

  test.each([
    [1_500, [], ['two-connections']],
    [500, [], []],
    [8_000, ['A'], []],
    [12_000, ['A'], ['two-connections']],
    [8_000, ['C'], ['two-connections']],
  ])('the older one lingers %d ms, cut off: %j', (lingerMs, fault, bad) => {
    expect(takeOver(lingerMs, fault)).toEqual(bad);
  });

  test.each([
    ['cut', ['A', 'B', 'C'], [['A'], ['B', 'C']], []],
    ['cut', ['A', 'B', 'C'], [['C'], ['A', 'B']], ['two-connections']],
    ['cut', ['C'], [['C']], ['two-connections']],
    ['cut', ['A', 'B', 'C'], [['A'], ['B'], ['C']], []],
    ['one-way', ['A', 'B', 'C'], [['C'], ['A', 'B']], ['two-connections']],
    ['one-way', ['A', 'B', 'C'], [['B'], ['A', 'C']], []],
    ['slow', ['A', 'B', 'C'], [['A', 'B', 'C']], []],
    ['clock', ['A'], [['A']], ['two-connections']],
  ])('%s of %j as %j excuses who is apart from a majority', (kind, members, groups, bad) => {
    const story = new Story();
    const older = story.connect('twice', { server: 'A' });
    story.connect('twice', { server: 'B', sessionPresent: true });
    const heal = story.fault(kind, members, groups);
    story.wait(8_000);
    story.close(older, 'server');
    heal();
    expect(violated(story.verdict())).toEqual(bad);
  });

  test('both are still there in the end', () => {
    const story = new Story();
    story.connect('twice', { server: 'A' });
    story.connect('twice', { server: 'B', sessionPresent: true });
    expect(violated(story.verdict())).toEqual(['two-connections']);
  });

  test('one after the other is no takeover', () => {
    const story = new Story();
    story.close(story.connect('once'));
    story.connect('once', { sessionPresent: true });
    expect(ruleOf(story.verdict(), 'two-connections')).toMatchObject({ checked: 0, violations: 0 });
  });
});

describe('ack-taken-back (P1)', () => {
  test('a PUBREL that is not known on the connection of its PUBREC; after a reconnect it is no error', () => {
    const tell = (reconnects: boolean): string[] => {
      const story = new Story();
      const first = story.connect('publisher');
      const message = story.nextMessage();
      const what = { message, topic: 't', qos: 2, retain: false, dup: false, clear: false } as const;
      story.events.push({ type: 'publish', at: story.now(), connection: first, ...what });
      story.events.push({ type: 'acked', at: story.now(), connection: first, message, code: 0 });
      let connection = first;
      if (reconnects) {
        story.close(first);
        connection = story.connect('publisher', { sessionPresent: true });
      }
      story.events.push({ type: 'completed', at: story.now(), connection, message, code: 0x92 });
      return violated(story.verdict());
    };
    expect(tell(false)).toEqual(['ack-taken-back']);
    expect(tell(true)).toEqual([]);
  });

  const serveOlder = (pauseMs: number, ack: number | null = 0, fault = false): string[] => {
    const story = new Story();
    const publisher = story.connect('publisher');
    const older = story.publish(publisher, 't', { retain: true });
    const newer = story.publish(publisher, 't', { retain: true, ack });
    story.wait(pauseMs);
    if (fault) story.fault('cut', ['C']);
    const looker = story.connect('looker', { clean: true, server: 'C' });
    story.subscribe(looker, 't', 1);
    story.deliver(looker, older, 't', { retain: true });
    story.settle();
    story.retained({ t: newer });
    return violated(story.verdict());
  };

  test('an older retained message is served to a new subscriber', () => {
    expect(serveOlder(3_000)).toEqual(['ack-taken-back']);
    // Within P5's bound, never acknowledged, on a server that is cut off.
    expect(serveOlder(500)).toEqual([]);
    expect(serveOlder(3_000, null)).toEqual([]);
    expect(serveOlder(3_000, 0, true)).toEqual([]);
  });
});
