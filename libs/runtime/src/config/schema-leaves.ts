import type { z } from 'zod';

type AnySchema = z.core.$ZodType;

/** Returns the schema inside wrappers such as defaults, optionals and pipes. */
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

/** Returns the fields of an object schema, which may be wrapped, or null for any other schema. */
export function fieldsOf(schema: AnySchema): Readonly<Record<string, AnySchema>> | null {
  const definition = (unwrap(schema) as z.core.$ZodTypes)._zod.def;
  return definition.type === 'object' ? definition.shape : null;
}

/** Returns the element schema of an array schema, which may be wrapped, or null for any other schema. */
export function elementOf(schema: AnySchema): AnySchema | null {
  const definition = (unwrap(schema) as z.core.$ZodTypes)._zod.def;
  return definition.type === 'array' ? definition.element : null;
}

interface SchemaLeaf {
  readonly path: readonly string[];
  readonly schema: AnySchema;
}

/** Returns every field of a schema that is not an object itself, at every depth, in the order of declaration. */
export function leavesOf(schema: AnySchema, path: readonly string[] = []): SchemaLeaf[] {
  const fields = fieldsOf(schema);
  if (!fields) return [{ path, schema }];
  return Object.entries(fields).flatMap(([name, field]) => leavesOf(field, [...path, name]));
}
