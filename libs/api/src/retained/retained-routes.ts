import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { flagParameter, pageParameters, topicFilter, topicName } from '../shared/parameters.ts';
import { jsonResult } from '../shared/responses.ts';
import { retainedDeletionSchema, retainedMessageSchema, retainedPageSchema } from './retained-schemas.ts';

const tags = ['Retained'];

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
    request: {
      query: z.strictObject({
        filter: topicFilter,
        dryRun: flagParameter('true: only counts the messages. The parameter is required.'),
      }),
    },
    responses: jsonResult(retainedDeletionSchema, 'The numbers of messages.'),
  }),
} as const;
