import { smallLimits, Story } from '../../src/index.ts';

/** Seen to fail when a home that installs a snapshot keeps its clients as they are. */
test('11 laggard: it returns by snapshot, and neither what it acked nor what its clients wait for is lost', () => {
  const story = new Story({ limits: { ...smallLimits, logBytesMax: 8_192, keepEntries: 16 } });
  const [g, b, c] = story.followers() as [string, string, string];
  const subscriptions = [{ filter: 'x', qos: 1 as const }];
  const clean = story.client('clean', g, { clean: true, expirySeconds: 0, subscriptions });
  const persistent = story.client('persistent', g, { subscriptions });
  const subscriber = story.client('s', c, { subscriptions: [{ filter: '#', qos: 1 }], receiveMaximum: 100 });
  const publisher = story.client('p', b, { windowMax: 20 });
  const lonely = story.client('q', g);
  story.waitForAck(publisher.publish('r', 1, { retain: true }));

  story.world.partition(story.others(g), [g]);
  story.must('g is isolated', 4_000, () => story.status(g).state === 'isolated');
  const degraded = [lonely.publish('y', 1), lonely.publish('y', 1)];
  const stale = lonely.publish('r', 1, { retain: true });
  story.waitForAck(...degraded, stale);
  const missed = Array.from({ length: 150 }, () => publisher.publish('x', 1));
  const cleared = publisher.publish('r', 1, { retain: true, clears: true });
  story.must('all is acknowledged', 10_000, () => cleared.ackedAtMs !== null);
  for (let round = 0; round < 12; round += 1) {
    for (let count = 0; count < 60; count += 1) publisher.publish(`bulk/${count}`, 1);
    story.must('the window is free', 10_000, () => publisher.isSettled);
  }
  const lag = story.status(story.leader());
  expect(lag.snapshotIndex).toBeGreaterThan(story.status(g).lastIndex);

  const hasInstalled = (): boolean =>
    story.world.events.some(
      ({ member, event }) => member === g && event.kind === 'snapshot' && event.action === 'installed',
    );
  // The snapshot is there before anything that it proposes gets through.
  story.world.network.filter = (from, { message }) =>
    from !== g || message.type !== 'propose' || hasInstalled();
  story.world.heal();
  story.must('g installs a snapshot', 5_000, hasInstalled);
  expect(story.finish()).toEqual([]);
  for (const publication of degraded) expect(story.times(subscriber, publication)).toBeGreaterThan(0);
  for (const publication of missed) expect(story.times(persistent, publication)).toBeGreaterThan(0);
  expect(clean.connected).toBe(true);
  const auditor = story.client('auditor', g, { subscriptions: [{ filter: 'r', qos: 1 }] });
  story.run(500);
  expect(story.arrivals(auditor).filter(({ retained }) => retained)).toEqual([]);
});
