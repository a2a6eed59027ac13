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
    description: 'The access rules of the caller apply.',
    request: { body: jsonBody(publishSchema) },
    responses: jsonResult(
      publishedSchema,
      'The cluster has acknowledged the message as for a client of this QoS.',
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
