import { Story } from '../../src/index.ts';

/** Seen to fail when the end of a session is not called off by its opening. */
test('9 expiry against reopen: a session that was opened again in time does not end', () => {
  const story = new Story();
  const [a, b, c] = story.followers() as [string, string, string];
  const publisher = story.client('p', c);
  const client = story.client('c', a, { expirySeconds: 2, subscriptions: [{ filter: 'x', qos: 1 }] });
  client.leave('disconnect');
  story.run(1_700);
  client.connect(b);
  story.waitForClient(client);
  story.run(2_000);
  story.waitForArrival(client, publisher.publish('x', 1));
  expect(story.finish()).toEqual([]);
});

/** Whatever comes first in the log, all members agree, and the client is told what holds. */
test.each([1_960, 1_980, 1_990, 2_000, 2_010, 2_020])('9 expiry against reopen: after %d ms', (awayMs) => {
  const story = new Story({ seed: awayMs });
  const [a, b, c] = story.followers() as [string, string, string];
  const publisher = story.client('p', c);
  // Contested: whether the session is found is what the race decides.
  const subscriptions = [{ filter: 'x', qos: 1 as const }];
  const client = story.client('c', a, { expirySeconds: 2, subscriptions, contested: true });
  const session = client.session;
  client.leave('disconnect');
  story.run(500);
  const queued = publisher.publish('x', 1);
  story.waitForAck(queued);
  story.run(awayMs - 500);
  client.connect(b);
  story.waitForClient(client);
  story.run(500);
  const survived = client.session === session;
  expect(story.times(client, queued)).toBe(survived ? 1 : 0);
  story.waitForArrival(client, publisher.publish('x', 1));
  expect(story.finish()).toEqual([]);
});
