import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { pageOf } from '../shared/page.ts';
import { propertiesSchema } from '../messages/message-schemas.ts';

const retainedFields = {
  topic: z.string(),
  qos: z.int(),
  payloadBytes: z.int(),
  payloadPreview: z.string().meta({ description: 'Base64 of the first 64 bytes.' }),
  expiresInSeconds: z.number().nullable().meta({ description: 'Null if the message does not expire.' }),
};

const retainedItemSchema = z.object(retainedFields).meta({ id: 'RetainedItem' });
export type RetainedItem = Decoded<typeof retainedItemSchema>;

export const retainedPageSchema = pageOf('RetainedPage', retainedItemSchema);

export const retainedMessageSchema = z
  .object({
    ...retainedFields,
    payload: z.string().meta({ description: 'Base64.' }),
    properties: propertiesSchema,
  })
  .meta({ id: 'RetainedMessage' });

export type RetainedMessage = Decoded<typeof retainedMessageSchema>;

export const retainedDeletionSchema = z
  .object({
    matched: z.int().meta({ description: 'Retained messages of this request that the filter matches.' }),
    deleted: z.int(),
    dryRun: z.boolean(),
    next: z.string().nullable().meta({
      description: 'The cursor of the next request; null if no message is left, or without `limit`.',
    }),
  })
  .meta({ id: 'RetainedDeletion' });
