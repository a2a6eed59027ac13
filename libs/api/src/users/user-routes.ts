import { accessRuleSchema, roleSchema } from '@mqtt-cluster/contracts';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { withOptionalFields } from '../shared/optional-fields.ts';
import { doneSchema, jsonBody, jsonResult } from '../shared/responses.ts';

const tags = ['Users and rules'];
const userName = z.string().min(1).meta({ description: 'User name: 1 to 256 bytes.' });
const params = z.object({ name: userName });
const importMax = 1_000;

const userSchema = z
  .object({
    name: z.string(),
    groups: z.array(z.string()),
    role: z.string().nullable(),
    disabled: z.boolean(),
  })
  .meta({ id: 'User' });

const userListSchema = z.object({ version: z.number(), users: z.array(userSchema) }).meta({ id: 'UserList' });

const userChangeSchema = z
  .strictObject({
    password: z.string().min(1).optional(),
    passwordHash: z.string().optional().meta({ description: 'Instead of a password.' }),
    groups: z.array(z.string()).optional(),
    role: roleSchema.nullable().optional().meta({ description: 'Null removes the role.' }),
    disabled: z.boolean().optional(),
    mode: z
      .enum(['create', 'change'])
      .optional()
      .meta({ description: 'create: the user must not exist. change: the user must exist.' }),
  })
  .meta({ id: 'UserChange', description: 'Fields that are absent stay as they are.' });

const importSchema = z
  .strictObject({
    users: z
      .array(z.strictObject({ name: userName, passwordHash: z.string() }))
      .min(1)
      .max(importMax),
  })
  .meta({ id: 'UserImport' });

// The generator writes only the first of several literals.
const qosMax = accessRuleSchema.shape.qosMax
  .unwrap()
  .meta({ type: 'integer', enum: [0, 1, 2] })
  .optional();
const ruleSchema = withOptionalFields(accessRuleSchema)
  .extend({ qosMax })
  .meta({ id: 'AccessRule', description: 'docs/ACCESS.md describes the rules.' });

const ruleListSchema = z.object({ version: z.number(), rules: z.array(ruleSchema) }).meta({ id: 'RuleList' });

/** The operations on the users of the cluster and on the access rules. */
export const userRoutes = {
  listUsers: createRoute({
    method: 'get',
    path: '/users',
    operationId: 'listUsers',
    tags,
    summary: 'The users of the cluster, without their passwords',
    responses: jsonResult(userListSchema, 'All users.'),
  }),
  importUsers: createRoute({
    method: 'post',
    path: '/users',
    operationId: 'importUsers',
    tags,
    summary: 'Add users with the hashes of their passwords',
    request: { body: jsonBody(importSchema) },
    responses: jsonResult(doneSchema, 'The users exist. A user that existed keeps its groups and its role.'),
  }),
  putUser: createRoute({
    method: 'put',
    path: '/users/{name}',
    operationId: 'putUser',
    tags,
    summary: 'Add or change a user',
    request: { params, body: jsonBody(userChangeSchema) },
    responses: jsonResult(doneSchema, 'The change is in force at this member.'),
  }),
  deleteUser: createRoute({
    method: 'delete',
    path: '/users/{name}',
    operationId: 'deleteUser',
    tags,
    summary: 'Delete a user',
    request: { params },
    responses: jsonResult(doneSchema, 'The connections of the user end.'),
  }),
  getRules: createRoute({
    method: 'get',
    path: '/rules',
    operationId: 'getRules',
    tags,
    summary: 'The access rules of the cluster',
    responses: jsonResult(ruleListSchema, 'The rules in the order in which they decide.'),
  }),
  replaceRules: createRoute({
    method: 'put',
    path: '/rules',
    operationId: 'replaceRules',
    tags,
    summary: 'Replace all access rules of the cluster',
    request: {
      body: jsonBody(z.strictObject({ rules: z.array(ruleSchema) }).meta({ id: 'Rules' })),
    },
    responses: jsonResult(doneSchema, 'The rules are in force at this member.'),
  }),
} as const;
