import type { z } from 'zod';
import { elementOf, fieldsOf, leavesOf, unwrap } from './schema-leaves.ts';

export interface EnvironmentVariable {
  /**
   * `<PREFIX>_<PATH>`, with words of camel case parted: `bridge.listenPort` is
   * `MQTT_CLUSTER_BRIDGE_LISTEN_PORT`.
   */
  readonly name: string;
  readonly path: readonly string[];
  readonly schema: z.core.$ZodType;
}

/**
 * The variable of every setting. Text is taken as it is, lists may be JSON or parted by commas, the rest is
 * JSON.
 */
export function environmentVariables(schema: z.ZodObject, prefix: string): EnvironmentVariable[] {
  return leavesOf(schema).map(({ path, schema: leaf }) => ({
    name: [prefix, ...path.map(upperSnake)].join('_'),
    path,
    schema: leaf,
  }));
}

function upperSnake(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();
}

/**
 * What a variable's text stands for; a text that can't be understood stays text, for the validation to
 * refuse.
 */
export function valueFromText(text: string, schema: z.core.$ZodType): unknown {
  const { type } = (unwrap(schema) as z.core.$ZodTypes)._zod.def;
  if (type === 'string') return text;
  const element = elementOf(schema);
  if (element && !text.trimStart().startsWith('[')) {
    const parts = text.split(',').map((part) => part.trim());
    return parts.filter((part) => part !== '').map((part) => valueFromText(part, element));
  }
  const parsed = parseJson(text);
  // An enumeration of words, say, of which one happens to be JSON.
  if (parsed === undefined || fieldsOf(schema)) return parsed ?? text;
  return fits(schema, parsed) || !fits(schema, text) ? parsed : text;
}

function fits(schema: z.core.$ZodType, value: unknown): boolean {
  return (schema as z.ZodType).safeParse(value).success;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
