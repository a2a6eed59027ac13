import { ConfigError } from '@mqtt-cluster/contracts';
import type { z } from 'zod';
import { environmentVariables, parseVariable } from './environment-variables.ts';
import type { EnvironmentVariable } from './environment-variables.ts';
import { loadFiles } from './node-config.ts';
import type { Environment } from './process-environment.ts';
import { fieldsOf, unwrap } from './schema-leaves.ts';
import { problemsOfIssue, unknownKeys } from './validation-errors.ts';
import type { ConfigProblem } from './validation-errors.ts';

export interface LoadConfigOptions {
  /** Prefix of the environment variables, without the underscore that follows it. */
  readonly prefix: string;
  /** Directory of the configuration files if `NODE_CONFIG_DIR` is not set. The directory may be missing. */
  readonly directory: string;
  /** `process.env` by default. */
  readonly environment?: Environment;
  /** Variables that have the prefix but are not settings, for instance those of another program. */
  readonly ignoredVariables?: readonly string[];
}

type Settings = Record<string, unknown>;

/**
 * Reads the configuration once: node-config's files and `NODE_CONFIG` (see {@link loadFiles}), then one
 * environment variable for every setting of the schema (see {@link environmentVariables}). A later source
 * overrides an earlier source. The result is validated and deeply frozen.
 *
 * @throws ConfigError with one line that lists every wrong key, its value and the valid values
 */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  options: LoadConfigOptions,
): Readonly<z.output<Schema>> {
  const environment = options.environment ?? process.env;
  const variables = environmentVariables(schema, options.prefix);
  const settings = readFiles(options.directory, environment);
  for (const { name, path, schema: leaf } of variables) {
    const text = environment[name];
    // As in node-config, an empty variable is treated as not set, because a compose file cannot omit a
    // variable.
    if (text !== undefined && text !== '') setPath(settings, path, parseVariable(text, leaf));
  }
  addMissingGroups(schema, settings);
  const result = schema.safeParse(settings);
  const issues = result.error?.issues.flatMap((issue) => problemsOfIssue(issue, settings)) ?? [];
  const problems = [...unknownKeys(schema, settings), ...issues];
  const texts = [
    ...unknownVariables(variables, options, environment),
    ...problems.map((problem) => describe(problem, variables)),
  ];
  if (!result.success || texts.length > 0) throw new ConfigError(`Configuration: ${texts.join('; ')}`);
  return deepFreeze(result.data);
}

function readFiles(directory: string, environment: Environment): Settings {
  try {
    return loadFiles(directory, environment);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Configuration: the files cannot be read: ${reason.replaceAll('\n', ' ')}`, {
      cause,
    });
  }
}

/**
 * Finds variables that have the prefix but no setting. Without this check, a misspelt variable would be
 * ignored silently.
 */
function unknownVariables(
  variables: readonly EnvironmentVariable[],
  { prefix, ignoredVariables = [] }: LoadConfigOptions,
  environment: Environment,
): string[] {
  const known = new Set([...variables.map(({ name }) => name), ...ignoredVariables]);
  return Object.keys(environment)
    .filter((name) => name.startsWith(`${prefix}_`) && !known.has(name))
    .map((name) => `the environment variable ${name} does not name a setting`);
}

function describe({ path, text }: ConfigProblem, variables: readonly EnvironmentVariable[]): string {
  const key = path.map(String).join('.');
  const variable = variables.find(
    (each) => path.slice(0, each.path.length).join('.') === each.path.join('.'),
  );
  return `${key || 'the configuration'} ${text}${variable ? ` (${variable.name})` : ''}`;
}

/**
 * Adds an empty object for each missing group of settings, so that the error names the missing setting, not
 * its group.
 */
function addMissingGroups(schema: z.core.$ZodType, settings: Settings): void {
  for (const [name, field] of Object.entries(fieldsOf(schema) ?? {})) {
    // Optional groups and groups with a default may be missing.
    if (unwrap(field) !== field || !fieldsOf(field)) continue;
    const group = (settings[name] ??= {});
    if (isSettings(group)) addMissingGroups(field, group);
  }
}

function setPath(settings: Settings, path: readonly string[], value: unknown): void {
  let group = settings;
  for (const name of path.slice(0, -1)) {
    const existing = group[name];
    const inner = isSettings(existing) ? existing : {};
    group[name] = inner;
    group = inner;
  }
  group[path.at(-1)!] = value;
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
