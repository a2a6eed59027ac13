import { z } from 'zod';
import { parseJson } from '@mqtt-cluster/contracts';
import { elementOf, fieldsOf, leavesOf, unwrap } from './schema-leaves.ts';

export interface EnvironmentVariable {
  /** `<PREFIX>_<PATH>` in upper snake case: the setting `bridge.listenPort` is `MQTT_CLUSTER_BRIDGE_LISTEN_PORT`. */
  readonly name: string;
  /** The path of the setting in the configuration. */
  readonly path: readonly string[];
  readonly schema: z.core.$ZodType;
}

/**
 * Returns one environment variable for every setting of the schema, in the schema's order. A string setting takes
 * the text as it is. A list takes a JSON array or values separated by commas. All other types take JSON.
 */
export function environmentVariables(schema: z.ZodObject, prefix: string): EnvironmentVariable[] {
  return leavesOf(schema).map(({ path, schema: leaf }) => ({
    name: [prefix, ...path.map(upperSnakeCase)].join('_'),
    path,
    schema: leaf,
  }));
}

function upperSnakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();
}

/**
 * Returns the value that a variable's text represents. Text that cannot be parsed is returned unchanged, so that
 * validation rejects the text and shows it.
 */
export function parseVariable(text: string, schema: z.core.$ZodType): unknown {
  const { type } = (unwrap(schema) as z.core.$ZodTypes)._zod.def;
  if (type === 'string') return text;
  const element = elementOf(schema);
  if (element && !text.trimStart().startsWith('[')) {
    const parts = text.split(',').map((part) => part.trim());
    return parts.filter((part) => part !== '').map((part) => parseVariable(part, element));
  }
  const parsed = parseJson(z.unknown(), text);
  if (parsed === undefined || fieldsOf(schema)) return parsed ?? text;
  // An enumeration may contain a string that is also valid JSON, such as "true".
  return isValid(schema, parsed) || !isValid(schema, text) ? parsed : text;
}

function isValid(schema: z.core.$ZodType, value: unknown): boolean {
  return z.safeParse(schema, value).success;
}
