import { OpenAPIHono } from '@hono/zod-openapi';
import { apiActs } from './acts.ts';
import type { OperationId } from './acts.ts';
import { routes } from './routes.ts';
import { apiPrefix, changeHeader, sessionCookie } from './version.ts';

/** The OpenAPI document, as a value that JSON can represent. */
export type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>;

const tags = [
  { name: 'Cluster', description: 'The cluster as a whole.' },
  { name: 'Members', description: 'The members of the cluster.' },
  { name: 'Clients', description: 'MQTT clients and their sessions.' },
  { name: 'Subscriptions', description: 'The subscriptions of all clients.' },
  { name: 'Retained', description: 'Retained messages.' },
  { name: 'Messages', description: 'Publish and subscribe for scripts.' },
  { name: 'Events', description: 'What happened, and traces of packets.' },
  { name: 'Links', description: 'Links to other brokers.' },
  { name: 'Users and rules', description: 'Users of the cluster and access rules.' },
  { name: 'Sign-in', description: 'Sessions of persons in a browser.' },
];

let document: OpenApiDocument | null = null;

/** Returns the OpenAPI 3.1 document of all operations. The document names the role that each operation needs. */
export function openApiDocument(): OpenApiDocument {
  document ??= createDocument();
  return document;
}

function createDocument(): OpenApiDocument {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  registry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'The admin token of the member (admin.tokenFile).',
  });
  registry.registerComponent('securitySchemes', 'user', {
    type: 'http',
    scheme: 'basic',
    description: 'A user of the cluster with a role; only over TLS or from the same host.',
  });
  registry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: sessionCookie,
    description: 'The cookie of POST /sign-in.',
  });
  registry.registerComponent('securitySchemes', 'change', {
    type: 'apiKey',
    in: 'header',
    name: changeHeader.name,
    description: `Not a secret: the value is ${changeHeader.value}. No page of another origin can send the header.`,
  });
  for (const [id, route] of Object.entries(routes)) {
    const { description } = route as { readonly description?: string };
    registry.registerPath({
      ...route,
      description: withRole(id as OperationId, description),
      security: securityOf(id as OperationId),
    });
  }
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'MQTT Cluster',
      version: '1.0.0',
      description:
        'Every member serves this API for the whole cluster. An answer that other members contribute to names the ' +
        'members that did not answer. Every request needs a Host that the member knows.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: apiPrefix, description: 'The member that serves this document.' }],
    tags,
  });
}

/** Returns the description of an operation, and the role that it needs. */
function withRole(id: OperationId, description: string | undefined): string {
  const { role } = apiActs[id];
  const needed = role === null ? 'Needs no authorization.' : `Needs the role ${role}.`;
  return description === undefined ? needed : `${description} ${needed}`;
}

/** Returns the alternatives of an operation: one kind of credentials, and the header for changes. */
function securityOf(id: OperationId): Record<string, string[]>[] {
  const { role, changes } = apiActs[id];
  const change = changes ? { change: [] } : {};
  if (role === null) return changes ? [change] : [];
  return [
    { token: [], ...change },
    { user: [], ...change },
    { session: [], ...change },
  ];
}
