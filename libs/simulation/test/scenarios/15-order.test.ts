import { Story } from '../../src/index.ts';
import type { Publication } from '../../src/index.ts';

/** Seen to fail when live messages of a persistent session go past its queue. */
test('15 order: an offline queue against live traffic at the moment of reconnect', () => {
  const story = new Story();
  const [a, b, c] = story.followers() as [string, string, string];
  const subscriptions = [{ filter: 'x', qos: 2 as const }];
  const subscriber = story.client('s', a, { subscriptions, receiveMaximum: 3 });
  const publisher = story.client('p', b, { windowMax: 10 });
  const sent: Publication[] = [];
  const publishFor = (durationMs: number): void => {
    for (let elapsedMs = 0; elapsedMs < durationMs; elapsedMs += 5) {
      if (publisher.outgoing.unfinished < 20) sent.push(publisher.publish('x', elapsedMs % 10 === 0 ? 1 : 2));
      story.run(5);
    }
  };
  for (const home of [c, a, c]) {
    subscriber.leave('vanish');
    publishFor(300);
    subscriber.connect(home);
    publishFor(300);
  }
  story.must('all is acknowledged', 10_000, () => publisher.isSettled);
  expect(story.finish()).toEqual([]);
  for (const qos of [1, 2]) {
    const expected = sent.filter((publication) => publication.qos === qos).map(({ id }) => id);
    const first = new Set(
      story
        .arrivals(subscriber)
        .filter((arrival) => arrival.qos === qos)
        .map(({ publication }) => publication),
    );
    expect([...first]).toEqual(expected);
  }
});

/** Seen to fail when the end of a session leaves its queue behind. */
test('15 order: a session that ends between two messages of one publisher', () => {
  const story = new Story();
  const [a, b, c] = story.followers() as [string, string, string];
  const options = { expirySeconds: 1, contested: true, subscriptions: [{ filter: 'x', qos: 1 as const }] };
  const subscriber = story.client('s', a, options);
  const publisher = story.client('p', b);
  subscriber.leave('disconnect');
  story.run(300);
  const before = publisher.publish('x', 1);
  story.run(1_500);
  const between = publisher.publish('x', 1);
  story.waitForAck(before, between);
  subscriber.connect(c);
  story.waitForClient(subscriber);
  const after = publisher.publish('x', 1);
  story.waitForArrival(subscriber, after);
  expect([before, between, after].map((one) => story.times(subscriber, one))).toEqual([0, 0, 1]);
  expect(story.finish()).toEqual([]);
});
