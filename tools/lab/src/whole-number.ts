import { UsageError } from '@mqtt-cluster/kit';

/**
 * Of the command line.
 * @param name as it was given: `--members`
 * @throws UsageError when it is none from `min` to `max`
 */
export function wholeNumber(
  name: string,
  text: string | undefined,
  otherwise: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}
