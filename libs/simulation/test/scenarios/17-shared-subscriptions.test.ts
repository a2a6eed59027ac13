import { Story } from '../../src/index.ts';

const subscriptions = [{ filter: '$share/workers/x', qos: 2 as const }];

/** Seen to fail when what a member of the group leaves unacknowledged is not chosen again. */
test('17 shared subscription: the chosen member dies with the message unacknowledged', () => {
  const story = new Story();
  const [a, b, c] = story.followers() as [string, string, string];
  const first = story.client('worker-1', a, { subscriptions, reconnects: false });
  const second = story.client('worker-2', b, { subscriptions });
  const publisher = story.client('p', c);
  first.incoming.answers = false;
  const sent = Array.from({ length: 6 }, () => publisher.publish('x', 1));
  story.waitForAck(...sent);
  story.run(300);
  const stuck = sent.filter((publication) => story.times(second, publication) === 0);
  expect(stuck.length).toBeGreaterThan(0);
  first.leave('vanish');
  story.waitForArrival(second, ...stuck);
  expect(story.finish()).toEqual([]);
});

/** Seen to fail when a repeated QoS 2 packet id is applied again [MQTT-4.3.3-10]. */
test('17 shared subscription: a publisher that sends again through another member reaches one of the group', () => {
  const story = new Story();
  const [a, b, c, d] = story.followers() as [string, string, string, string];
  const workers = [a, b].map((home, number) => story.client(`worker-${number}`, home, { subscriptions }));
  const publisher = story.client('p', c);
  for (const id of story.others(c)) story.world.cut(id, c, 'one');
  const publication = publisher.publish('x', 2);
  const times = (): number => workers.reduce((sum, worker) => sum + story.times(worker, publication), 0);
  story.must('it arrives', 3_000, () => times() > 0);
  publisher.move(d, 'vanish');
  story.waitForAck(publication);
  expect(story.finish()).toEqual([]);
  expect(times()).toBe(1);
});
