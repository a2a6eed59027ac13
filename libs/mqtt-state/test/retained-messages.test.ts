import type { Will } from '@mqtt-cluster/contracts';
import { tombstonesMax } from '../src/topics/retained-messages.ts';
import { bytes, openCommand, publishCommand, World } from './support/state-driver.ts';

const retain = { retain: true };

describe('retained messages', () => {
  test('trace 8: the last entry wins, whatever the clocks say; a clear stays', () => {
    const world = new World();
    world.propose('a', publishCommand('x', 'one', 1, retain));
    world.propose('g', publishCommand('x', 'two', 0, retain));
    expect(world.retained('x')).toEqual(['x=two']);
    world.propose('g', publishCommand('x', '', 1, retain));
    expect(world.retained('#')).toEqual([]);
    expect(world.state.counts().retained).toBe(0);
  });

  test('[MQTT-4.7.2-1] departure 7: empty levels and $ topics', () => {
    const world = new World();
    for (const topic of ['a', 'a/', 'a/b', '/a', '$SYS/a', '$SYS', 'b/$x']) {
      world.propose('a', publishCommand(topic, '1', 1, retain));
    }
    expect(world.retained('a/+')).toEqual(['a/=1', 'a/b=1']);
    expect(world.retained('a/#')).toEqual(['a/=1', 'a/b=1', 'a=1']);
    expect(world.retained('+/a')).toEqual(['/a=1']);
    expect(world.retained('#')).toEqual(['/a=1', 'a/=1', 'a/b=1', 'a=1', 'b/$x=1']);
    expect(world.retained('$SYS/#')).toEqual(['$SYS/a=1', '$SYS=1']);
    expect(world.retained('b/+')).toEqual(['b/$x=1']);
  });

  test('[MQTT-3.3.2-5] expired ones are gone, at the latest with the next entry', () => {
    const world = new World();
    world.propose(
      'a',
      publishCommand('x', '1', 1, { retain: true, properties: { messageExpiryInterval: 1 } }),
    );
    world.propose(
      'a',
      publishCommand('x', '2', 1, { retain: true, properties: { messageExpiryInterval: 5 } }),
    );
    world.pass(1_000);
    expect(world.retained('x')).toEqual(['x=2']);
    world.pass(4_000);
    expect(world.retained('x')).toEqual([]);
    expect(world.state.counts().retained).toBe(0);
  });

  test('one more than the bound is refused; a change of one is not', () => {
    const world = new World();
    world.propose('a', { kind: 'settings', settings: { retainedMax: 1 } });
    world.propose('a', publishCommand('x', '1', 1, retain));
    expect(world.one('a', publishCommand('y', '1', 1, retain))).toMatchObject({ outcome: 'quotaExceeded' });
    expect(world.one('a', publishCommand('x', '2', 1, retain))).toMatchObject({ outcome: 'applied' });
  });

  describe('accepted without a majority (design, section 6)', () => {
    const since = (world: World): { retain: true; isolatedSince: number } => ({
      retain: true,
      isolatedSince: world.state.index,
    });

    test('trace 11: what was cleared, set or has expired meanwhile stays as it is', () => {
      const world = new World();
      world.start('g');
      for (const topic of ['cleared', 'same']) world.propose('a', publishCommand(topic, 'old', 1, retain));
      const isolated = since(world);
      world.propose(
        'a',
        publishCommand('cleared', '', 1, retain),
        publishCommand('set', 'majority', 1, retain),
      );
      const expiring = { retain: true, properties: { messageExpiryInterval: 1 } };
      world.propose('a', publishCommand('expired', 'majority', 1, expiring));
      world.pass(1_000);
      for (const topic of ['cleared', 'set', 'expired', 'same', 'new']) {
        world.propose('g', publishCommand(topic, 'island', 1, isolated));
        expect(world.published()).toEqual(['island']);
      }
      expect(world.retained('#')).toEqual(['new=island', 'same=island', 'set=majority']);
    });

    test("its own isolated messages do not stand in each other's way; another store's do", () => {
      const world = new World();
      world.start('g').start('f');
      const isolated = since(world);
      world.propose('g', publishCommand('x', 'g1', 1, isolated));
      world.propose('g', publishCommand('x', 'g2', 1, isolated));
      world.propose('f', publishCommand('x', 'f1', 1, isolated));
      expect(world.retained('x')).toEqual(['x=g2']);
      world.propose('g', publishCommand('x', '', 1, isolated));
      world.propose('f', publishCommand('x', 'f2', 1, isolated));
      expect(world.retained('x')).toEqual([]);
    });

    test('clears that are not remembered one by one any more still count', () => {
      const world = new World();
      world.start('g');
      const isolated = since(world);
      world.propose('a', publishCommand('first', '', 1, retain));
      const many = Array.from({ length: tombstonesMax }, (_, number) =>
        publishCommand(`t/${number}`, '', 1, retain),
      );
      world.propose('a', ...many);
      world.propose('g', publishCommand('first', 'island', 1, isolated));
      expect(world.retained('first')).toEqual([]);
    });
  });
});

