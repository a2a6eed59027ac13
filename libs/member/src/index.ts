export { createMember } from './member.ts';
export { currentDialect } from './log/semantics-version.ts';
export type { Dialect } from './log/semantics-version.ts';
export { defaultLimits, lanMemberTimings } from './options.ts';
export type {
  MemberLimits,
  MemberMeasures,
  MemberObserver,
  MemberOptions,
  MemberTimings,
} from './options.ts';
export { foundingFrom } from './cluster/restore.ts';
