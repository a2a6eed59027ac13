import { roleSchema } from '@mqtt-cluster/contracts';
import type { Decoded } from '@mqtt-cluster/contracts';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { jsonBody, jsonResult } from '../shared/responses.ts';

const tags = ['Sign-in'];

const signInSchema = z
  .strictObject({ user: z.string().min(1).max(256), password: z.string().min(1).max(1_024) })
  .meta({ id: 'SignIn' });

const signedInSchema = z.object({ user: z.string(), role: roleSchema }).meta({ id: 'SignedIn' });

const meSchema = z
  .object({
    user: z.string().nullable().meta({ description: 'Null for a request without a user.' }),
    role: roleSchema,
    lab: z.boolean().meta({ description: 'Whether the member runs in a lab.' }),
    anonymous: z.boolean().meta({ description: 'Whether the member admits this request without a user.' }),
  })
  .meta({ id: 'Me' });

export type Me = Decoded<typeof meSchema>;

/** The operations of a person in a browser. The session is a cookie of the member that gave it. */
export const signInRoutes = {
  signIn: createRoute({
    method: 'post',
    path: '/sign-in',
    operationId: 'signIn',
    tags,
    summary: 'Sign in with a user of the cluster that has a role',
    request: { body: jsonBody(signInSchema) },
    responses: jsonResult(signedInSchema, 'The response sets the session cookie.'),
  }),
  signOut: createRoute({
    method: 'post',
    path: '/sign-out',
    operationId: 'signOut',
    tags,
    summary: 'End the session of the cookie',
    responses: jsonResult(z.object({}).meta({ id: 'SignedOut' }), 'The session has ended.'),
  }),
  getMe: createRoute({
    method: 'get',
    path: '/me',
    operationId: 'getMe',
    tags,
    summary: 'The user and the role of this request',
    responses: jsonResult(
      meSchema,
      'The user. Status 401 if the request has no session and its host may do nothing.',
    ),
  }),
} as const;
