import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { apiActs } from '../src/acts.ts';
import { openApiDocument } from '../src/document.ts';
import { generatedFiles } from '../src/generate.ts';
import { routes } from '../src/routes.ts';

const packageFolder = new URL('../', import.meta.url);

interface DocumentedObject {
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, DocumentedObject>>;
}

/** Every operation of the document with its path and its method. */
function operations() {
  return Object.entries(openApiDocument().paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, { operationId: string; security?: object[] }>).map(
      ([method, operation]) => ({ path, method, ...operation }),
    ),
  );
}

it('is a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator();
  const result = await validator.validate({ ...openApiDocument() });
  expect(result.errors ?? []).toEqual([]);
  expect(validator.version).toBe('3.1');
});

it('passes the recommended rules of a public linter', async () => {
  const config = await createConfig({
    extends: ['recommended'],
    // `POST /clients/disconnect` and `/clients/{id}` have no method in common.
    rules: { 'no-ambiguous-paths': 'off' },
  });
  const source = JSON.stringify(openApiDocument());
  const problems = await lintFromString({ source, absoluteRef: fileURLToPath(packageFolder), config });
  expect(
    problems.map(({ ruleId, message, location }) => ({ ruleId, message, at: location[0]?.pointer })),
  ).toEqual([]);
});

it('has generated files that are current (npm run api:document writes them)', async () => {
  const generated = await generatedFiles();
  expect(Object.keys(generated)).toHaveLength(2);
  for (const [path, text] of Object.entries(generated)) {
    expect(readFileSync(new URL(path, packageFolder), 'utf8') === text ? 'current' : `${path} is old`).toBe(
      'current',
    );
  }
});

it('requires of a link and of a rule only the fields that have no default', () => {
  const schemas = openApiDocument().components?.schemas as Record<string, DocumentedObject>;
  const { LinkDefinition: link, AccessRule: rule } = schemas;
  expect(link!.required).toEqual(['addresses', 'rules']);
  expect(link!.properties['tls']!.required).toBeUndefined();
  expect(link!.properties['jetstream']!.required).toEqual(['stream']);
  expect(rule!.required).toEqual(['effect', 'actions', 'topics']);
});

it('has one act for each operation', () => {
  expect(Object.keys(routes).sort()).toEqual(Object.keys(apiActs).sort());
  expect(
    operations()
      .map(({ operationId }) => operationId)
      .sort(),
  ).toEqual(Object.keys(apiActs).sort());
  for (const [id, route] of Object.entries(routes)) expect(route.operationId).toBe(id);
});

it('requires the header of changes for exactly the operations that change something', () => {
  const withHeader = operations()
    .filter(({ security = [] }) => security.some((alternative) => 'change' in alternative))
    .map(({ operationId }) => operationId);
  const changing = Object.entries(apiActs).filter(([, { changes }]) => changes);
  expect(withHeader.sort()).toEqual(changing.map(([id]) => id).sort());
  const methods = operations().map(({ method, operationId }) => ({ operationId, changes: method !== 'get' }));
  expect(methods).toEqual(
    methods.map(({ operationId }) => ({
      operationId,
      changes: apiActs[operationId as keyof typeof apiActs].changes,
    })),
  );
});

it('names no credentials for exactly the operations without a role', () => {
  const open = operations().filter(
    ({ security = [] }) => !security.some((alternative) => 'token' in alternative),
  );
  const withoutRole = Object.entries(apiActs).filter(([, { role }]) => role === null);
  expect(open.map(({ operationId }) => operationId).sort()).toEqual(withoutRole.map(([id]) => id).sort());
});
