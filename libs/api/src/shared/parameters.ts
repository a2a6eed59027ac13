import { z } from 'zod';
import { isTopicFilter, isTopicName } from './topics.ts';

/** Items of one page. */
const limitMax = 500;
const limitDefault = 50;
const cursorLengthMax = 8_192;
/** Digits of the longest number that a parameter can have. */
const digitsMax = 12;

/** A whole number in a query. */
export function integerParameter(min: number, max: number, description: string) {
  const expected = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(new RegExp(`^\\d{1,${digitsMax}}$`), expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected)
    .meta({ type: 'integer', minimum: min, maximum: max, description });
}

/** A flag in a query: `true` or `false`. */
export function flagParameter(description: string) {
  return z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .transform((text) => text === 'true')
    .meta({ type: 'boolean', description });
}

/** The parameters of every list. */
export const pageParameters = {
  limit: integerParameter(1, limitMax, `Items of the page, 1 to ${limitMax}; ${limitDefault} by default.`)
    .optional()
    .transform((value) => value ?? limitDefault)
    .meta({
      type: 'integer',
      minimum: 1,
      maximum: limitMax,
      default: limitDefault,
      description: 'Items of the page.',
    }),
  after: z
    .string()
    .min(1, 'must be the value `next` of the page before')
    .max(cursorLengthMax, 'must be the value `next` of the page before')
    .optional()
    .meta({ description: 'The value `next` of the page before. Absent for the first page.' }),
} as const;

export const clientIdParameter = z.string().min(1).meta({ description: 'MQTT client identifier.' });

export const memberIdParameter = z.string().min(1).meta({ description: 'Id of a member.' });

export const topicFilter = z
  .string()
  .refine(isTopicFilter, 'must be a topic filter: # alone in the last level, + alone in a level')
  .meta({ description: 'MQTT topic filter.' });

export const topicName = z
  .string()
  .refine(isTopicName, 'must be a topic name: not empty, without + and #')
  .meta({ description: 'MQTT topic name.' });

export const qosSchema = z
  .union([z.literal(0), z.literal(1), z.literal(2)])
  .meta({ type: 'integer', enum: [0, 1, 2] });
