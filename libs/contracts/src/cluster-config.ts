import { z } from 'zod';
import type { MemberId } from './ids.ts';
import type { Decoded } from './schema.ts';

/** Voters count for elections and commits; learners only receive the log (Ongaro's thesis, 4.2.1). */
const memberRole = z.enum(['voter', 'learner']);

export const clusterConfigSchema = z.object({
  members: z.array(z.object({ id: z.string(), storeId: z.string(), role: memberRole })),
});

/**
 * The members of the cluster, as the log contains them. A change adds, removes or replaces one member at a
 * time (Ongaro's thesis, 4.1).
 */
export type ClusterConfig = Decoded<typeof clusterConfigSchema>;
export type ConfiguredMember = ClusterConfig['members'][number];
export type MemberRole = ConfiguredMember['role'];

/** Returns the member of this id, or undefined when the configuration does not contain the member. */
export function findMember(config: ClusterConfig, id: MemberId): ConfiguredMember | undefined {
  return config.members.find((member) => member.id === id);
}
