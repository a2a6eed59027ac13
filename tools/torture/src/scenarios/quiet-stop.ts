import { between, pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { quietTimes } from '@mqtt-cluster/workload';
import { minorityOf } from '../nemesis/fault.ts';
import type { FaultPlan, PlannedFault } from '../nemesis/fault.ts';

const jitterMsMax = 200;
/**
 * Time from the start of the members to the return of the clients, ms. The rule `cluster-time` accepts 6 s: what is
 * due happens at most 4 s after a majority serves again, and a restarted member is not judged for 2 s.
 */
const recoveryMs = 12_000;

/**
 * Kills one leader of a quiet cluster after another, while a majority remains, then kills or stops all members for
 * longer than a will delay, a session and a message of the workload `quiet` last. A killed leader stays down until
 * the end, so that its start adds no entry to the log. The plan is finite, and a run always executes it completely.
 */
export function* quietStops(random: Random, members: number): FaultPlan {
  const all = Array.from({ length: members }, (_, member) => member);
  let passedMs = 0;
  const after = (atMs: number): number => {
    const afterMs = atMs - passedMs + between(random, 0, jitterMsMax);
    passedMs += afterMs;
    return afterMs;
  };
  const kills = quietTimes.leaderKillsMs.slice(0, minorityOf(members)).map((atMs): PlannedFault => ({
    kind: 'kill',
    groups: [[pick(random, all)]],
    leader: true,
    afterMs: after(atMs),
  }));
  const stop: PlannedFault = {
    kind: pick(random, ['kill', 'stop'] as const),
    groups: [shuffled(random, all)],
    staggerMs: between(random, 0, jitterMsMax),
    afterMs: after(quietTimes.stopMs),
  };
  yield { faults: [...kills, stop], holdMs: quietTimes.stoppedMs, recoveryMs };
}
