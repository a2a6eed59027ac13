import type { RuleAdministration } from '../../admin/rules/rule-administration.ts';
import type { UserAdministration } from '../../admin/users/user-administration.ts';
import { adminResult } from '../http/admin-result.ts';
import type { ApiHandlers } from '../http/handler.ts';

export interface UserHandlersOptions {
  readonly users: UserAdministration;
  readonly rules: RuleAdministration;
}

type Ids = 'listUsers' | 'importUsers' | 'putUser' | 'deleteUser' | 'getRules' | 'replaceRules';

/** Returns the handlers of the operations on the users and the access rules of the cluster. */
export function userHandlers({ users, rules }: UserHandlersOptions): ApiHandlers<Ids> {
  return {
    listUsers: () => users.list(),
    importUsers: async ({ body }) => adminResult(await users.import(body)),
    putUser: async ({ params, body }) => adminResult(await users.put(params.name, body)),
    deleteUser: async ({ params }) => adminResult(await users.remove(params.name)),
    getRules: () => rules.list(),
    replaceRules: async ({ body }) => adminResult(await rules.replace(body)),
  };
}
