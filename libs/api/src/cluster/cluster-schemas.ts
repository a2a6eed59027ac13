import { clusterSettingsSchema, settingsChangeSchema } from '@mqtt-cluster/contracts';
import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { memberSchema } from '../members/member-schemas.ts';
import { gapsSchema } from '../shared/page.ts';

const problemSchema = z
  .object({
    severity: z.enum(['warning', 'critical']),
    text: z.string().meta({ description: 'What is wrong, in one sentence.' }),
    runbook: z
      .string()
      .optional()
      .meta({ description: 'Path of the runbook in the repository. The console shows its text.' }),
  })
  .meta({ id: 'ClusterProblem' });

export type ClusterProblem = Decoded<typeof problemSchema>;

export const overviewSchema = z
  .object({
    cluster: z.string().meta({ description: 'Name of the cluster.' }),
    member: z.string().meta({ description: 'Id of the member that answers.' }),
    version: z.string(),
    atMs: z.number().meta({ description: 'Wall clock of the member, ms since 1970.' }),
    problems: z.array(problemSchema),
    members: z.array(memberSchema),
    ...gapsSchema,
  })
  .meta({ id: 'Overview' });

export type Overview = Decoded<typeof overviewSchema>;

const memberHealthSchema = z.object({
  id: z.string(),
  role: z.enum(['voter', 'learner']),
  leader: z.boolean(),
  state: z.enum(['joining', 'serving', 'draining', 'isolated', 'unreachable']),
  ok: z.boolean().meta({ description: 'The member is reachable, has caught up and serves.' }),
  reason: z.string(),
  lagEntries: z.number().nullable(),
  clients: z.number(),
  load: z.number(),
});

/** The body of `/cluster/health` too. A health check reads the status: 200 or 503. */
export const healthSchema = z
  .object({
    askedOf: z.string(),
    healthy: z.boolean(),
    reason: z.string(),
    leader: z.string().nullable(),
    term: z.number(),
    majority: z
      .boolean()
      .meta({ description: 'A leader exists, and more than half of the voters are reachable.' }),
    voters: z.number(),
    learners: z.array(z.string()),
    members: z.array(memberHealthSchema),
    stop: z
      .object({ member: z.string(), safe: z.boolean(), reason: z.string(), waitingHelps: z.boolean() })
      .optional()
      .meta({ description: 'Whether the member of the parameter `stop` can be stopped now.' }),
  })
  .meta({ id: 'Health' });

export const settingsSchema = clusterSettingsSchema.meta({
  id: 'ClusterSettings',
  description: 'The settings of the cluster; docs/OPERATIONS.md describes them.',
});

export const settingsPatchSchema = settingsChangeSchema.meta({
  id: 'SettingsChange',
  description: 'The settings to change. A setting that is absent keeps its value.',
});

export const prometheusTargetsSchema = z
  .array(z.object({ targets: z.array(z.string()), labels: z.record(z.string(), z.string()) }))
  .meta({ id: 'PrometheusTargets', description: 'The format of http_sd_config.' });
