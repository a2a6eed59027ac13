import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { qosSchema, topicName } from '../shared/parameters.ts';

const expiryMax = 0xffff_ffff;
const payloadLengthMax = 512 * 1024;

/** The properties of MQTT 5 that a message carries. */
export const propertiesSchema = z
  .strictObject({
    payloadFormatIndicator: z.boolean().optional(),
    messageExpiryInterval: z.int().min(0).max(expiryMax).optional().meta({ description: 'Seconds.' }),
    contentType: z.string().optional(),
    responseTopic: topicName.optional(),
    correlationData: z.base64().optional().meta({ description: 'Base64.' }),
    userProperties: z
      .array(z.array(z.string()).length(2, 'must be a pair of a name and a value'))
      .optional()
      .meta({ description: 'Pairs of a name and a value.' }),
  })
  .meta({ id: 'MessageProperties' });

export type PropertiesItem = Decoded<typeof propertiesSchema>;

export const publishSchema = z
  .strictObject({
    topic: topicName,
    payload: z.string().max(payloadLengthMax),
    encoding: z.enum(['utf8', 'base64']).default('utf8'),
    qos: qosSchema.default(0).meta({ type: 'integer', enum: [0, 1, 2], default: 0 }),
    retain: z.boolean().default(false),
    properties: propertiesSchema.optional(),
  })
  .refine(({ encoding, payload }) => encoding === 'utf8' || z.base64().safeParse(payload).success, {
    path: ['payload'],
    message: 'must be base64 if encoding is base64',
  })
  .meta({ id: 'Publish' });

export type PublishBody = z.output<typeof publishSchema>;

export const publishedSchema = z
  .object({
    acknowledged: z.boolean().meta({
      description:
        'True if the cluster has acknowledged the message (QoS 1 and 2). QoS 0 has no acknowledgement: the member has accepted the message.',
    }),
    noSubscribers: z
      .boolean()
      .optional()
      .meta({ description: 'True if no session of the cluster had a matching subscription (QoS 1 and 2).' }),
  })
  .meta({ id: 'Published' });

export const receivedMessageSchema = z
  .object({
    topic: z.string(),
    payload: z.string().meta({ description: 'Base64.' }),
    qos: z.int(),
    retain: z.boolean(),
  })
  .meta({ id: 'ReceivedMessage' });

export type ReceivedMessage = Decoded<typeof receivedMessageSchema>;
