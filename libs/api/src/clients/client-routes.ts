import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { clientIdParameter, flagParameter, memberIdParameter, pageParameters } from '../shared/parameters.ts';
import { jsonBody, jsonResult } from '../shared/responses.ts';
import { clientPageSchema, clientSchema, disconnectedSchema } from './client-schemas.ts';

const tags = ['Clients'];
const params = z.object({ id: clientIdParameter });
/** Clients of one request to disconnect. */
const disconnectMax = 1_000;

/** The operations on clients and their sessions. */
export const clientRoutes = {
  listClients: createRoute({
    method: 'get',
    path: '/clients',
    operationId: 'listClients',
    tags,
    summary: 'Clients and sessions, sorted by client identifier',
    request: {
      query: z.strictObject({
        id: z
          .string()
          .min(1)
          .optional()
          .meta({ description: 'Part of the client identifier; case-sensitive.' }),
        user: z.string().min(1).optional().meta({ description: 'User name of the client.' }),
        address: z.string().min(1).optional().meta({ description: 'IP address of the client.' }),
        member: memberIdParameter
          .optional()
          .meta({ description: 'The member that the client is connected to.' }),
        connected: flagParameter('Whether the client is connected.').optional(),
        ...pageParameters,
      }),
    },
    responses: jsonResult(clientPageSchema, 'One page. A page may have fewer items than `limit`.'),
  }),
  getClient: createRoute({
    method: 'get',
    path: '/clients/{id}',
    operationId: 'getClient',
    tags,
    summary: 'One client with its session',
    request: { params },
    responses: jsonResult(clientSchema, 'The client.'),
  }),
  disconnectClient: createRoute({
    method: 'delete',
    path: '/clients/{id}/connection',
    operationId: 'disconnectClient',
    tags,
    summary: 'Disconnect a client',
    request: { params },
    responses: jsonResult(
      z.object({ ended: z.boolean() }).meta({ id: 'ConnectionEnded' }),
      'Whether the client was connected. The session stays.',
    ),
  }),
  disconnectClients: createRoute({
    method: 'post',
    path: '/clients/disconnect',
    operationId: 'disconnectClients',
    tags,
    summary: 'Disconnect many clients',
    request: {
      body: jsonBody(
        z
          .strictObject({ ids: z.array(clientIdParameter).min(1).max(disconnectMax) })
          .meta({ id: 'ClientIds' }),
      ),
    },
    responses: jsonResult(disconnectedSchema, 'The sessions stay.'),
  }),
  deleteSession: createRoute({
    method: 'delete',
    path: '/clients/{id}/session',
    operationId: 'deleteSession',
    tags,
    summary: 'Delete a session with its subscriptions and its queue',
    description: 'A connected client is disconnected first.',
    request: { params },
    responses: jsonResult(
      z.object({ deleted: z.boolean() }).meta({ id: 'SessionDeleted' }),
      'Whether the session existed.',
    ),
  }),
} as const;
