import { Scenario } from '../../src/index.ts';

const subscriptions = [{ filter: '#', qos: 1 as const }];

/** This test fails if a failed sync is acknowledged like a successful one. */
test('the cluster acknowledges nothing after failed syncs, and members restart with their stored entries (P1)', () => {
  const scenario = new Scenario();
  const leader = scenario.leader();
  const publisher = scenario.client('p', leader);
  const failing = scenario.followers().slice(0, 4);
  for (const id of failing) scenario.world.failDisk(id, true);
  const publication = publisher.publish('x', 1);
  scenario.waitFor('the processes have ended', 2_000, () =>
    failing.every((id) => !scenario.world.host(id).isUp),
  );
  // Three of seven members run, so their copies are no majority.
  expect(publication.ackedAtMs).toBeNull();
  for (const id of failing) scenario.world.failDisk(id, false);
  scenario.waitForServing(...scenario.memberIds);
  scenario.waitForAck(publication);
  expect(scenario.finish()).toEqual([]);
  expect(scenario.world.history.marks.get('failed-sync')).toBe(4);
});

/** This test fails if a start trusts entries that a failed sync has left in the page cache. */
test('the cluster counts entries that a member read from the page cache only after the member has written them again (P1)', () => {
  const scenario = new Scenario();
  const subscriber = scenario.client('s', null, { subscriptions });
  const leader = scenario.leader();
  const [a, b, c, ...others] = scenario.followers() as [string, string, string, ...string[]];
  const publisher = scenario.client('p', leader);
  // Only four members receive the message, so the majority needs each of them.
  scenario.world.partition([leader, a, b, c], others);
  for (let round = 0; round < 10 && !scenario.world.history.marks.has('failed-sync-reread'); round += 1) {
    for (const id of [a, b, c]) scenario.world.failDisk(id, true);
    const publication = publisher.publish('x', 2);
    scenario.waitFor('the processes have ended', 1_000, () =>
      [a, b, c].every((id) => !scenario.world.host(id).isUp),
    );
    for (const id of [a, b, c]) scenario.world.failDisk(id, false);
    scenario.waitForAck(publication);
  }
  expect(scenario.world.history.marks.has('failed-sync-reread')).toBe(true);
  for (const id of scenario.memberIds) scenario.world.powerOff(id);
  scenario.run(100);
  scenario.world.start();
  expect(scenario.finish()).toEqual([]);
  expect(scenario.arrivals(subscriber).length).toBeGreaterThan(0);
});

/** This test fails if the store does not check checksums. */
test('the cluster rejects three stores with a flipped bit, and restores their members from the peers (P1)', () => {
  const scenario = new Scenario();
  const subscriber = scenario.client('s', null, { subscriptions });
  const publisher = scenario.client('p', null);
  const sent = Array.from({ length: 30 }, () => publisher.publish('x', 1));
  scenario.waitForAck(...sent);
  const damaged = scenario.followers().slice(0, 3);
  for (const id of damaged) {
    expect(scenario.world.operator.canLoseDisk(id)).toBe(true);
    expect(scenario.world.host(id).disk.flipBit()).not.toBeNull();
  }
  // A fourth damaged disk of seven could lose committed entries.
  expect(scenario.world.operator.canLoseDisk(scenario.leader())).toBe(false);
  for (const id of damaged) {
    scenario.world.kill(id);
    scenario.world.start(id);
    expect(scenario.world.host(id).isUp).toBe(false);
  }
  scenario.waitFor('the damaged members are voters again', 10_000, () =>
    damaged.every((id) => {
      const { disk } = scenario.world.host(id);
      const { config } = scenario.status(scenario.leader());
      return (
        config?.members.find((member) => member.id === id && member.role === 'voter')?.storeId ===
        disk.storeId
      );
    }),
  );
  scenario.waitForServing(...scenario.memberIds);
  scenario.waitForArrival(subscriber, publisher.publish('x', 1));
  expect(scenario.finish()).toEqual([]);
  expect(scenario.world.history.marks.get('store-damage-healed')).toBe(3);
});

test('a store drops a write that a crash left unfinished, and reports the repair (P1)', () => {
  const scenario = new Scenario({ seed: 3 });
  const publisher = scenario.client('p', scenario.leader(), { windowMax: 10 });
  const [a] = scenario.followers() as [string];
  scenario.world.host(a).disk.syncMs = [50, 60];
  for (let round = 0; round < 12 && !scenario.world.history.marks.has('torn-tail-recovered'); round += 1) {
    publisher.publish('x', 1);
    scenario.run(30);
    scenario.world.powerOff(a);
    scenario.run(50);
    scenario.world.start(a);
    scenario.waitForServing(a);
  }
  expect(scenario.world.history.marks.has('torn-tail-recovered')).toBe(true);
  expect(scenario.finish()).toEqual([]);
});
