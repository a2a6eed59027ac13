import type { MemberStatus } from '@mqtt-cluster/contracts';
import { changeEffect } from '../../src/api/members/change-effect.ts';

function statusOf(voters: readonly string[], learners: readonly string[] = [], leader: string | null = 'm1') {
  const member = (role: string) => (id: string) => ({ id, role, storeId: id });
  const members = [...voters.map(member('voter')), ...learners.map(member('learner'))];
  return { id: 'm1', leader, config: { members } } as unknown as MemberStatus;
}
const alive = (...ids: string[]) => ids.map((id) => ({ id, reachable: true, state: 'serving' as const }));
const drained = (id: string) => ({ id, reachable: true, state: 'draining' as const });

it('allows a removal that leaves a majority of answering voters', () => {
  const effect = changeEffect('remove', 'm3', statusOf(['m1', 'm2', 'm3']), [
    ...alive('m1', 'm2'),
    drained('m3'),
  ]);
  expect(effect).toMatchObject({ allowed: true, votersNow: 3, votersAfter: 2, majorityAfter: 2 });
  expect(effect.text).toMatch(/The loss of one more voter would end the majority/);
});

it('rejects a removal after which the answering voters are no majority', () => {
  const effect = changeEffect('remove', 'm2', statusOf(['m1', 'm2', 'm3']), [...alive('m1'), drained('m2')]);
  expect(effect).toMatchObject({ allowed: false, votersAfter: 2, majorityAfter: 2 });
  expect(effect.text).toMatch(/Only 1 of them answer/);
});

it('rejects the removal of a member that accepts clients, and names the drain', () => {
  const effect = changeEffect('remove', 'm3', statusOf(['m1', 'm2', 'm3']), alive('m1', 'm2', 'm3'));
  expect(effect).toMatchObject({
    allowed: false,
    text: 'm3 does not drain: drain it first, then remove it.',
  });
});

it('rejects the removal of a voter that joins again after a restart, as the leader does, but not of a joining learner', () => {
  const joining = { ...drained('m4'), state: 'joining' } as const;
  const others = alive('m1', 'm2', 'm3');
  expect(changeEffect('remove', 'm4', statusOf(['m1', 'm2', 'm3', 'm4']), [...others, joining]).text).toBe(
    'm4 does not drain: drain it first, then remove it.',
  );
  const withLearner = statusOf(['m1', 'm2', 'm3'], ['m4']);
  expect(changeEffect('remove', 'm4', withLearner, [...others, joining]).allowed).toBe(true);
});

it('allows the removal of a member that does not answer, which needs force', () => {
  const effect = changeEffect('remove', 'm3', statusOf(['m1', 'm2', 'm3']), alive('m1', 'm2'));
  expect(effect).toMatchObject({ allowed: true, votersAfter: 2 });
});

it('does not count a learner as a voter when it is removed', () => {
  const effect = changeEffect('remove', 'm4', statusOf(['m1', 'm2', 'm3'], ['m4']), [
    ...alive('m1', 'm2', 'm3'),
    drained('m4'),
  ]);
  expect(effect).toMatchObject({ allowed: true, votersAfter: 3, majorityAfter: 2 });
});

it('adds a voter, whose vote counts although it has not joined yet', () => {
  const effect = changeEffect('add', 'm4', statusOf(['m1', 'm2', 'm3']), alive('m1', 'm2', 'm3'));
  expect(effect).toMatchObject({ allowed: true, votersAfter: 4, majorityAfter: 3 });
});

it('rejects changes without a leader, of unknown members and of the last voter', () => {
  const none = statusOf(['m1', 'm2'], [], null);
  expect(changeEffect('remove', 'm2', none, alive('m1', 'm2')).allowed).toBe(false);
  expect(changeEffect('remove', 'm9', statusOf(['m1']), alive('m1')).text).toBe(
    'm9 is not a member of the cluster.',
  );
  expect(changeEffect('remove', 'm1', statusOf(['m1']), alive('m1')).text).toMatch(/last voter/);
});

it('states where the clients of a drained member go', () => {
  const status = statusOf(['m1', 'm2', 'm3']);
  const { text, votersAfter } = changeEffect('drain', 'm1', status, alive('m1', 'm2', 'm3'));
  expect(votersAfter).toBe(3);
  expect(text).toMatch(/move to the 2 other serving members\. m1 leads, so the leadership moves/);
});
