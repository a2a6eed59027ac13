/** Texts that have a meaning in JSON, to insert them into JSON files and bodies. */
export const jsonWords: readonly string[] = [
  '{',
  '[',
  '"',
  ',',
  ':',
  'null',
  'true',
  '1e999',
  '"__proto__":{},',
  '\\u0000',
  '\\ud800',
  'é',
];

/** Bodies that no operation accepts whose body is an object: some are not JSON, the others have a wrong type or wrong fields. */
export const invalidJson: readonly string[] = [
  '{',
  '[]',
  '[{}]',
  'null',
  '"x"',
  '1e999',
  '{"fuzz":null}',
  '{"queueFull":"nonsense"}',
  '{"a":{"b":{"c":{}}}}',
  '{"__proto__":{"to":"m2"}}',
];
