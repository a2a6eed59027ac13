import type { MemberIdentity, MemberId } from './ids.ts';

/** Voters count for elections and commits; learners only receive the log (Ongaro's thesis, 4.2.1). */
export type MemberRole = 'voter' | 'learner';

export interface ConfiguredMember extends MemberIdentity {
  readonly role: MemberRole;
}

/** The members that the log itself names; changes by one member at a time (thesis, 4.1). */
export interface ClusterConfig {
  readonly members: readonly ConfiguredMember[];
}

export function findMember(config: ClusterConfig, id: MemberId): ConfiguredMember | undefined {
  return config.members.find((member) => member.id === id);
}
