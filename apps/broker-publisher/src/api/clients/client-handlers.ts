import type { ClientId, StateView } from '@mqtt-cluster/contracts';
import type { ClusterQueries } from '../../queries/index.ts';
import { ApiProblem } from '../http/api-problem.ts';
import { union } from '../http/gaps.ts';
import type { ApiHandlers } from '../http/handler.ts';
import { unknownClient } from './clients-reader.ts';
import type { ClientsReader } from './clients-reader.ts';

export interface ClientHandlersOptions {
  readonly clients: ClientsReader;
  readonly queries: Pick<ClusterQueries, 'disconnectClients'>;
  readonly view: () => StateView;
  /** Returns false if the client has no session. @throws ApiProblem */
  readonly deleteSession: (id: ClientId) => Promise<boolean>;
}

type Ids = 'listClients' | 'getClient' | 'disconnectClient' | 'disconnectClients' | 'deleteSession';

/** Returns the handlers of the operations on clients. */
export function clientHandlers({
  clients,
  queries,
  view,
  deleteSession,
}: ClientHandlersOptions): ApiHandlers<Ids> {
  return {
    listClients: ({ query: { limit, after, ...filter } }) => clients.list(filter, limit, after),
    getClient: ({ params }) => clients.read(params.id),
    disconnectClient: async ({ params: { id } }) => {
      const session = view().session(id);
      const { ended, unreachable } = await queries.disconnectClients([id]);
      if (ended.has(id)) return { ended: true };
      if (session === undefined) throw unknownClient(id);
      if (session.home !== null && unreachable.includes(session.home))
        throw new ApiProblem(503, `the client is connected to ${session.home}, which does not answer`, {
          later: true,
        });
      return { ended: false };
    },
    disconnectClients: async ({ body: { ids } }) => {
      const unique = [...new Set(ids)];
      const { ended, ...gaps } = await queries.disconnectClients(unique);
      return { ended: ended.size, notConnected: unique.filter((id) => !ended.has(id)), ...union(gaps) };
    },
    deleteSession: async ({ params }) => ({ deleted: await deleteSession(params.id) }),
  };
}
