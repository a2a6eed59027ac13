import { Story } from '../../src/index.ts';

/** Seen to fail when SUBACK leaves before the subscription is applied. */
test('6 subscribe, then publish elsewhere: what is sent after the SUBACK arrives', () => {
  const story = new Story();
  const leader = story.leader();
  const [a, b] = story.followers() as [string, string];
  for (const id of story.others(a)) {
    story.world.network.path(a, id).delayMs = 150;
    story.world.network.path(id, a).delayMs = 150;
  }
  const persistent = story.client('s', a);
  const clean = story.client('t', a, { clean: true, expirySeconds: 0 });
  const publishers = [leader, b].map((home) => story.client(`p-${home}`, home));
  for (const subscriber of [persistent, clean]) {
    subscriber.subscribe({ filter: 'x', qos: 1 });
    story.must('SUBACK', 2_000, () => subscriber.isSettled);
    for (const publisher of publishers) publisher.publish('x', 1);
    story.run(600);
  }
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(persistent).length).toBe(4);
  expect(story.arrivals(clean).length).toBe(2);
});

/** Seen to fail without the detour through a third. */
test('6 subscribe, then publish elsewhere: the link between the two is down', () => {
  const story = new Story();
  const leader = story.leader();
  const [b, c] = story.followers() as [string, string];
  story.world.cut(leader, b);
  story.run(2_500);
  const subscriber = story.client('s', b, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = story.client('p', leader);
  const back = story.client('q', b);
  story.waitForArrival(subscriber, publisher.publish('x', 1), back.publish('x', 2));
  story.waitForArrival(subscriber, story.client('r', c).publish('x', 1));
  expect(story.status(leader).role).toBe('leader');
  expect(story.violations).toEqual([]);
  expect(story.finish()).toEqual([]);
});

/** Seen to fail when an entry counts as committed only once all members have it. */
test('6 subscribe, then publish elsewhere: one full disk and one member far behind hold up nobody', () => {
  const story = new Story();
  const [a, b, c, d] = story.followers() as [string, string, string, string];
  story.world.fillDisk(c, true);
  story.world.partition(story.others(d), [d]);
  story.run(500);
  const subscriber = story.stranger('s', a, { subscriptions: [{ filter: 'x', qos: 1 }] });
  subscriber.connect();
  story.must('CONNACK and SUBACK', 1_000, () => subscriber.connected && subscriber.isSettled);
  story.waitForArrival(subscriber, story.client('p', b).publish('x', 1));
  expect(story.finish()).toEqual([]);
});
