import { z } from 'zod';

/**
 * Returns the schema with `optional` in place of `exactOptional`, also in its objects: the generator of the document takes a field
 * that is `exactOptional` for one that is required. JSON has no `undefined`, so both accept the same texts.
 */
export function withOptionalFields<Schema extends z.ZodObject>(schema: Schema): Schema {
  const changed = Object.entries(schema.shape).flatMap(([name, field]) => {
    const other = optionalOf(field);
    return other === field ? [] : [[name, other]];
  });
  return schema.extend(Object.fromEntries(changed)) as unknown as Schema;
}

function optionalOf(field: unknown): unknown {
  if (field instanceof z.ZodExactOptional) {
    const inner = optionalOf(field.unwrap()) as z.ZodType;
    return inner.optional();
  }
  return field instanceof z.ZodObject ? withOptionalFields(field) : field;
}
