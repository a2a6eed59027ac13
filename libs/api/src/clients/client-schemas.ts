import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { eventSchema } from '../events/event-schemas.ts';
import { gapsSchema, pageOf } from '../shared/page.ts';

const summaryFields = {
  id: z.string(),
  connected: z.boolean(),
  member: z
    .string()
    .nullable()
    .meta({ description: 'The member that the client is connected to; null if it is not connected.' }),
  user: z.string().nullable(),
  protocol: z.enum(['3.1', '3.1.1', '5.0']).nullable(),
  address: z.string().nullable(),
  listener: z.string().nullable(),
  connectedSinceMs: z.number().nullable().meta({ description: 'Wall clock, ms since 1970.' }),
  clean: z.boolean().meta({ description: 'Whether the session ends with the connection.' }),
  expirySeconds: z.number().nullable().meta({ description: 'Session Expiry Interval.' }),
  subscriptions: z.int(),
  queuedMessages: z.int(),
  queuedBytes: z.int(),
  inFlight: z.int().meta({ description: 'Messages that the client has not acknowledged.' }),
  dropped: z.int().meta({
    description:
      'Messages that were dropped for this client: from its queue since the asked member has the session in memory, and ' +
      'by its connection since the client connected.',
  }),
};

const clientSummarySchema = z.object(summaryFields).meta({
  id: 'ClientSummary',
  description:
    'A client and its session. The details of the connection are null while its member is unreachable.',
});

export type ClientSummary = Decoded<typeof clientSummarySchema>;

export const clientPageSchema = pageOf('ClientPage', clientSummarySchema);

const subscriptionSchema = z
  .object({
    filter: z.string(),
    qos: z.int(),
    noLocal: z.boolean(),
    retainAsPublished: z.boolean(),
    identifier: z.int().optional(),
  })
  .meta({ id: 'ClientSubscription' });

export const clientSchema = z
  .object({
    ...summaryFields,
    keepAliveSeconds: z.int().nullable(),
    receiveMaximum: z.int().nullable(),
    owner: z.string().nullable().meta({ description: 'The user that the session belongs to.' }),
    will: z
      .object({
        topic: z.string(),
        qos: z.int(),
        retain: z.boolean(),
        delaySeconds: z.number(),
        payloadBytes: z.int(),
      })
      .nullable(),
    subscriptionList: z.array(subscriptionSchema),
    lastDisconnect: z
      .object({ atMs: z.number(), reason: z.string(), member: z.string() })
      .nullable()
      .meta({ description: 'The newest end of a connection that the members remember.' }),
    events: z.array(eventSchema),
    ...gapsSchema,
  })
  .meta({ id: 'Client' });

export type ClientDetails = Decoded<typeof clientSchema>;

export const disconnectedSchema = z
  .object({
    ended: z.int(),
    notConnected: z.array(z.string()).meta({ description: 'Ids of the clients without a connection.' }),
    ...gapsSchema,
  })
  .meta({ id: 'Disconnected' });
