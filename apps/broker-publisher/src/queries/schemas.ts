import { eventKinds } from '@mqtt-cluster/contracts';
import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';

/** Bodies of the questions and answers between members. A member checks what it receives, also from its peers. */

/** Client identifiers in one question. */
export const idsPerQuestionMax = 1_000;
/** Bytes of the items in one answer. The bound of an answer is 256 KiB. */
export const answerBytesTarget = 200 * 1024;
/** Events in one answer. */
export const eventsMax = 1_000;

const qos = z.union([z.literal(0), z.literal(1), z.literal(2)]);

export const idsQuestion = z.object({ ids: z.array(z.string()).max(idsPerQuestionMax) });

const details = z.object({
  client: z.string(),
  protocol: z.enum(['3.1', '3.1.1', '5.0']),
  address: z.string().nullable(),
  user: z.string().nullable(),
  listener: z.string(),
  keepAliveSeconds: z.number(),
  connectedSinceMs: z.number(),
  clean: z.boolean(),
  expirySeconds: z.number(),
  receiveMaximum: z.number(),
  will: z
    .object({
      topic: z.string(),
      qos,
      retain: z.boolean(),
      delaySeconds: z.number(),
      payloadBytes: z.number(),
    })
    .nullable(),
  inFlight: z.number(),
  dropped: z.number(),
});

/** `done`: how many of the identifiers, from the first one, the answer covers. */
export const detailsAnswer = z.object({ details: z.array(details), done: z.int().min(1) });

export const disconnectAnswer = z.object({ ended: z.array(z.string()) });

export const eventsQuestion = z.object({
  client: z.string().optional(),
  beforeMs: z.number().optional(),
  limit: z.int().min(1).max(eventsMax),
});

const event = z.object({
  atMs: z.number(),
  kind: z.enum(eventKinds),
  client: z.string().optional(),
  user: z.string().optional(),
  address: z.string().optional(),
  reason: z.string().optional(),
  text: z.string(),
});

/** `more`: the member has older events that match. */
export const eventsAnswer = z.object({ events: z.array(event).max(eventsMax), more: z.boolean() });

/** Longest duration of a trace. */
const traceSecondsMax = 600;

export const traceFilter = z
  .object({
    client: z.string().min(1).max(65_535).optional(),
    address: z.string().min(1).max(64).optional(),
    topic: z.string().min(1).max(65_535).optional(),
    seconds: z.number().min(1).max(traceSecondsMax),
    payload: z.boolean(),
  })
  .refine(
    ({ client, address, topic }) =>
      [client, address, topic].filter((each) => each !== undefined).length === 1,
  );

export const traceStarted = z.object({ id: z.string() });
export const traceQuestion = z.object({ id: z.string() });

const traceLine = z.object({
  atMs: z.number(),
  client: z.string(),
  address: z.string(),
  direction: z.enum(['in', 'out']),
  packet: z.string(),
  packetId: z.number().optional(),
  topic: z.string().optional(),
  qos: qos.optional(),
  dup: z.boolean().optional(),
  retain: z.boolean().optional(),
  bytes: z.number(),
  decision: z.string().optional(),
  payload: z.string().optional(),
});

/** `lost`: lines that the member dropped since its last answer, because they were read too slowly. */
export const traceLines = z.object({ lines: z.array(traceLine), lost: z.int().min(0) });

export type TraceLines = Decoded<typeof traceLines>;
export type DetailsAnswer = Decoded<typeof detailsAnswer>;
export type EventsAnswer = Decoded<typeof eventsAnswer>;
