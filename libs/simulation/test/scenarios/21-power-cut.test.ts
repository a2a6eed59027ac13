import { Story } from '../../src/index.ts';
import type { Publication } from '../../src/index.ts';

/** Seen to fail when an append is answered before its sync. */
test.each([1, 2, 3, 4, 5])('21 power cut of all seven in the middle of everything, seed %d', (seed) => {
  const story = new Story({ seed });
  const subscribers = ['a', 'd', 'g'].map((home) =>
    story.client(`s-${home}`, home, { subscriptions: [{ filter: 'x/#', qos: 2 }] }),
  );
  const publishers = ['b', 'c', 'e', 'f'].map((home) => story.client(`p-${home}`, home, { windowMax: 10 }));
  const sent: Publication[] = [];
  for (let cut = 0; cut < 3; cut += 1) {
    // Slow syncs, so that much is on its way to the disks: a prefix of it survives.
    for (const host of story.world.hosts) host.disk.syncMs = [5, 60];
    for (let round = 0; round < 30; round += 1) {
      for (const publisher of publishers)
        sent.push(publisher.publish(`x/${round % 3}`, round % 2 === 0 ? 1 : 2));
      story.run(12);
    }
    for (const id of story.names) story.world.powerOff(id);
    story.run(400);
    for (const id of story.names) {
      story.world.start(id);
      story.run(80);
    }
    story.waitForServing(...story.names);
  }
  story.must('all is acknowledged', 15_000, () => sent.every(({ ackedAtMs }) => ackedAtMs !== null));
  expect(story.finish()).toEqual([]);
  for (const subscriber of subscribers) {
    for (const publication of sent) expect(story.times(subscriber, publication)).toBeGreaterThan(0);
  }
});
