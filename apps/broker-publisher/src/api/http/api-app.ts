import { getRequestListener } from '@hono/node-server';
import { apiActs, apiPrefix, routes } from '@mqtt-cluster/api';
import type { OperationId } from '@mqtt-cluster/api';
import type { Logger } from '@mqtt-cluster/contracts';
import type { HttpExchange } from '@mqtt-cluster/runtime';
import { Hono } from 'hono';
import type { z } from 'zod';
import type { AdminAccess } from '../../admin/access/admin-access.ts';
import { wayOf } from '../../admin/access/audit-log.ts';
import type { AuditLog } from '../../admin/access/audit-log.ts';
import { ApiProblem, problemResponse } from './api-problem.ts';
import { readJson } from './body.ts';
import type { ApiHandlers, Caller } from './handler.ts';
import { jsonResponse } from './json-response.ts';
import { queryOf, validated } from './validation.ts';

export interface ApiAppOptions {
  readonly access: Pick<AdminAccess, 'decide'>;
  readonly audit: Pick<AuditLog, 'onAct' | 'onRefusal'>;
  readonly logger: Logger;
  readonly handlers: ApiHandlers<OperationId>;
}

/** The declared parts of any operation, without their exact types. */
interface AnyRoute {
  readonly method: string;
  readonly path: string;
  readonly request?: {
    readonly params?: z.ZodType;
    readonly query?: z.ZodType;
    readonly body?: { readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>> };
  };
  readonly responses: Readonly<Record<string, unknown>>;
}

type AnyHandler = (request: {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: Caller | null;
  readonly exchange: HttpExchange;
}) => unknown;

const retryAfterSeconds = 2;

/** Returns a function that answers requests below `/api/`. */
export function createApiApp(options: ApiAppOptions): (exchange: HttpExchange) => Promise<void> {
  const exchanges = new WeakMap<object, HttpExchange>();
  const app = new Hono<{ Bindings: { incoming: object } }>();
  for (const id of Object.keys(options.handlers) as OperationId[]) {
    const route: AnyRoute = routes[id];
    const path = `${apiPrefix}${route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
    app.on(route.method.toUpperCase(), path, async (context) => {
      const exchange = exchanges.get(context.env.incoming)!;
      return answer(options, id, exchange, context.req.param());
    });
  }
  app.notFound((context) => problemResponse(unknownTarget(context.req.method, context.req.path)));
  app.onError((error) => problemResponse(problemOf(error, options.logger)));
  const listener = getRequestListener((request, env) => app.fetch(request, env as { incoming: object }), {
    overrideGlobalObjects: false,
    hostname: 'localhost',
    errorHandler: () => problemResponse(new ApiProblem(400, 'the request is not valid HTTP')),
  });
  return async (exchange) => {
    exchanges.set(exchange.request, exchange);
    await listener(exchange.request, exchange.response);
  };
}

async function answer(
  options: ApiAppOptions,
  id: OperationId,
  exchange: HttpExchange,
  parameters: Readonly<Record<string, string>>,
): Promise<Response> {
  const { logger } = options;
  let caller: Caller | null = null;
  let body: unknown;
  let response: Response;
  try {
    caller = await authorized(options, id, exchange);
    const route: AnyRoute = routes[id];
    const { params, query, body: declaredBody } = route.request ?? {};
    const schema = declaredBody?.content['application/json']?.schema;
    const request = {
      params: params && validated(params, parameters, 'path'),
      query: query && validated(query, queryOf(exchange.query), 'query'),
      body: schema && validated(schema, (body = await readJson(exchange.request, caller !== null)), 'body'),
      caller,
      exchange,
    };
    const handle = options.handlers[id] as unknown as AnyHandler;
    const result = await handle(request);
    response =
      result instanceof Response ? result : jsonResponse(result, '202' in route.responses ? 202 : 200);
  } catch (error) {
    response = problemResponse(problemOf(error, logger));
  }
  if (caller !== null)
    report(options, id, exchange, caller, { ...parameters, ...objectOf(body) }, response.status);
  return response;
}

/** Returns the author of the request; null if the operation needs no authorization. @throws ApiProblem */
async function authorized(
  { access, audit }: ApiAppOptions,
  id: OperationId,
  exchange: HttpExchange,
): Promise<Caller | null> {
  const { act } = apiActs[id];
  if (act === null) return null;
  const decision = await access.decide(exchange, act);
  if (decision.granted) return decision;
  const { code, reason, isUnauthenticated } = decision;
  audit.onRefusal({ action: act, address: exchange.address, reason }, code === 429);
  if (code === 429)
    throw new ApiProblem(429, reason, { headers: { 'retry-after': String(retryAfterSeconds) } });
  if (!isUnauthenticated) throw new ApiProblem(code, reason);
  // The challenge names no scheme for which a browser would open a window of its own.
  throw new ApiProblem(401, reason, { headers: { 'www-authenticate': 'Bearer realm="mqtt-cluster"' } });
}

function report(
  { audit }: ApiAppOptions,
  id: OperationId,
  { path, query, address, headers }: HttpExchange,
  { actor }: Caller,
  given: Readonly<Record<string, unknown>>,
  code: number,
): void {
  const { act, audited } = apiActs[id];
  if (!audited || act === null) return;
  const parameters = { path, ...Object.fromEntries(query), ...given };
  audit.onAct({ way: wayOf(headers), action: act, actor, address, parameters }, code);
}

function problemOf(error: unknown, logger: Logger): ApiProblem {
  if (error instanceof ApiProblem) return error;
  logger.error(
    { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) },
    'a request to the HTTP API failed',
  );
  return new ApiProblem(500, 'the request failed; the log of the member has the reason');
}

/** Returns the problem of a path or a method that no operation has. */
function unknownTarget(method: string, path: string): ApiProblem {
  const methods = Object.values<AnyRoute>(routes)
    .filter((route) => patternOf(route.path).test(path))
    .map((route) => route.method.toUpperCase());
  if (methods.length === 0)
    return new ApiProblem(404, `the API has no such path: ${apiPrefix}/openapi.json lists all paths`);
  const allowed = [...new Set(methods)].join(', ');
  return new ApiProblem(405, `this path does not support ${method}: it supports ${allowed}`, {
    headers: { allow: allowed },
  });
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${apiPrefix}${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