describe('wills', () => {
  const will = (changes: Partial<Will> = {}): Will => ({
    topic: 'w',
    payload: bytes('gone'),
    qos: 1,
    retain: false,
    delaySeconds: 0,
    ...changes,
  });

  test('[MQTT-3.14.4-3] none after a graceful end', () => {
    const world = new World();
    world.connect('a', 'c', { will: will() });
    world.close('a', 'c', true);
    world.pass(10_000_000);
    expect(world.ofKind('willFired')).toEqual([]);
    expect(world.ofKind('published')).toEqual([]);
  });

  test('[MQTT-3.1.2-8] trace 10: one, at once, when the home tells of the loss', () => {
    const world = new World();
    world.connect('a', 's', {}, 'w');
    world.connect('a', 'c', { will: will({ retain: true }) });
    world.close('a', 'c', false);
    expect(world.ofKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: true }]);
    expect(world.ofKind('published')).toMatchObject([
      { member: null, message: { topic: 'w', publisher: 'c' } },
    ]);
    world.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(world.ofKind('willFired')).toEqual([]);
    expect(world.queued('s')).toEqual(['gone']);
    expect(world.retained('w')).toEqual(['w=gone']);
  });

  test('trace 10: the home dies: one will, fired once, and the home that wakes is told', () => {
    const world = new World();
    const epoch = world.connect('a', 'c', { will: will() });
    world.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(world.effects).toContainEqual({ kind: 'willFired', client: 'c', byHome: false });
    expect(world.ofKind('connectionEnded')).toMatchObject([
      { client: 'c', epoch, home: 'a', reason: 'homeLost' },
    ]);
    // The leader that fired died half-way; the next one says it again. Then the home restarts.
    world.propose('d', { kind: 'lost', member: 'a', incarnation: 1 });
    expect(world.ofKind('willFired')).toEqual([]);
    world.start('a');
    world.pass(10_000);
    expect(world.ofKind('willFired')).toEqual([]);
  });

  test('trace 10: the client is back elsewhere before: none', () => {
    const world = new World();
    world.connect('a', 'c', { will: will() });
    world.connect('b', 'c');
    world.propose('b', { kind: 'lost', member: 'a', incarnation: 1 });
    world.start('a');
    world.pass(10_000);
    expect(world.ofKind('willFired')).toEqual([]);
    expect(world.state.session('c')?.home).toMatchObject({ member: 'b' });
  });

  test.each([
    [30, 60, 30],
    [60, 30, 30],
  ])('[MQTT-3.1.3-9] delay %i s, expiry %i s: after %i s', (delaySeconds, expirySeconds, after) => {
    const world = new World();
    world.connect('a', 'c', { will: will({ delaySeconds }), expirySeconds });
    world.close('a', 'c', false);
    world.pass(after * 1_000 - 1);
    expect(world.ofKind('willFired')).toEqual([]);
    world.pass(1);
    expect(world.ofKind('willFired')).toEqual([{ kind: 'willFired', client: 'c', byHome: true }]);
  });

  test.each([false, true])(
    'a delayed will does not fire after the client has come back (clean: %p)',
    (clean) => {
      const world = new World();
      world.connect('a', 'c', { will: will({ delaySeconds: 30 }) });
      world.close('a', 'c', false);
      world.one('b', openCommand('c', { clean }));
      world.pass(60_000);
      expect(world.ofKind('willFired')).toEqual([]);
    },
  );

  test('the delay of an earlier will does not set off that of the new connection', () => {
    const world = new World();
    world.connect('a', 'c', { will: will({ delaySeconds: 30 }) });
    world.close('a', 'c', false);
    world.connect('b', 'c', { will: will() });
    world.pass(60_000);
    expect(world.ofKind('willFired')).toEqual([]);
  });

  test('a session that ends with its connection fires its will at once, whatever the delay', () => {
    const world = new World();
    world.connect('a', 'c', { will: will({ delaySeconds: 30 }), expirySeconds: 0 });
    world.close('a', 'c', false);
    expect(world.ofKind('willFired')).toHaveLength(1);
  });

  test('timers that are due together run in the order of their deadlines', () => {
    const world = new World();
    world.connect('a', 'late', { will: will({ delaySeconds: 20 }) });
    world.connect('a', 'early', { will: will({ delaySeconds: 10 }) });
    world.close('a', 'late', false);
    world.close('a', 'early', false);
    world.pass(60_000);
    expect(world.ofKind('willFired').map(({ client }) => client)).toEqual(['early', 'late']);
  });
});
