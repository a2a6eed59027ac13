import { eventKinds } from '@mqtt-cluster/contracts';
import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { gapsSchema } from '../shared/page.ts';

export const eventSchema = z
  .object({
    atMs: z.number().meta({ description: 'Wall clock of the member, ms since 1970.' }),
    member: z.string(),
    kind: z.enum(eventKinds),
    client: z.string().optional(),
    user: z.string().optional(),
    address: z.string().optional(),
    reason: z.string().optional(),
    text: z.string().meta({ description: 'The event in one sentence.' }),
  })
  .meta({ id: 'Event' });

export type EventItem = Decoded<typeof eventSchema>;

export const eventListSchema = z
  .object({
    events: z.array(eventSchema).meta({ description: 'The newest event first.' }),
    next: z
      .string()
      .nullable()
      .meta({ description: 'The cursor of older events; null if there are no more.' }),
    ...gapsSchema,
  })
  .meta({ id: 'EventList' });

export const traceItemSchema = z
  .object({
    atMs: z.number(),
    member: z.string(),
    client: z.string(),
    address: z.string(),
    direction: z.enum(['in', 'out']).meta({ description: 'in: from the client.' }),
    packet: z.string().meta({ description: 'Name of the control packet, such as PUBLISH.' }),
    packetId: z.int().optional(),
    topic: z.string().optional(),
    qos: z.int().optional(),
    dup: z.boolean().optional(),
    retain: z.boolean().optional(),
    bytes: z.int(),
    decision: z.string().optional().meta({ description: 'What the member decided about the packet.' }),
    payload: z.string().optional().meta({ description: 'Base64. Only with payload=true.' }),
  })
  .meta({ id: 'TraceItem' });

export type TraceItem = Decoded<typeof traceItemSchema>;
