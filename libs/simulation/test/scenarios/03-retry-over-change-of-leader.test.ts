import { Story } from '../../src/index.ts';

/** Seen to fail when a batch is applied whatever its number (leader and state). */
test('3 retry over a change of leader: a batch whose answer was lost is applied once', () => {
  const story = new Story();
  const leader = story.leader();
  const [home, c] = story.followers() as [string, string];
  const subscriber = story.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = story.client('p', home);
  // The home's proposals get through; it does not hear what came of them.
  for (const id of story.others(home)) story.world.cut(id, home, 'one');
  const first = publisher.publish('x', 1);
  story.waitForArrival(subscriber, first);
  expect(first.ackedAtMs).toBeNull();
  story.world.kill(leader);
  story.world.heal();
  const later = [publisher.publish('x', 1), publisher.publish('x', 1)];
  story.waitForAck(first, ...later);
  expect(story.finish()).toEqual([]);
  const order = story.arrivals(subscriber).map(({ publication }) => publication);
  expect(order).toEqual([first, ...later].map(({ id }) => id));
});

/** Seen to fail when a batch is applied whatever its number (leader and state). */
test('3 retry over a change of leader: a batch lost with the leader is not taken for applied by a later one', () => {
  const story = new Story();
  const leader = story.leader();
  const [home, c] = story.followers() as [string, string];
  const subscriber = story.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = story.client('p', home, { windowMax: 20 });
  // The first batch goes to a leader that nobody else hears, and dies with it.
  story.world.partition([leader, home], story.others(leader, home));
  const lost = publisher.publish('x', 1);
  story.run(60);
  expect(lost.ackedAtMs).toBeNull();
  story.world.powerOff(leader);
  const following = [publisher.publish('x', 1), publisher.publish('x', 1)];
  story.world.heal();
  story.waitForAck(lost, ...following);
  expect(story.finish()).toEqual([]);
  const order = story.arrivals(subscriber).map(({ publication }) => publication);
  expect(order).toEqual([lost, ...following].map(({ id }) => id));
});

/** Seen to fail when a batch is applied whose number is not the next one (leader and state). */
test('3 retry over a change of leader: a batch that overtakes a lost one waits for it', () => {
  const story = new Story();
  const [home, c] = story.followers() as [string, string];
  const subscriber = story.client('s', c, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = story.client('p', home, { windowMax: 20 });
  let lost = 0;
  story.world.network.filter = (from, { message }) => {
    if (lost > 0 || from !== home || message.type !== 'propose') return true;
    lost += 1;
    return false;
  };
  const first = publisher.publish('x', 1);
  story.run(30);
  const second = publisher.publish('x', 1);
  expect(lost).toBe(1);
  story.waitForAck(first, second);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(subscriber).map(({ publication }) => publication)).toEqual([first.id, second.id]);
});
