import { Story } from '../../src/index.ts';
import type { SimulatedClient } from '../../src/index.ts';

const will = { topic: 'w', qos: 2 as const, delaySeconds: 0 };

function begin(): { story: Story; home: string; watcher: SimulatedClient; mortal: SimulatedClient } {
  const story = new Story();
  const [home, c] = story.followers() as [string, string];
  const watcher = story.client('watcher', c, { subscriptions: [{ filter: 'w', qos: 2 }] });
  const mortal = story.client('m', home, { will, reconnects: false });
  return { story, home, watcher, mortal };
}

/** Seen to fail when the leader never gives up a silent home. */
test('10 will: the home dies, one will within five seconds', () => {
  const { story, home, watcher } = begin();
  story.world.powerOff(home);
  story.must('the will', 5_000, () => story.arrivals(watcher).length > 0);
  story.world.start(home);
  story.run(5_000);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(watcher).length).toBe(1);
});

/** Seen to fail when opening a session leaves the former will standing. */
test('10 will: the client is back elsewhere before, none', () => {
  const { story, home, watcher, mortal } = begin();
  const elsewhere = story.followers().find((id) => id !== home) as string;
  story.world.powerOff(home);
  story.run(500);
  mortal.move(elsewhere, 'vanish');
  story.waitForClient(mortal);
  story.run(6_000);
  story.world.start(home);
  story.run(5_000);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(watcher).length).toBe(0);
});

/** Seen to fail when a new incarnation of a home does not orphan what the former one held. */
test('10 will: the process of the home is back within a second, its client is not: once', () => {
  const { story, home, watcher } = begin();
  story.world.kill(home);
  story.run(400);
  story.world.start(home);
  story.must('the will', 6_000, () => story.arrivals(watcher).length > 0);
  story.run(4_000);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(watcher).length).toBe(1);
});

/** Seen to fail when a home does not close the connections that it was given up with. */
test('10 will: paused for six seconds, the will is fired, then the client still connected there is closed', () => {
  const { story, home, watcher, mortal } = begin();
  // The client's own end does not notice the pause.
  story.world.host(home).pause();
  story.run(6_000);
  expect(story.arrivals(watcher).length).toBe(1);
  expect(mortal.connected).toBe(true);
  story.world.wake(home);
  story.must('the client is closed', 2_000, () => !mortal.connected);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(watcher).length).toBe(1);
});

/** Seen to fail when a will that has fired fires again. */
test('10 will: the leader that fires it dies half-way', () => {
  const { story, home, watcher } = begin();
  story.world.powerOff(home);
  for (let change = 0; change < 2; change += 1) {
    story.run(change === 0 ? 2_450 : 600);
    const leader = story.leader();
    story.world.kill(leader);
    story.run(300);
    story.world.start(leader);
  }
  story.world.start(home);
  story.run(7_000);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(watcher).length).toBe(1);
});

/** Seen to fail when a clean session that is adopted after the heal brings its will again. */
test('10 will: a home was given up and came back, then its client dies: once', () => {
  const story = new Story();
  const [home, c] = story.followers() as [string, string];
  const watcher = story.client('watcher', c, { subscriptions: [{ filter: 'w', qos: 2 }] });
  const mortal = story.client('m', home, { will, clean: true, expirySeconds: 0, reconnects: false });
  story.world.partition(story.others(home), [home]);
  story.must('the will', 5_000, () => story.arrivals(watcher).length > 0);
  story.world.heal();
  story.waitForServing(home);
  story.run(1_000);
  expect(mortal.connected).toBe(true);
  mortal.leave('close');
  story.run(3_000);
  expect(story.finish()).toEqual([]);
  expect(story.arrivals(watcher).length).toBe(1);
});
