import type { MemberId } from '@mqtt-cluster/contracts';
import { encodeBatch } from '@mqtt-cluster/mqtt-state';
import { Scenario } from '../../src/index.ts';
import type { ProgramVersion } from '../../src/index.ts';

const farNewerVersion = 99;

function restartAs(scenario: Scenario, id: MemberId, version: ProgramVersion): void {
  scenario.world.kill(id);
  scenario.world.versions.set(id, version);
  scenario.world.start(id);
}

function isInForce(scenario: Scenario): boolean {
  return scenario.world.history.marks.has('semantics-finalised');
}

/**
 * Changes a setting. The newer version encodes that command in a way that the older version does not support.
 */
function changeSettings(scenario: Scenario, id: MemberId, retainedMax: number): void {
  scenario.world.host(id).post((member) => member.changeSettings({ retainedMax }));
}

/** This test fails if the leader does not check which semantics versions the members support. */
test('the cluster writes no new command during a rolling upgrade before all members support it (P10)', () => {
  const scenario = new Scenario();
  for (const [place, id] of scenario.memberIds.entries()) {
    expect(isInForce(scenario)).toBe(false);
    restartAs(scenario, id, 'newer');
    scenario.waitForServing(id);
    // A leader that supports the newer version must wait for the members that do not.
    scenario.world
      .host(scenario.leader())
      .post((member) => member.administer(0, { kind: 'transferLeadership', to: id }));
    scenario.run(500);
    changeSettings(scenario, id, 2_000 + place);
    scenario.run(300);
    if (place < scenario.memberIds.length - 1)
      expect(scenario.world.history.marks.has('newer-command-applied')).toBe(false);
  }
  scenario.waitFor('the newer version is in force', 5_000, () => isInForce(scenario));
  changeSettings(scenario, 'c', 3_000);
  scenario.waitFor('the new command is applied', 2_000, () =>
    scenario.world.history.marks.has('newer-command-applied'),
  );
  expect(scenario.finish()).toEqual([]);
});

test('a member serves again after a rollback on a store that the newer program has written (P10)', () => {
  const scenario = new Scenario();
  const most = scenario.memberIds.slice(0, 6);
  for (const id of most) restartAs(scenario, id, 'newer');
  scenario.waitForServing(...scenario.memberIds);
  changeSettings(scenario, 'a', 2_000);
  scenario.run(500);
  for (const id of most) {
    restartAs(scenario, id, 'older');
    scenario.waitForServing(id);
  }
  const subscriber = scenario.client('s', 'a', { subscriptions: [{ filter: 'x', qos: 1 }] });
  scenario.waitForArrival(subscriber, scenario.client('p', 'b').publish('x', 1));
  expect(isInForce(scenario)).toBe(false);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if an older program applies commands that it does not know. */
test('a member with an older program stops applying entries when a newer semantics version is in force, and reports why (P10)', () => {
  const scenario = new Scenario();
  for (const id of scenario.memberIds) restartAs(scenario, id, 'newer');
  scenario.waitFor('the newer version is in force', 10_000, () => isInForce(scenario));
  scenario.waitForServing(...scenario.memberIds);
  const [a, b] = scenario.followers() as [string, string];
  restartAs(scenario, a, 'older');
  changeSettings(scenario, b, 2_000);
  scenario.waitFor('the older program reports the newer version', 5_000, () =>
    scenario.status(a).reason.includes('newer version'),
  );
  expect(scenario.status(a).state).toBe('joining');
  // The older program must not become leader either, because it cannot run the timers of the cluster.
  for (const id of scenario.others(a, b))
    scenario.world.host(id).post((member) => member.administer(0, { kind: 'transferLeadership', to: a }));
  scenario.run(3_000);
  expect(scenario.leader()).not.toBe(a);
  const publisher = scenario.client('p', b);
  // Enough entries for a comparison of digests.
  for (let count = 0; count < 80; count += 1) {
    publisher.publish('x', 1);
    scenario.run(10);
  }
  scenario.waitForClient(publisher);
  restartAs(scenario, a, 'newer');
  scenario.waitForServing(...scenario.memberIds);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a semantics version may skip a number. */
test('the cluster raises an alarm on all members for a semantics version that skips numbers, and ignores that version (P10)', () => {
  const scenario = new Scenario();
  const [a, b] = scenario.followers() as [string, string];
  const subscriber = scenario.client('s', a, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = scenario.client('p', b);
  const { storeId, incarnation } = scenario.world.host(b).disk;
  const batch = encodeBatch({
    member: b,
    storeId,
    incarnation: incarnation + 1,
    sequence: 1,
    commands: [
      { kind: 'start', semantics: farNewerVersion, outboxIncarnations: [] },
      { kind: 'semantics', version: farNewerVersion },
    ],
  });
  scenario.world.host(scenario.leader()).receive(b, { type: 'propose', batches: [batch] });
  const alarmed = (): Set<string> =>
    new Set(scenario.world.events.filter(({ event }) => event.kind === 'alarm').map(({ member }) => member));
  scenario.waitFor(
    'all members have raised the alarm',
    2_000,
    () => alarmed().size === scenario.memberIds.length,
  );
  // The member with the forged batch restarts, as after an upgrade. That gives it a new incarnation.
  scenario.world.kill(b);
  scenario.world.start(b);
  scenario.world.kill(b);
  scenario.world.start(b);
  scenario.waitForServing(b);
  publisher.connect(b);
  scenario.waitForClient(publisher);
  scenario.waitForArrival(subscriber, publisher.publish('x', 1));
  expect(scenario.finish()).toEqual([]);
  expect(scenario.memberIds.every((id) => scenario.status(id).digestsAgree)).toBe(true);
});
