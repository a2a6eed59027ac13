import type { HttpResponse, HttpRequest } from '@mqtt-cluster/runtime';
import type { Snapshot } from '@mqtt-cluster/contracts';
import { encodeBackup } from './backup.ts';
import type { AdminCommandHandler } from './admin-command-handler.ts';
import type { Authorization } from './authorization.ts';
import { adminPaths } from './paths.ts';
import type { UserAdministration } from './users/user-administration.ts';
import { handleUserRequest, isUserPath } from './users/user-routes.ts';

export interface RouteComponents {
  readonly commandHandler: AdminCommandHandler;
  readonly users: UserAdministration;
  readonly authorization: Authorization;
  readonly clusterName: string;
  /** Returns whether the `peers` setting or the cluster configuration lists the member. */
  readonly isKnownMember: (member: string) => boolean;
  readonly snapshot: () => Snapshot | null;
}

/** Admin command of each path. The requests are POST requests with parameters in the query or in a JSON body. */
const commandOf: Readonly<Record<string, string>> = {
  [adminPaths.drainShort]: 'drain',
  [adminPaths.undrainShort]: 'undrain',
  [adminPaths.drain]: 'drain',
  [adminPaths.undrain]: 'undrain',
  [adminPaths.add]: 'add',
  [adminPaths.remove]: 'remove',
  [adminPaths.transfer]: 'transfer',
  [adminPaths.bootstrap]: 'bootstrap',
  [adminPaths.settings]: 'settings',
};

/**
 * Returns a handler for the admin pages and `/cluster/health`. The handler returns null for any other path.
 */
export function adminRoutes(
  components: RouteComponents,
): (request: HttpRequest) => Promise<HttpResponse> | null {
  return (request) => {
    const { method, path } = request;
    if (path === adminPaths.clusterHealth)
      return rejectOtherMethods('GET', method) ?? getHealth(components, request);
    const command = Object.hasOwn(commandOf, path) ? commandOf[path] : undefined;
    const isPage = path === adminPaths.members || path === adminPaths.settings || path === adminPaths.backup;
    const isUsers = isUserPath(path);
    if (command === undefined && !isPage && !isUsers) return null;
    const rejection = components.authorization.rejectionReason(request);
    if (rejection !== null) return Promise.resolve({ code: 403, body: { error: rejection } });
    if (isUsers) return handleUserRequest(components.users, request);
    if (isPage && method === 'GET') return getPage(components, path);
    if (command === undefined) return rejectOtherMethods('GET', method);
    return rejectOtherMethods('POST', method) ?? execute(components, command, request);
  };
}

function rejectOtherMethods(wanted: string, method: string): Promise<HttpResponse> | null {
  return method === wanted
    ? null
    : Promise.resolve({ code: 405, body: { error: `this path supports only ${wanted} requests` } });
}

/**
 * Answers 200 when all members are healthy, otherwise 503. With `?stop=ID` it answers 200 when member ID can be
 * stopped now, otherwise 503. The request needs no authorization.
 */
async function getHealth(
  { commandHandler, isKnownMember }: RouteComponents,
  { query }: HttpRequest,
): Promise<HttpResponse> {
  const stop = query.get('stop') ?? undefined;
  if (stop !== undefined && !isKnownMember(stop))
    return {
      code: 400,
      body: { error: `stop: "${stop}" is not in the peers setting of this member` },
    };
  const health = await commandHandler.health(stop);
  return { code: (health.stop?.safe ?? health.healthy) ? 200 : 503, body: health };
}

async function getPage(components: RouteComponents, path: string): Promise<HttpResponse> {
  const { commandHandler, snapshot, clusterName } = components;
  if (path === adminPaths.members) return { code: 200, body: await commandHandler.health() };
  if (path === adminPaths.settings) return { code: 200, body: commandHandler.settings() };
  const state = snapshot();
  if (state === null)
    return {
      code: 409,
      body: { error: 'this member does not belong to a cluster, so there is no state to back up' },
    };
  return { code: 200, body: encodeBackup(clusterName, state) };
}

async function execute(
  { commandHandler }: RouteComponents,
  command: string,
  request: HttpRequest,
): Promise<HttpResponse> {
  const body = await request.json();
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { code: 400, body: { error: 'the body must be a JSON object' } };
  return commandHandler.execute(command, { ...Object.fromEntries(request.query), ...body });
}
