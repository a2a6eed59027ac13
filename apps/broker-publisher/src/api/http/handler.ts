import type { OperationId, Routes } from '@mqtt-cluster/api';
import type { AccessSubject, Decoded } from '@mqtt-cluster/contracts';
import type { HttpExchange } from '@mqtt-cluster/runtime';
import type { z } from 'zod';
import type { Actor } from '../../admin/access/admin-access.ts';

/** The author of an authorized request. */
export interface Caller {
  readonly actor: Actor;
  /** The rights of the user for messages; absent for a request without a user: no rule applies. */
  readonly subject?: AccessSubject;
}

type Part<Route, Name extends string> = Route extends {
  request: { [Key in Name]: infer Schema extends z.ZodType };
}
  ? z.output<Schema>
  : undefined;

type Body<Route> = Route extends {
  request: { body: { content: { 'application/json': { schema: infer Schema extends z.ZodType } } } };
}
  ? z.output<Schema>
  : undefined;

interface JsonResponse<Schema> {
  content: { 'application/json': { schema: Schema } };
}

type Result<Route> = Route extends { responses: { 200: JsonResponse<infer Schema extends z.ZodType> } }
  ? Decoded<Schema>
  : Route extends { responses: { 202: JsonResponse<infer Schema extends z.ZodType> } }
    ? Decoded<Schema>
    : never;

/** An authorized and valid request of one operation. */
interface ApiRequest<Id extends OperationId> {
  readonly params: Part<Routes[Id], 'params'>;
  readonly query: Part<Routes[Id], 'query'>;
  readonly body: Body<Routes[Id]>;
  /** Null for an operation that needs no authorization. */
  readonly caller: Caller | null;
  readonly exchange: HttpExchange;
}

/**
 * Handles one operation. A value is sent as JSON with the status of the operation (200 or 202); a response is sent as it
 * is. @throws ApiProblem the request cannot be answered; nothing has changed
 */
type ApiHandler<Id extends OperationId> = (
  request: ApiRequest<Id>,
) => Promise<Result<Routes[Id]> | Response> | Result<Routes[Id]> | Response;

/** The handlers of one subject. */
export type ApiHandlers<Ids extends OperationId> = { readonly [Id in Ids]: ApiHandler<Id> };
