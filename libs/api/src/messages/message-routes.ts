import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { integerParameter, topicFilter } from '../shared/parameters.ts';
import { jsonBody, jsonResult, streamResult } from '../shared/responses.ts';
import { streamSecondsMax } from '../events/event-routes.ts';
import { publishedSchema, publishSchema, receivedMessageSchema } from './message-schemas.ts';

const tags = ['Messages'];

/** Messages after which a subscription ends. */
export const subscribeMessagesMax = 10_000;

/** The operations on messages. Both obey the access rules of the caller. */
export const messageRoutes = {
  publish: createRoute({
    method: 'post',
    path: '/publish',
    operationId: 'publish',
    tags,
    summary: 'Publish a message',
    description:
      'The access rules of the caller apply. A message that the rules do not permit, or whose topic is reserved, gets 403 with each QoS.',
    request: { body: jsonBody(publishSchema) },
    responses: jsonResult(
      publishedSchema,
      'The member has accepted the message (QoS 0), or the cluster has acknowledged it (QoS 1 and 2).',
    ),
  }),
  subscribe: createRoute({
    method: 'get',
    path: '/subscribe',
    operationId: 'subscribe',
    tags,
    summary: 'Receive messages for a bounded time, as a stream',
    description: 'The access rules of the caller apply.',
    request: {
      query: z.strictObject({
        filter: topicFilter,
        qos: integerParameter(0, 2, 'The highest QoS of the messages; 0 by default.').optional(),
        max: integerParameter(1, subscribeMessagesMax, 'Messages after which the stream ends.').optional(),
        seconds: integerParameter(1, streamSecondsMax, 'Seconds after which the stream ends.').optional(),
      }),
    },
    responses: streamResult(receivedMessageSchema, 'One event for each message.'),
  }),
} as const;
