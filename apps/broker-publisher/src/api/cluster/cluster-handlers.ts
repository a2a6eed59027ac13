import { openApiDocument } from '@mqtt-cluster/api';
import type { ClusterSettings, MemberId } from '@mqtt-cluster/contracts';
import type { AdminCommandHandler } from '../../admin/admin-command-handler.ts';
import { takeBackup } from '../../admin/take-backup.ts';
import type { BackupSource } from '../../admin/take-backup.ts';
import { adminResult, rejectFailure } from '../http/admin-result.ts';
import { ApiProblem } from '../http/api-problem.ts';
import { byteStream } from '../http/byte-stream.ts';
import type { ApiHandlers } from '../http/handler.ts';
import type { MembersReader } from '../members/members-reader.ts';
import { prometheusTargets } from './prometheus-targets.ts';
import type { PrometheusTargetsOptions } from './prometheus-targets.ts';

export interface ClusterHandlersOptions extends PrometheusTargetsOptions, BackupSource {
  readonly self: MemberId;
  readonly version: string;
  readonly members: MembersReader;
  readonly commandHandler: Pick<AdminCommandHandler, 'execute' | 'health' | 'settings'>;
  readonly isKnownMember: (id: MemberId) => boolean;
}

type Ids =
  | 'getOpenApiDocument'
  | 'getOverview'
  | 'getHealth'
  | 'getSettings'
  | 'changeSettings'
  | 'transferLeadership'
  | 'bootstrapCluster'
  | 'getBackup'
  | 'listPrometheusTargets';

/** Returns the handlers of the operations on the cluster as a whole. */
export function clusterHandlers(options: ClusterHandlersOptions): ApiHandlers<Ids> {
  const { clusterName, self, version, members, commandHandler, isKnownMember } = options;
  return {
    getOpenApiDocument: () => ({ ...openApiDocument() }),
    getOverview: async () => {
      const { members: items, problems, unreachable, tooOld } = await members.read();
      return {
        cluster: clusterName,
        member: self,
        version,
        atMs: Date.now(),
        problems,
        members: items,
        unreachable,
        tooOld,
      };
    },
    getHealth: async ({ query: { stop } }) => {
      if (stop !== undefined && !isKnownMember(stop))
        throw new ApiProblem(400, `the query parameter stop must be the id of a member, and ${stop} is none`);
      const health = await commandHandler.health(stop);
      const isGood = health.stop?.safe ?? health.healthy;
      return isGood ? health : Response.json(health, { status: 503 });
    },
    getSettings: () => commandHandler.settings(),
    changeSettings: async ({ body }) => {
      const response = await commandHandler.execute('settings', body);
      rejectFailure(response);
      return response.body as unknown as ClusterSettings;
    },
    transferLeadership: async ({ body }) => adminResult(await commandHandler.execute('transfer', body)),
    bootstrapCluster: async () => adminResult(await commandHandler.execute('bootstrap', {})),
    getBackup: async ({ query: { stale } }) => {
      const outcome = await takeBackup(options, stale === true);
      if ('refusal' in outcome) throw new ApiProblem(409, outcome.refusal);
      return new Response(byteStream(outcome.file), {
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(outcome.file.length),
          'cache-control': 'no-store',
        },
      });
    },
    listPrometheusTargets: async () => prometheusTargets(options, (await members.read()).httpPlaces),
  };
}
