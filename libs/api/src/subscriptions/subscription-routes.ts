import type { Decoded } from '@mqtt-cluster/contracts';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { pageOf } from '../shared/page.ts';
import { pageParameters, topicName } from '../shared/parameters.ts';
import { jsonResult } from '../shared/responses.ts';

const subscriptionSchema = z
  .object({
    client: z.string(),
    filter: z.string(),
    qos: z.int(),
    shared: z.boolean(),
    connected: z.boolean(),
    member: z.string().nullable(),
  })
  .meta({ id: 'Subscription' });

export type SubscriptionItem = Decoded<typeof subscriptionSchema>;

/** The operations on subscriptions. */
export const subscriptionRoutes = {
  listSubscriptions: createRoute({
    method: 'get',
    path: '/subscriptions',
    operationId: 'listSubscriptions',
    tags: ['Subscriptions'],
    summary: 'Subscriptions: all, by filter or by topic',
    description:
      'Sorted by client identifier, then by filter. At most one of filter and topic may be present.',
    request: {
      query: z
        .strictObject({
          filter: z
            .string()
            .min(1)
            .optional()
            .meta({ description: 'Only the subscriptions to exactly this filter.' }),
          topic: topicName
            .optional()
            .meta({ description: 'Only the subscriptions that would get a message on this topic.' }),
          ...pageParameters,
        })
        .refine(({ filter, topic }) => filter === undefined || topic === undefined, {
          path: ['topic'],
          message: 'must be absent if filter is present',
        }),
    },
    responses: jsonResult(
      pageOf('SubscriptionPage', subscriptionSchema),
      'One page. A page may have fewer items than `limit`.',
    ),
  }),
} as const;
