import { Story } from '../../src/index.ts';

const subscriptions = [{ filter: '#', qos: 1 as const }];

/** Seen to fail when a failed sync is answered like one that succeeded. */
test('22 disk faults: nothing is acknowledged on syncs that failed, and a member begins again with what is stored', () => {
  const story = new Story();
  const leader = story.leader();
  const publisher = story.client('p', leader);
  const failing = story.followers().slice(0, 4);
  for (const id of failing) story.world.failDisk(id, true);
  const publication = publisher.publish('x', 1);
  story.must('the processes have ended', 2_000, () => failing.every((id) => !story.world.host(id).isUp));
  // Three of seven are up: what they have stored is no majority.
  expect(publication.ackedAtMs).toBeNull();
  for (const id of failing) story.world.failDisk(id, false);
  story.waitForServing(...story.names);
  story.waitForAck(publication);
  expect(story.finish()).toEqual([]);
  expect(story.world.history.marks.get('failed-sync')).toBe(4);
});

/** Seen to fail when a start takes for stored what a failed sync has left in memory. */
test('22 disk faults: what a start reads back after a failed sync counts for an ack only when it is on the disk', () => {
  const story = new Story();
  const subscriber = story.client('s', null, { subscriptions });
  const leader = story.leader();
  const [a, b, c, ...others] = story.followers() as [string, string, string, ...string[]];
  const publisher = story.client('p', leader);
  // Only these four hear of it, so each of them is needed.
  story.world.partition([leader, a, b, c], others);
  for (let round = 0; round < 10 && !story.world.history.marks.has('failed-sync-reread'); round += 1) {
    for (const id of [a, b, c]) story.world.failDisk(id, true);
    const publication = publisher.publish('x', 2);
    story.must('the processes have ended', 1_000, () => [a, b, c].every((id) => !story.world.host(id).isUp));
    for (const id of [a, b, c]) story.world.failDisk(id, false);
    story.waitForAck(publication);
  }
  expect(story.world.history.marks.has('failed-sync-reread')).toBe(true);
  for (const id of story.names) story.world.powerOff(id);
  story.run(100);
  story.world.start();
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(subscriber).length).toBeGreaterThan(0);
});

/** Seen to fail when a wrong checksum is not noticed. */
test('22 disk faults: a minority of stores with a flipped bit is found, refused and filled again by the peers', () => {
  const story = new Story();
  const subscriber = story.client('s', null, { subscriptions });
  const publisher = story.client('p', null);
  const sent = Array.from({ length: 30 }, () => publisher.publish('x', 1));
  story.waitForAck(...sent);
  const damaged = story.followers().slice(0, 3);
  for (const id of damaged) {
    expect(story.world.caretaker.mayLoseDisk(id)).toBe(true);
    expect(story.world.host(id).disk.flipBit()).not.toBeNull();
  }
  // A fourth of seven would take what a majority has promised.
  expect(story.world.caretaker.mayLoseDisk(story.leader())).toBe(false);
  for (const id of damaged) {
    story.world.kill(id);
    story.world.start(id);
    expect(story.world.host(id).isUp).toBe(false);
  }
  story.must('they vote again', 10_000, () =>
    damaged.every((id) => {
      const { disk } = story.world.host(id);
      const { config } = story.status(story.leader());
      return (
        config?.members.find((member) => member.id === id && member.role === 'voter')?.storeId ===
        disk.storeId
      );
    }),
  );
  story.waitForServing(...story.names);
  story.waitForArrival(subscriber, publisher.publish('x', 1));
  expect(story.finish()).toEqual([]);
  expect(story.world.history.marks.get('store-damage-healed')).toBe(3);
});

test('22 disk faults: a write that a crash cut short is left out whole, and said so', () => {
  const story = new Story({ seed: 3 });
  const publisher = story.client('p', story.leader(), { windowMax: 10 });
  const [a] = story.followers() as [string];
  story.world.host(a).disk.syncMs = [50, 60];
  for (let round = 0; round < 12 && !story.world.history.marks.has('torn-tail-recovered'); round += 1) {
    publisher.publish('x', 1);
    story.run(30);
    story.world.powerOff(a);
    story.run(50);
    story.world.start(a);
    story.waitForServing(a);
  }
  expect(story.world.history.marks.has('torn-tail-recovered')).toBe(true);
  expect(story.finish()).toEqual([]);
});
