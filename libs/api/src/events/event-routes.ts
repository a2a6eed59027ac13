import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  clientIdParameter,
  flagParameter,
  integerParameter,
  pageParameters,
  topicFilter,
} from '../shared/parameters.ts';
import { jsonResult, streamResult } from '../shared/responses.ts';
import { eventListSchema, traceItemSchema } from './event-schemas.ts';

const tags = ['Events'];

/** Seconds after which every stream ends. */
export const streamSecondsMax = 600;
/** Seconds of a stream whose request does not set them. */
export const streamSecondsDefault = 60;

const subject = 'Exactly one of client, topic and address is required.';

/** The operations on events and packets. */
export const eventRoutes = {
  listEvents: createRoute({
    method: 'get',
    path: '/events',
    operationId: 'listEvents',
    tags,
    summary: 'What happened in the last hour',
    request: {
      query: z.strictObject({
        client: clientIdParameter.optional().meta({ description: 'Only the events of this client.' }),
        ...pageParameters,
      }),
    },
    responses: jsonResult(eventListSchema, 'The events of all reachable members, the newest first.'),
  }),
  trace: createRoute({
    method: 'get',
    path: '/trace',
    operationId: 'trace',
    tags,
    summary: 'Every packet of one client, address or topic filter, as a stream',
    description:
      `${subject} The trace never contains a password. An event named \`missing\` names the members whose packets the ` +
      'trace lacks from then on, and an event named `lost` the packets of a member that were read too slowly.',
    request: {
      query: z
        .strictObject({
          client: clientIdParameter.optional(),
          topic: topicFilter.optional(),
          address: z
            .union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' })
            .optional()
            .meta({ type: 'string', description: 'IP address of clients.' }),
          seconds: integerParameter(1, streamSecondsMax, 'Seconds after which the stream ends.').optional(),
          payload: flagParameter('Whether the trace contains the payloads.').optional(),
        })
        .refine(
          ({ client, topic, address }) =>
            [client, topic, address].filter((one) => one !== undefined).length === 1,
          {
            path: ['client'],
            message: 'must be the only one of client, topic and address, and one of them is required',
          },
        ),
    },
    responses: streamResult(traceItemSchema, 'One event for each packet.'),
  }),
} as const;
