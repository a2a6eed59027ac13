import { between, pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import type { BuildName, MemberGroup, FaultPlan, FaultSlot } from '../nemesis/fault.ts';

/** Bounds of the time in which members of both builds work together before the update begins, ms. */
const mixedMsMin = 3_000;
const mixedMsMax = 5_000;
const recoveryMsMin = 2_000;
const recoveryMsMax = 4_000;

/**
 * Whether a member starts with the build of the earlier commit. The first half of the members, rounded up,
 * starts with that build.
 */
export function startsWithEarlierBuild(member: number, members: number): boolean {
  return member < Math.ceil(members / 2);
}

/**
 * A plan with an update of all members but one, a rollback of the updated members, and an update of all
 * members, each member by member. The last member with the earlier build is chosen by the seed: while it runs
 * that build, no new semantics version comes into force, so a rollback is possible (docs/DESIGN.md,
 * "Semantics version"). Unlike other plans, this plan is finite, and a run always executes it completely.
 */
export function* updateAndRollBack(random: Random, members: number): FaultPlan {
  const all = Array.from({ length: members }, (_, member) => member);
  const earlier = all.filter((member) => startsWithEarlierBuild(member, members));
  const last = pick(random, earlier);
  const updatedFirst = earlier.filter((member) => member !== last);
  const rolledBack = all.filter((member) => member !== last);
  yield { faults: [], holdMs: between(random, mixedMsMin, mixedMsMax), recoveryMs: 0 };
  if (updatedFirst.length > 0) yield restartWith('current', random, updatedFirst);
  if (rolledBack.length > 0) yield restartWith('earlier', random, rolledBack);
  yield restartWith('current', random, all);
}

function restartWith(build: BuildName, random: Random, members: MemberGroup): FaultSlot {
  return {
    faults: [{ kind: 'rolling', groups: [shuffled(random, members)], build }],
    holdMs: 0,
    recoveryMs: between(random, recoveryMsMin, recoveryMsMax),
  };
}
