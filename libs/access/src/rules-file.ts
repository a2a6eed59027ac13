import { accessRuleSchema, parseJsonText, RulesError } from '@mqtt-cluster/contracts';
import type { AccessRule } from '@mqtt-cluster/contracts';

/** Characters of a wrong value that an error message repeats. */
const shownCharactersMax = 60;

/**
 * Reads a rules file: a JSON array of {@link AccessRule}.
 *
 * @throws RulesError with the line and the column if the text is not JSON, otherwise with the number of the rule, counted
 *   from 1, and the field
 */
export function parseRulesFile(text: string): readonly AccessRule[] {
  let value: unknown;
  try {
    value = parseJsonText(text);
  } catch (error) {
    throw new RulesError((error as Error).message, { cause: error });
  }
  return checkRules(value);
}

/**
 * Checks decoded rules.
 *
 * @throws RulesError as {@link parseRulesFile} does
 */
export function checkRules(value: unknown): readonly AccessRule[] {
  if (!Array.isArray(value)) throw new RulesError('the rules must be a JSON array');
  return value.map((item: unknown, index) => {
    const result = accessRuleSchema.safeParse(item);
    // The two types differ only in `readonly` and in `undefined` of absent fields.
    if (result.success) return result.data as AccessRule;
    throw new RulesError(`rule ${index + 1}: ${explain(result.error, item)}`);
  });
}

type RuleError = NonNullable<ReturnType<typeof accessRuleSchema.safeParse>['error']>;

function explain(error: RuleError, item: unknown): string {
  const issue = error.issues[0];
  if (!issue) return error.message;
  const { path, message } = issue;
  const field = path.map(String).join('.');
  const wrong = path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)?.[key], item);
  const shown = typeof wrong === 'string' ? ` (${JSON.stringify(wrong.slice(0, shownCharactersMax))})` : '';
  return field === '' ? message : `${field}${shown}: ${message}`;
}
