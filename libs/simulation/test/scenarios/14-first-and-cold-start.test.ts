import { Scenario } from '../../src/index.ts';

/** This test fails if members with fresh stores bootstrap a cluster before all configured members are up. */
test('members with fresh stores bootstrap a cluster only when all seven members are up (P10)', () => {
  const scenario = new Scenario({ startMembers: false });
  scenario.world.start('a', 'b', 'c');
  scenario.run(6_000);
  expect(['a', 'b', 'c'].map((id) => scenario.status(id).config)).toEqual([null, null, null]);
  expect(scenario.status('a').reason).toContain('waiting');
  for (const id of ['d', 'e', 'f', 'g']) {
    scenario.world.start(id);
    scenario.run(700);
  }
  scenario.waitForServing(...scenario.memberIds);
  const configs = scenario.memberIds.map((id) => JSON.stringify(scenario.status(id).config));
  expect(new Set(configs).size).toBe(1);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a restarted member serves before its own `start` command is applied. */
test('the cluster serves a queued message when only four of seven members start after a power cut (P1)', () => {
  const scenario = new Scenario();
  const publisher = scenario.client('p', 'a');
  const subscriber = scenario.client('s', 'b', { subscriptions: [{ filter: 'x', qos: 2 }] });
  subscriber.leave('disconnect');
  const publication = publisher.publish('x', 2);
  scenario.waitForAck(publication);
  for (const id of scenario.memberIds) scenario.world.powerOff(id);
  scenario.run(500);
  scenario.world.start('d', 'e', 'f', 'g');
  scenario.waitForServing('d', 'e', 'f', 'g');
  subscriber.connect('g');
  scenario.waitForArrival(subscriber, publication);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a vote counts without a check of its store id. */
test('the cluster elects no leader among four of seven members when one is wiped, until a fifth starts (P1)', () => {
  const scenario = new Scenario();
  for (const id of scenario.memberIds) scenario.world.powerOff(id);
  scenario.world.wipe('g');
  scenario.world.start('d', 'e', 'f', 'g');
  scenario.run(5_000);
  expect(['d', 'e', 'f', 'g'].some((id) => scenario.status(id).role === 'leader')).toBe(false);
  scenario.world.start('a');
  scenario.waitForServing('a', 'd', 'e', 'f', 'g');
  expect(scenario.finish()).toEqual([]);
});

/**
 * This test fails if a started member without a leader becomes isolated as early as a member that has served.
 */
test('a member stays joining after a start without a leader, and becomes isolated only after a longer time (P10)', () => {
  const scenario = new Scenario();
  for (const id of scenario.memberIds) scenario.world.powerOff(id);
  scenario.world.start('a');
  scenario.run(5_000);
  expect(scenario.status('a').state).toBe('joining');
  scenario.run(6_000);
  expect(scenario.status('a').state).toBe('isolated');
  scenario.world.start(...scenario.others('a'));
  scenario.waitForServing(...scenario.memberIds);
  expect(scenario.finish()).toEqual([]);
});
