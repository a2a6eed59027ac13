import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  flagParameter,
  integerParameter,
  pageParameters,
  topicFilter,
  topicName,
} from '../shared/parameters.ts';
import { jsonResult } from '../shared/responses.ts';
import { retainedDeletionSchema, retainedMessageSchema, retainedPageSchema } from './retained-schemas.ts';

const tags = ['Retained'];
/** Messages of one request to delete. */
const deleteMax = 10_000;

/** The operations on retained messages. */
export const retainedRoutes = {
  listRetained: createRoute({
    method: 'get',
    path: '/retained',
    operationId: 'listRetained',
    tags,
    summary: 'Retained messages, by filter',
    request: {
      query: z.strictObject({
        filter: topicFilter.optional().meta({ description: 'Topic filter; # by default.' }),
        ...pageParameters,
      }),
    },
    responses: jsonResult(retainedPageSchema, 'One page. A page may have fewer items than `limit`.'),
  }),
  getRetainedMessage: createRoute({
    method: 'get',
    path: '/retained/message',
    operationId: 'getRetainedMessage',
    tags,
    summary: 'One retained message with its payload',
    request: { query: z.strictObject({ topic: topicName }) },
    responses: jsonResult(retainedMessageSchema, 'The message.'),
  }),
  deleteRetainedMessage: createRoute({
    method: 'delete',
    path: '/retained/message',
    operationId: 'deleteRetainedMessage',
    tags,
    summary: 'Delete one retained message',
    request: { query: z.strictObject({ topic: topicName }) },
    responses: jsonResult(
      z.object({ deleted: z.boolean() }).meta({ id: 'RetainedMessageDeleted' }),
      'Whether the topic had a retained message.',
    ),
  }),
  deleteRetained: createRoute({
    method: 'delete',
    path: '/retained',
    operationId: 'deleteRetained',
    tags,
    summary: 'Delete the retained messages that a filter matches',
    description:
      'With `limit` a long deletion takes several requests: pass `next` of each answer as `after` of the next request. ' +
      'A request that fails may have deleted some of its messages.',
    request: {
      query: z.strictObject({
        filter: topicFilter,
        dryRun: flagParameter('true: only counts the messages. The parameter is required.'),
        limit: integerParameter(1, deleteMax, 'Messages of this request; all by default.').optional(),
        after: pageParameters.after.meta({
          description: 'The value `next` of the answer before. Absent for the first request.',
        }),
      }),
    },
    responses: jsonResult(retainedDeletionSchema, 'The numbers of messages.'),
  }),
} as const;
