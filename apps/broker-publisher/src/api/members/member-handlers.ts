import type { MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import type { AdminCommandHandler } from '../../admin/admin-command-handler.ts';
import type { Answer } from '../../queries/index.ts';
import { adminResult } from '../http/admin-result.ts';
import { ApiProblem } from '../http/api-problem.ts';
import type { ApiHandlers } from '../http/handler.ts';
import { changeEffect } from './change-effect.ts';
import type { MembersReader } from './members-reader.ts';
import { drainQuestion } from './questions.ts';

export interface MemberHandlersOptions {
  readonly members: MembersReader;
  readonly status: () => MemberStatus;
  readonly commandHandler: Pick<AdminCommandHandler, 'execute'>;
  readonly isKnownMember: (id: MemberId) => boolean;
  readonly ask: (member: MemberId, kind: string, body: unknown) => Promise<Answer>;
}

type Ids = 'listMembers' | 'addMember' | 'removeMember' | 'drainMember' | 'undrainMember' | 'getChangeEffect';

/** Returns the handlers of the operations on members. */
export function memberHandlers(options: MemberHandlersOptions): ApiHandlers<Ids> {
  const { members, status, commandHandler, isKnownMember, ask } = options;
  const known = (id: MemberId): MemberId => {
    if (isKnownMember(id)) return id;
    throw new ApiProblem(404, `there is no member ${id}: GET /members lists the members`);
  };
  /** Sends the command to the member itself, because each member drains only itself. */
  const drain = async (id: MemberId, command: 'drain' | 'undrain', parameters: object) => {
    const answer = await ask(known(id), drainQuestion, { command, parameters });
    if (answer.outcome === 'answered') return answer.body as { readonly ok: true; readonly text: string };
    if (answer.outcome === 'tooOld')
      throw new ApiProblem(409, `the version of ${id} has no HTTP API: use the HTTP port of ${id} itself`);
    throw new ApiProblem(answer.outcome === 'failed' ? 409 : 503, `${id} did not answer: ${answer.reason}`, {
      later: true,
    });
  };
  return {
    listMembers: async () => {
      const { members: items, unreachable, tooOld } = await members.read();
      return { members: items, unreachable, tooOld };
    },
    addMember: async ({ body }) => adminResult(await commandHandler.execute('add', body)),
    removeMember: async ({ params, query }) =>
      adminResult(await commandHandler.execute('remove', { id: params.id, force: query.force ?? false })),
    drainMember: ({ params, body }) => drain(params.id, 'drain', body),
    undrainMember: ({ params }) => drain(params.id, 'undrain', {}),
    getChangeEffect: async ({ params, query }) => {
      if (query.action !== 'add') known(params.id);
      const view = await members.read();
      return changeEffect(query.action, params.id, status(), view.members);
    },
  };
}
