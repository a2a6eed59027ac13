import type { HttpResponse, HttpRequest } from '@mqtt-cluster/runtime';
import type { AdminCommandHandler } from './admin-command-handler.ts';
import type { AdminAccess } from './access/admin-access.ts';
import { actOf } from './access/admin-roles.ts';
import { wayOf } from './access/audit-log.ts';
import type { AuditLog } from './access/audit-log.ts';
import { adminPaths } from './paths.ts';
import type { RuleAdministration } from './rules/rule-administration.ts';
import { handleRuleRequest } from './rules/rule-routes.ts';
import type { BackupSnapshot } from './backup-snapshots.ts';
import { takeBackup } from './take-backup.ts';
import type { UserAdministration } from './users/user-administration.ts';
import { handleUserRequest, isUserPath } from './users/user-routes.ts';

export interface RouteComponents {
  readonly commandHandler: AdminCommandHandler;
  readonly users: UserAdministration;
  readonly rules: RuleAdministration;
  readonly access: AdminAccess;
  readonly audit: AuditLog;
  readonly clusterName: string;
  /** Returns whether the `peers` setting or the cluster configuration lists the member. */
  readonly isKnownMember: (member: string) => boolean;
  readonly snapshot: () => Promise<BackupSnapshot>;
}

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
    if (isUserPath(path)) {
      return administer(components, request, 'users', method !== 'GET', (recorded) =>
        handleUserRequest(components.users, recorded),
      );
    }
    if (path === adminPaths.rules) {
      const act = method === 'GET' ? 'rules read' : 'rules';
      return administer(components, request, act, method !== 'GET', (recorded) =>
        handleRuleRequest(components.rules, recorded),
      );
    }
    const read = actOf('read', path);
    const write = actOf('write', path);
    if (read !== undefined && (method === 'GET' || write === undefined)) {
      return administer(components, request, read, read === 'backup', async () =>
        method === 'GET' ? getPage(components, request) : wrongMethod('GET'),
      );
    }
    if (write === undefined) return null;
    return administer(components, request, write, true, async (recorded) =>
      method === 'POST' ? execute(components, write, recorded) : wrongMethod('POST'),
    );
  };
}

/**
 * Handles a request of an administrator: checks its authorization, and writes the line of the audit.
 *
 * @param isAudited false for requests that only read what an operator polls
 */
async function administer(
  { access, audit }: RouteComponents,
  request: HttpRequest,
  act: string,
  isAudited: boolean,
  handle: (recorded: HttpRequest) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const { address, path, query, headers } = request;
  const decision = await access.decide(request, act);
  if (!decision.granted) {
    const { code, reason } = decision;
    audit.onRefusal({ action: act, address, reason }, code === 429);
    const retry = code === 429 ? { headers: { 'retry-after': '2' } } : {};
    return { code, body: { error: reason }, ...retry };
  }
  let body: unknown = {};
  const recorded: HttpRequest = { ...request, json: async () => (body = await request.json()) };
  const report = (code: number): void => {
    if (!isAudited) return;
    // The path comes last: a field of the query or of the body must not replace it.
    const parameters = { ...Object.fromEntries(query), ...(isObject(body) ? body : {}), path };
    audit.onAct({ way: wayOf(headers), action: act, actor: decision.actor, address, parameters }, code);
  };
  try {
    const response = await handle(recorded);
    report(response.code);
    return response;
  } catch (error) {
    report(errorCode);
    throw error;
  }
}

/** Code of an act that ended with an error, for the audit. */
const errorCode = 500;

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function wrongMethod(wanted: string): HttpResponse {
  return { code: 405, body: { error: `this path supports only ${wanted} requests` } };
}

function rejectOtherMethods(wanted: string, method: string): Promise<HttpResponse> | null {
  return method === wanted ? null : Promise.resolve(wrongMethod(wanted));
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

async function getPage(components: RouteComponents, { path, query }: HttpRequest): Promise<HttpResponse> {
  const { commandHandler } = components;
  if (path === adminPaths.members) return { code: 200, body: await commandHandler.health() };
  if (path === adminPaths.settings) return { code: 200, body: commandHandler.settings() };
  const outcome = await takeBackup(components, query.get('stale') === 'true');
  return 'file' in outcome
    ? { code: 200, body: outcome.file }
    : { code: 409, body: { error: outcome.refusal } };
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
