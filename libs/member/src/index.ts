export { createMember } from './member.ts';
export { defaultLimits, lanMemberTimings } from './options.ts';
export type { MemberLimits, MemberOptions, MemberTimings } from './options.ts';
