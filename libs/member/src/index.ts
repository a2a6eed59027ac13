export { createMember } from './member.ts';
export { currentDialect } from './dialect.ts';
export type { Dialect } from './dialect.ts';
export { defaultLimits, lanMemberTimings } from './options.ts';
export type {
  MemberLimits,
  MemberMeasures,
  MemberObserver,
  MemberOptions,
  MemberTimings,
} from './options.ts';
export { foundingFrom } from './restoring.ts';
