import { Story } from '../../src/index.ts';

/** Seen to fail when a QoS 2 message takes a packet id of its home's own. */
test('5 packet id reused: a QoS 2 message in flight keeps its id through the death of its home', () => {
  const story = new Story();
  const [b, c, d] = story.followers() as [string, string, string];
  const subscriber = story.client('c', b, { subscriptions: [{ filter: 'x', qos: 2 }] });
  const publisher = story.client('p', d);
  const before = publisher.publish('x', 1);
  story.waitForArrival(subscriber, before);
  story.run(300);
  subscriber.incoming.answers = false;
  const first = publisher.publish('x', 2);
  story.waitForArrival(subscriber, first);
  story.world.kill(b);
  const second = publisher.publish('x', 2);
  subscriber.move(c, 'close');
  story.waitForClient(subscriber);
  subscriber.incoming.answerAgain();
  story.waitForArrival(subscriber, second);
  expect(story.finish()).toEqual([]);
  const ids = story.arrivals(subscriber).map(({ publication, packetId }) => ({ publication, packetId }));
  expect(ids.map(({ publication }) => publication)).toEqual([before.id, first.id, second.id]);
  expect(ids[1]?.packetId).not.toBe(ids[2]?.packetId);
});

/** Seen to fail when a repeated QoS 2 packet id is applied again [MQTT-4.3.3-10]. */
test('5 packet id reused: the same with the client as publisher', () => {
  const story = new Story();
  const leader = story.leader();
  const [b, c, d] = story.followers() as [string, string, string];
  const subscriber = story.client('s', d, { subscriptions: [{ filter: 'x', qos: 2 }] });
  const publisher = story.client('p', b);
  for (const id of story.others(b)) story.world.cut(id, b, 'one');
  const publication = publisher.publish('x', 2);
  story.waitForArrival(subscriber, publication);
  expect(publication.ackedAtMs).toBeNull();
  publisher.move(c, 'vanish');
  story.waitForAck(publication);
  const next = publisher.publish('x', 2);
  story.waitForArrival(subscriber, next);
  expect(story.status(leader).role).toBe('leader');
  expect(story.finish()).toEqual([]);
  expect(story.times(subscriber, publication)).toBe(1);
});
