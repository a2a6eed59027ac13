import type { HttpResponse, HttpRequest } from '@mqtt-cluster/runtime';
import type { Snapshot } from '@mqtt-cluster/contracts';
import { encodeBackup } from './backup.ts';
import type { Administrator } from './admin-command-handler.ts';
import type { Authorization } from './authorization.ts';
import { adminPaths } from './paths.ts';

export interface RouteComponents {
  readonly administrator: Administrator;
  readonly authorization: Authorization;
  readonly clusterName: string;
  /** Whether the `peers` setting or the cluster configuration names the member. */
  readonly isKnownMember: (member: string) => boolean;
  readonly snapshot: () => Snapshot | null;
}

/** Commands by path. All of them are POST requests with parameters in the query or in a JSON body. */
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
    if (path === adminPaths.clusterHealth) return only('GET', method) ?? getHealth(components, request);
    const command = Object.hasOwn(commandOf, path) ? commandOf[path] : undefined;
    const isPage = path === adminPaths.members || path === adminPaths.settings || path === adminPaths.backup;
    if (command === undefined && !isPage) return null;
    const rejection = components.authorization.rejectionReason(request);
    if (rejection !== null) return Promise.resolve({ code: 403, body: { error: rejection } });
    if (isPage && method === 'GET') return getPage(components, path);
    if (command === undefined) return only('GET', method);
    return only('POST', method) ?? execute(components, command, request);
  };
}

function only(wanted: string, method: string): Promise<HttpResponse> | null {
  return method === wanted
    ? null
    : Promise.resolve({ code: 405, body: { error: `this path supports only ${wanted} requests` } });
}

/**
 * 200 when all members are healthy or, with `?stop=ID`, when that member can be stopped now; 503 otherwise.
 * Needs no authorization.
 */
async function getHealth(
  { administrator, isKnownMember }: RouteComponents,
  { query }: HttpRequest,
): Promise<HttpResponse> {
  const stop = query.get('stop') ?? undefined;
  if (stop !== undefined && !isKnownMember(stop))
    return {
      code: 400,
      body: { error: `stop: "${stop}" is not a member that this member's peers setting names` },
    };
  const health = await administrator.health(stop);
  return { code: (health.stop?.safe ?? health.healthy) ? 200 : 503, body: health };
}

async function getPage(components: RouteComponents, path: string): Promise<HttpResponse> {
  const { administrator, snapshot, clusterName } = components;
  if (path === adminPaths.members) return { code: 200, body: await administrator.health() };
  if (path === adminPaths.settings) return { code: 200, body: administrator.settings() };
  const state = snapshot();
  if (state === null)
    return {
      code: 409,
      body: { error: 'this member does not belong to a cluster, so there is no state to back up' },
    };
  return { code: 200, body: encodeBackup(clusterName, state) };
}

async function execute(
  { administrator }: RouteComponents,
  command: string,
  request: HttpRequest,
): Promise<HttpResponse> {
  const body = await request.json();
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { code: 400, body: { error: 'the body must be a JSON object' } };
  return administrator.execute(command, { ...Object.fromEntries(request.query), ...body });
}
