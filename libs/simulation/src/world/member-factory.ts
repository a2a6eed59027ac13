import { createMember, currentSemantics, defaultLimits, lanMemberTimings } from '@mqtt-cluster/member';
import type { MemberLimits } from '@mqtt-cluster/member';
import { createRandom } from './random.ts';
import type { CreateSimulatedMember } from './world.ts';

/** What a run varies of the members' own settings. */
export interface SimulatedSettings {
  readonly whenIsolated: 'accept' | 'hold';
  readonly limits: MemberLimits;
}

/** Bounds small enough that snapshots, laggards and the comparison of digests occur in seconds. */
export const smallLimits: MemberLimits = {
  ...defaultLimits,
  batchBytesMax: 2_048,
  batchesInFlightMax: 8,
  logBytesMax: 48 * 1_024,
  keepEntries: 64,
  digestEvery: 32,
};

/** Snapshots all the time, and hardly any log: whoever was away for a moment needs one. */
const tinyLimits: MemberLimits = { ...smallLimits, logBytesMax: 12 * 1_024, keepEntries: 8 };

export function settingsOf(seed: number): SimulatedSettings {
  const random = createRandom(seed ^ 0x5eed);
  return {
    whenIsolated: random.chance(0.8) ? 'accept' : 'hold',
    limits: random.chance(0.3)
      ? tinyLimits
      : random.chance(0.6)
        ? smallLimits
        : { ...defaultLimits, digestEvery: 64 },
  };
}

export function createSimulatedMember(settings: SimulatedSettings): CreateSimulatedMember {
  return (id, members, recovered, random, inside) =>
    createMember({
      id,
      members,
      urls: [`mqtt://${id}`],
      recovered,
      whenIsolated: settings.whenIsolated,
      timings: lanMemberTimings,
      limits: settings.limits,
      random,
      semantics: inside?.semantics ?? currentSemantics,
      ...(inside === undefined ? {} : { observer: inside.observer }),
    });
}
