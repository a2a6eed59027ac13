import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { gapsSchema } from '../shared/page.ts';

const ratesSchema = z
  .object({
    receivedPerSecond: z
      .array(z.number())
      .meta({ description: 'Messages from clients, for QoS 0, 1 and 2.' }),
    deliveredPerSecond: z.array(z.number()).meta({ description: 'Messages to clients, for QoS 0, 1 and 2.' }),
    droppedPerSecond: z.number(),
    ackMsP50: z.number().nullable().meta({
      description: 'Median time until a majority had stored a batch of publishes; null without any.',
    }),
    ackMsP99: z.number().nullable(),
  })
  .meta({ id: 'Rates', description: 'Means of the last seconds.' });

/** One member, as the asked member sees it. */
export const memberSchema = z
  .object({
    id: z.string(),
    address: z.string().meta({ description: 'Host and port of the cluster listener.' }),
    reachable: z.boolean(),
    state: z
      .enum(['joining', 'serving', 'draining', 'isolated'])
      .nullable()
      .meta({ description: 'Null if the member is unreachable.' }),
    reason: z
      .string()
      .meta({ description: 'One sentence: why the member does not serve. Empty if it serves.' }),
    role: z
      .enum(['leader', 'follower', 'candidate', 'learner', 'none'])
      .nullable()
      .meta({ description: 'Null if the asked member cannot know it.' }),
    leader: z.string().nullable().meta({
      description: 'The leader as this member sees it. Null if the member has no leader or is unreachable.',
    }),
    term: z.int().nullable(),
    appliedIndex: z.int().nullable(),
    lag: z.int().nullable().meta({
      description: 'Entries of the log that the member lacks, as the leader reports; null without a leader.',
    }),
    drained: z
      .boolean()
      .optional()
      .meta({
        description:
          'Whether the drain of this member is complete: it has no clients, the moved clients have reconnected at other ' +
          'members or count as dead, and the member does not lead, unless it is the only one. False without a drain. ' +
          'Absent if the member is unreachable, or too old to report it.',
      }),
    clients: z.int().nullable().meta({ description: 'Connected clients.' }),
    sessions: z.int().nullable(),
    urls: z.array(z.string()).meta({ description: 'URLs at which clients reach the member.' }),
    version: z.string().optional(),
    load: z.number().nullable().meta({ description: '0 (idle) to 1 (overloaded).' }),
    memoryBytes: z.int().optional().meta({ description: 'Resident memory of the process.' }),
    rates: ratesSchema.optional(),
    unreachableReason: z
      .string()
      .optional()
      .meta({ description: 'One sentence. Only of an unreachable member.' }),
  })
  .meta({ id: 'Member' });

export type MemberItem = Decoded<typeof memberSchema>;
export type MemberRates = Decoded<typeof ratesSchema>;

export const memberListSchema = z
  .object({ members: z.array(memberSchema), ...gapsSchema })
  .meta({ id: 'MemberList' });

export const changeEffectSchema = z
  .object({
    allowed: z.boolean(),
    votersNow: z.int(),
    votersAfter: z.int(),
    majorityAfter: z.int().meta({ description: 'Voters that are a majority after the change.' }),
    text: z.string().meta({ description: 'The effect for an operator, in one or two sentences.' }),
  })
  .meta({ id: 'ChangeEffect', description: 'What a change of the membership would do to the majority.' });

export type ChangeEffect = Decoded<typeof changeEffectSchema>;
