import type { z } from 'zod';

type AnySchema = z.core.$ZodType;

/** The schema within defaults, optionals and the like. */
export function unwrap(schema: AnySchema): AnySchema {
  const definition = (schema as z.core.$ZodTypes)._zod.def;
  switch (definition.type) {
    case 'default':
    case 'prefault':
    case 'optional':
    case 'nullable':
    case 'readonly':
    case 'catch':
    case 'nonoptional':
      return unwrap(definition.innerType);
    case 'pipe':
      return unwrap(definition.in);
    default:
      return schema;
  }
}

/** The fields of an object schema (through wrappers), or null for any other. */
export function fieldsOf(schema: AnySchema): Readonly<Record<string, AnySchema>> | null {
  const definition = (unwrap(schema) as z.core.$ZodTypes)._zod.def;
  return definition.type === 'object' ? definition.shape : null;
}

/** The element of an array schema (through wrappers), or null for any other. */
export function elementOf(schema: AnySchema): AnySchema | null {
  const definition = (unwrap(schema) as z.core.$ZodTypes)._zod.def;
  return definition.type === 'array' ? definition.element : null;
}

export interface SchemaLeaf {
  readonly path: readonly string[];
  readonly schema: AnySchema;
}

/** Everything in an object schema that is no object itself, in its order. */
export function leavesOf(schema: AnySchema, path: readonly string[] = []): SchemaLeaf[] {
  const fields = fieldsOf(schema);
  if (!fields) return [{ path, schema }];
  return Object.entries(fields).flatMap(([name, field]) => leavesOf(field, [...path, name]));
}
