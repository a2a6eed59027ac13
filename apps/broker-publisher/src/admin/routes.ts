import type { HttpResponse, HttpRequest } from '@mqtt-cluster/runtime';
import type { Snapshot } from '@mqtt-cluster/contracts';
import { encodeBackup } from './backup.ts';
import type { Administrator } from './administrator.ts';
import type { Authorization } from './authorization.ts';
import { adminPaths } from './paths.ts';

export interface RouteComponents {
  readonly administrator: Administrator;
  readonly authorization: Authorization;
  /** Of the cluster. */
  readonly name: string;
  readonly knows: (member: string) => boolean;
  readonly snapshot: () => Snapshot | null;
}

/** Commands by path; all are POST and take their parameters as query or JSON. */
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

/** The appliance's pages beside metrics and health; null for a path that is none of them. */
export function adminRoutes(
  components: RouteComponents,
): (request: HttpRequest) => Promise<HttpResponse> | null {
  return (request) => {
    const { method, path } = request;
    if (path === adminPaths.clusterHealth) return only('GET', method) ?? health(components, request);
    const command = Object.hasOwn(commandOf, path) ? commandOf[path] : undefined;
    const isPage = path === adminPaths.members || path === adminPaths.settings || path === adminPaths.backup;
    if (command === undefined && !isPage) return null;
    const refusal = components.authorization.refusal(request);
    if (refusal !== null) return Promise.resolve({ code: 403, body: { error: refusal } });
    if (isPage && method === 'GET') return page(components, path);
    if (command === undefined) return only('GET', method);
    return only('POST', method) ?? carryOut(components, command, request);
  };
}

function only(wanted: string, method: string): Promise<HttpResponse> | null {
  return method === wanted ? null : Promise.resolve({ code: 405, body: { error: `only ${wanted}` } });
}

/** 200 when all is well or, with `?stop=ID`, when that member may be stopped now; 503 otherwise. For nobody a secret. */
async function health(
  { administrator, knows }: RouteComponents,
  { query }: HttpRequest,
): Promise<HttpResponse> {
  const stop = query.get('stop') ?? undefined;
  if (stop !== undefined && !knows(stop))
    return { code: 400, body: { error: `stop: "${stop}" is no member that the peers of this one name` } };
  const found = await administrator.health(stop);
  return { code: (found.stop?.safe ?? found.healthy) ? 200 : 503, body: found };
}

async function page(components: RouteComponents, path: string): Promise<HttpResponse> {
  const { administrator, snapshot, name } = components;
  if (path === adminPaths.members) return { code: 200, body: await administrator.health() };
  if (path === adminPaths.settings) return { code: 200, body: administrator.settings() };
  const state = snapshot();
  if (state === null)
    return { code: 409, body: { error: 'this member belongs to no cluster: there is nothing to back up' } };
  return { code: 200, body: encodeBackup(name, state) };
}

async function carryOut(
  { administrator }: RouteComponents,
  command: string,
  request: HttpRequest,
): Promise<HttpResponse> {
  const body = await request.json();
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { code: 400, body: { error: 'the body must be a JSON object' } };
  return administrator.execute(command, { ...Object.fromEntries(request.query), ...body });
}
