import { linkDefinitionSchema, linkNameSchema, linkRuleSchema } from '@mqtt-cluster/contracts';
import type { Decoded } from '@mqtt-cluster/contracts';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { withOptionalFields } from '../shared/optional-fields.ts';
import { doneSchema, jsonBody, jsonResult } from '../shared/responses.ts';

const tags = ['Links'];
const params = z.object({ name: linkNameSchema.meta({ description: 'Name of the link.' }) });

// The generator writes only the first of several literals.
const qosMax = linkRuleSchema.shape.qosMax.meta({ type: 'integer', enum: [0, 1, 2] });
const definitionSchema = withOptionalFields(linkDefinitionSchema)
  .extend({ rules: z.array(linkRuleSchema.extend({ qosMax })).min(1).max(50) })
  .meta({ id: 'LinkDefinition', description: 'docs/LINKS.md describes the fields.' });

const count = z.number();
const byQos = z.array(count).meta({ description: 'Messages of QoS 0, 1 and 2.' });

const linkSchema = z
  .object({
    name: z.string(),
    definition: definitionSchema
      .nullable()
      .meta({ description: 'Null: this member does not accept the definition.' }),
    state: z.enum(['connected', 'connecting', 'waiting', 'paused', 'invalid']).meta({
      description:
        'connected: the link works. connecting: a member runs the link without a connection. waiting: no member runs it.',
    }),
    member: z.string().nullable().meta({ description: 'The member that runs the link.' }),
    address: z.string().nullable(),
    error: z.string().nullable().meta({ description: 'What is wrong, in one sentence.' }),
    lagMessages: count.meta({ description: 'Messages that the other broker has not acknowledged yet.' }),
    lagSeconds: count,
    sent: byQos,
    received: byQos,
    dropped: z.record(z.string(), count).meta({ description: 'Messages by reason.' }),
    reconnects: count,
    possibleDuplicates: count.meta({
      description: 'Messages that were sent again although the other end may have them.',
    }),
    keptAside: count.meta({
      description: 'Messages that the other end did not accept, and of which the cluster has a copy.',
    }),
    members: z
      .array(z.object({ member: z.string(), mayRun: z.boolean(), reason: z.string().nullable() }))
      .meta({ description: 'Which members may run the link, and why others may not.' }),
  })
  .meta({ id: 'Link' });

export type LinkItem = Decoded<typeof linkSchema>;

const linkListSchema = z
  .object({
    links: z.array(linkSchema),
    unreachable: z.array(z.string()).meta({ description: 'Members that did not answer.' }),
    tooOld: z.array(z.string()).meta({ description: 'Members whose version has no links.' }),
  })
  .meta({ id: 'LinkList' });

const testSchema = z
  .object({ ok: z.boolean(), text: z.string().meta({ description: 'The result in one sentence.' }) })
  .meta({ id: 'LinkTest' });

/** The operations on links to other brokers. */
export const linkRoutes = {
  listLinks: createRoute({
    method: 'get',
    path: '/links',
    operationId: 'listLinks',
    tags,
    summary: 'The links to other brokers with their state',
    responses: jsonResult(
      linkListSchema,
      'All links. Counters begin anew with each process that runs a link.',
    ),
  }),
  putLink: createRoute({
    method: 'put',
    path: '/links/{name}',
    operationId: 'putLink',
    tags,
    summary: 'Add a link, or replace its definition',
    request: { params, body: jsonBody(definitionSchema) },
    responses: jsonResult(doneSchema, 'The definition is committed. A member starts the link.'),
  }),
  deleteLink: createRoute({
    method: 'delete',
    path: '/links/{name}',
    operationId: 'deleteLink',
    tags,
    summary: 'Remove a link with the messages that wait for the other broker',
    request: { params },
    responses: jsonResult(doneSchema, 'The link and its sessions are deleted.'),
  }),
  pauseLink: createRoute({
    method: 'post',
    path: '/links/{name}/pause',
    operationId: 'pauseLink',
    tags,
    summary: 'Stop a link and keep its messages',
    request: { params },
    responses: jsonResult(doneSchema, 'No member runs the link. Its messages wait.'),
  }),
  resumeLink: createRoute({
    method: 'post',
    path: '/links/{name}/resume',
    operationId: 'resumeLink',
    tags,
    summary: 'Start a paused link',
    request: { params },
    responses: jsonResult(doneSchema, 'A member starts the link.'),
  }),
  testLink: createRoute({
    method: 'post',
    path: '/links/{name}/test',
    operationId: 'testLink',
    tags,
    summary: 'Connect from the asked member to the other broker with a client id of its own',
    request: { params },
    responses: jsonResult(testSchema, 'The result of the attempt.'),
  }),
} as const;
