export { createMember } from './member.ts';
export { currentSemantics } from './log/semantics-version.ts';
export type { SemanticsVersion } from './log/semantics-version.ts';
export { defaultLimits, lanMemberTimings } from './options.ts';
export type {
  MemberLimits,
  MemberMeasures,
  MemberObserver,
  MemberOptions,
  MemberTimings,
} from './options.ts';
export { mayAcceptClients } from './cluster/removal.ts';
export { storeFromBackup } from './cluster/restore.ts';
export { ClockRecorder } from './log/clock-recorder.ts';
export { replicatedBytesMax, warmUp } from '@mqtt-cluster/mqtt-state';
