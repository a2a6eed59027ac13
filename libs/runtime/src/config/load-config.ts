import { ConfigError } from '@mqtt-cluster/contracts';
import { Load } from 'config/lib/util.js';
import type { z } from 'zod';
import { problemOf, unknownKeys } from './validation-errors.ts';
import type { ConfigProblem } from './validation-errors.ts';
import { environmentVariables, valueFromText } from './environment-variables.ts';
import type { EnvironmentVariable } from './environment-variables.ts';
import { fieldsOf, unwrap } from './schema-leaves.ts';

export interface LoadConfigOptions {
  /** Of the environment variables, without a final underscore. */
  readonly prefix: string;
  /** Where the files are when `NODE_CONFIG_DIR` doesn't say. */
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Variables with the prefix that are no settings (of other programs, say). */
  readonly ignoredVariables?: readonly string[];
}

/**
 * Reads the configuration once: node-config's files (`default.json`, then those of NODE_ENV and the host,
 * `local.json`, `custom-environment-variables.json`), `NODE_CONFIG` (JSON), then one environment variable for
 * every setting of the schema (see {@link environmentVariables}); later ones win. The result is validated and
 * frozen.
 *
 * @throws ConfigError one line that names each wrong key, its value and what would be right
 */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  options: LoadConfigOptions,
): Readonly<z.output<Schema>> {
  const environment = options.environment ?? process.env;
  const variables = environmentVariables(schema, options.prefix);
  const raw = readFiles(options.directory, environment);
  const strays = strayVariables(variables, options, environment);
  for (const { name, path, schema: leaf } of variables) {
    const text = environment[name];
    // An empty one counts as not set, as in node-config: compose files can't leave a variable out.
    if (text !== undefined && text !== '') setPath(raw, path, valueFromText(text, leaf));
  }
  fillInGroups(schema, raw);
  const result = schema.safeParse(raw);
  const issues = result.success ? [] : result.error.issues.flatMap((issue) => problemOf(issue, raw));
  const problems = [...unknownKeys(schema, raw), ...issues];
  if (problems.length > 0 || strays.length > 0) {
    throw new ConfigError(
      `Configuration: ${[...strays, ...problems.map((each) => describe(each, variables))].join('; ')}`,
    );
  }
  return deepFreeze(result.data!) as Readonly<z.output<Schema>>;
}

function readFiles(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  try {
    const load = Load.fromEnvironment(
      environment['NODE_CONFIG_ENV'] ?? environment['NODE_ENV'] ?? 'production',
    );
    load.options.configDir = environment['NODE_CONFIG_DIR'] ?? directory;
    const inline = environment['NODE_CONFIG'];
    load.scan(inline ? [{ name: 'NODE_CONFIG', config: JSON.parse(inline) as unknown }] : []);
    // A copy of plain data: what node-config returns is shared and has more than values.
    return JSON.parse(JSON.stringify(load.config)) as Record<string, unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Configuration: the files cannot be read: ${reason.replaceAll('\n', ' ')}`, {
      cause,
    });
  }
}

/** A misspelt variable would otherwise be a setting that silently isn't made. */
function strayVariables(
  variables: readonly EnvironmentVariable[],
  { prefix, ignoredVariables = [] }: LoadConfigOptions,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const known = new Set([...variables.map(({ name }) => name), ...ignoredVariables]);
  return Object.keys(environment)
    .filter((name) => name.startsWith(`${prefix}_`) && !known.has(name))
    .map((name) => `the environment variable ${name} stands for no setting`);
}

function describe({ path, text }: ConfigProblem, variables: readonly EnvironmentVariable[]): string {
  const key = path.map(String).join('.');
  const variable = variables.find(
    (each) => path.slice(0, each.path.length).join('.') === each.path.join('.'),
  );
  return `${key || 'it'} ${text}${variable ? ` (${variable.name})` : ''}`;
}

/**
 * A missing group of settings becomes an empty one, so that the complaint names the setting, not the group.
 */
function fillInGroups(schema: z.core.$ZodType, value: Record<string, unknown>): void {
  for (const [name, field] of Object.entries(fieldsOf(schema) ?? {})) {
    // Optional groups and those with a default may be missing.
    if (unwrap(field) !== field || !fieldsOf(field)) continue;
    const inner = (value[name] ??= {});
    if (typeof inner === 'object' && inner !== null) fillInGroups(field, inner as Record<string, unknown>);
  }
}

function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let inner = target;
  for (const name of path.slice(0, -1)) {
    const next = inner[name];
    if (typeof next !== 'object' || next === null) inner[name] = {};
    inner = inner[name] as Record<string, unknown>;
  }
  inner[path.at(-1)!] = value;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
