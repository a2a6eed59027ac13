import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { flagParameter, memberIdParameter } from '../shared/parameters.ts';
import { acceptedResult, doneSchema, jsonBody, jsonResult, optionalJsonBody } from '../shared/responses.ts';
import { changeEffectSchema, memberListSchema } from './member-schemas.ts';

const tags = ['Members'];
const params = z.object({ id: memberIdParameter });

/** The operations on the members of the cluster. */
export const memberRoutes = {
  listMembers: createRoute({
    method: 'get',
    path: '/members',
    operationId: 'listMembers',
    tags,
    summary: 'All members with their state',
    responses: jsonResult(memberListSchema, 'The members of the configuration and of the `peers` setting.'),
  }),
  addMember: createRoute({
    method: 'post',
    path: '/members',
    operationId: 'addMember',
    tags,
    summary: 'Add a member to the cluster',
    description: 'The `peers` setting of the members must list the new member.',
    request: {
      body: jsonBody(z.strictObject({ id: memberIdParameter }).meta({ id: 'NewMember' })),
    },
    responses: jsonResult(
      doneSchema,
      'The member is a learner now; the leader promotes it when it has caught up.',
    ),
  }),
  removeMember: createRoute({
    method: 'delete',
    path: '/members/{id}',
    operationId: 'removeMember',
    tags,
    summary: 'Remove a member that has drained from the cluster',
    description:
      'Status 409 without `force` if the member accepts clients, still drains, does not answer, or has messages in its outbox.',
    request: {
      params,
      query: z.strictObject({
        force: flagParameter(
          'Removes the member without a drain, even if its outbox may contain acknowledged messages that the cluster does not have.',
        ).optional(),
      }),
    },
    responses: jsonResult(doneSchema, 'The member is removed.'),
  }),
  drainMember: createRoute({
    method: 'post',
    path: '/members/{id}/drain',
    operationId: 'drainMember',
    tags,
    summary: 'Drain a member: its clients move to the others',
    request: {
      params,
      body: optionalJsonBody(
        z
          .strictObject({
            exit: z.boolean().default(false).meta({ description: 'Ends the process after the drain.' }),
          })
          .meta({ id: 'Drain' }),
      ),
    },
    responses: acceptedResult(doneSchema, 'The drain has begun.'),
  }),
  undrainMember: createRoute({
    method: 'post',
    path: '/members/{id}/undrain',
    operationId: 'undrainMember',
    tags,
    summary: 'End the drain of a member',
    request: { params },
    responses: jsonResult(doneSchema, 'The member accepts clients again.'),
  }),
  getChangeEffect: createRoute({
    method: 'get',
    path: '/members/{id}/change-effect',
    operationId: 'getChangeEffect',
    tags,
    summary: 'What a change of the membership would do to the majority',
    request: {
      params,
      query: z.strictObject({
        action: z
          .enum(['remove', 'drain', 'add'], { error: 'must be remove, drain or add' })
          .meta({ description: 'The change that is planned.' }),
      }),
    },
    responses: jsonResult(changeEffectSchema, 'The effect. Nothing has changed.'),
  }),
} as const;
