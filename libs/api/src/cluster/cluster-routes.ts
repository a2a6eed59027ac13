import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { flagParameter, memberIdParameter } from '../shared/parameters.ts';
import {
  acceptedResult,
  bytesResult,
  doneSchema,
  jsonBody,
  jsonResult,
  optionalJsonBody,
} from '../shared/responses.ts';
import {
  healthSchema,
  overviewSchema,
  prometheusTargetsSchema,
  settingsPatchSchema,
  settingsSchema,
} from './cluster-schemas.ts';

const tags = ['Cluster'];

/** The operations on the cluster as a whole. */
export const clusterRoutes = {
  getOpenApiDocument: createRoute({
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApiDocument',
    tags,
    summary: 'This document',
    responses: jsonResult(
      z.looseObject({ openapi: z.string() }).meta({ id: 'OpenApiDocument' }),
      'The OpenAPI document.',
    ),
  }),
  getOverview: createRoute({
    method: 'get',
    path: '/overview',
    operationId: 'getOverview',
    tags,
    summary: 'The members, and what is wrong in words',
    responses: jsonResult(overviewSchema, 'The cluster as this member sees it, also while it is isolated.'),
  }),
  getHealth: createRoute({
    method: 'get',
    path: '/health',
    operationId: 'getHealth',
    tags,
    summary: 'Whether the cluster is healthy, or one member can be stopped',
    request: {
      query: z.strictObject({
        stop: memberIdParameter.optional().meta({ description: 'Id of the member to be stopped.' }),
      }),
    },
    responses: {
      ...jsonResult(healthSchema, 'All members are healthy; with `stop`: the member can be stopped now.'),
      503: {
        description: 'The opposite of 200, with the same body.',
        content: { 'application/json': { schema: healthSchema } },
      },
    },
  }),
  getSettings: createRoute({
    method: 'get',
    path: '/settings',
    operationId: 'getSettings',
    tags,
    summary: 'The settings of the cluster',
    responses: jsonResult(settingsSchema, 'The settings that are in force at this member.'),
  }),
  changeSettings: createRoute({
    method: 'patch',
    path: '/settings',
    operationId: 'changeSettings',
    tags,
    summary: 'Change settings of the cluster',
    request: { body: jsonBody(settingsPatchSchema) },
    responses: jsonResult(settingsSchema, 'All settings; the change is in force at this member.'),
  }),
  transferLeadership: createRoute({
    method: 'post',
    path: '/leadership',
    operationId: 'transferLeadership',
    tags,
    summary: 'Transfer the leadership to another voter',
    request: {
      body: optionalJsonBody(
        z
          .strictObject({
            to: memberIdParameter.optional().meta({
              description: 'The new leader. Absent: the leader chooses the voter with the longest log.',
            }),
          })
          .meta({ id: 'LeadershipTransfer' }),
      ),
    },
    responses: jsonResult(doneSchema, 'The leadership is transferred.'),
  }),
  bootstrapCluster: createRoute({
    method: 'post',
    path: '/bootstrap',
    operationId: 'bootstrapCluster',
    tags,
    summary: 'Form a cluster although some members are missing',
    responses: acceptedResult(doneSchema, 'The members that have answered form the cluster.'),
  }),
  getBackup: createRoute({
    method: 'get',
    path: '/backup',
    operationId: 'getBackup',
    tags,
    summary: 'A backup of the replicated state; 409 at a member that has not caught up with a majority',
    request: {
      query: z.strictObject({
        stale: flagParameter(
          'true: also a member without a majority gives its last state, which may be older than that of the cluster.',
        ).optional(),
      }),
    },
    responses: bytesResult('The backup. It contains the password hashes of all users.'),
  }),
  listPrometheusTargets: createRoute({
    method: 'get',
    path: '/prometheus/targets',
    operationId: 'listPrometheusTargets',
    tags,
    summary: 'The members as targets of Prometheus (http_sd)',
    responses: jsonResult(prometheusTargetsSchema, 'One target for each member.'),
  }),
} as const;
