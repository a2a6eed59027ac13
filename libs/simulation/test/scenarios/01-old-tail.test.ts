import { Story } from '../../src/index.ts';

/** Seen to fail when a follower takes appends without comparing the term before them (paper, 5.3). */
test('1 old tail, QoS 2: what a dead leader alone had stored is not delivered beside its repetition', () => {
  const story = new Story();
  const a = story.leader();
  const [b, c] = story.followers() as [string, string];
  const subscriber = story.client('s', c, { subscriptions: [{ filter: 'x', qos: 2 }] });
  const publisher = story.client('p', a);
  story.world.partition([a], story.others(a));
  const publication = publisher.publish('x', 2);
  const before = story.status(a).lastIndex;
  story.must('a has stored it', 500, () => story.world.host(a).disk.holds(before + 1, story.status(a).term));
  expect(publication.ackedAtMs).toBeNull();

  story.world.powerOff(a);
  publisher.move(b, 'vanish');
  story.waitForAck(publication);
  story.waitForArrival(subscriber, publication);
  story.world.heal();
  story.world.start(a);
  story.waitForServing(a);

  expect(story.finish()).toEqual([]);
  expect(story.times(subscriber, publication)).toBe(1);
  const overwritten = story.world.host(a).disk.entryOrPending(before + 1);
  expect(overwritten?.term).not.toBe(1);
});
