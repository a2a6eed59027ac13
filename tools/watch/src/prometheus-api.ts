import { z } from 'zod';

const answerMsMax = 20_000;

/** A time series of a query result. Its values are numbers, including NaN and infinities. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Samples in order of time: seconds since 1970, and the value. */
  readonly samples: readonly (readonly [seconds: number, value: number])[];
}

/** A sample in an answer: seconds since 1970, and the value as text. */
const sample = z.tuple([z.number(), z.string()]);
const queryData = z.discriminatedUnion('resultType', [
  z.object({ resultType: z.literal('scalar'), result: sample }),
  z.object({
    resultType: z.literal(['vector', 'matrix']),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: sample.optional(),
        values: z.array(sample).optional(),
      }),
    ),
  }),
]);
const rulesData = z.object({
  groups: z.array(
    z.object({ rules: z.array(z.object({ name: z.string(), lastError: z.string().optional() })) }),
  ),
});
/** Format of all answers of the HTTP API (Prometheus documentation, "HTTP API"). */
const answerSchema = z.object({
  status: z.string(),
  data: z.unknown().optional(),
  error: z.string().optional(),
});

/** Client of the HTTP API of Prometheus. */
export class PrometheusApi {
  /** Address of Prometheus: `http://host:port`. */
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/-/ready`, { signal: AbortSignal.timeout(answerMsMax) })).ok;
    } catch {
      return false;
    }
  }

  /**
   * Evaluates a query at one time.
   * @param at seconds since 1970; now by default.
   * @throws Error with the message of Prometheus when it rejects the query.
   */
  async query(query: string, at?: number): Promise<Series[]> {
    return this.#series('query', { query, ...(at === undefined ? {} : { time: String(at) }) });
  }

  /**
   * Evaluates a query over a range of time.
   * @param fromSeconds seconds since 1970.
   * @throws Error with the message of Prometheus when it rejects the query.
   */
  async range(query: string, fromSeconds: number, toSeconds: number, stepSeconds = 1): Promise<Series[]> {
    const times = { start: String(fromSeconds), end: String(toSeconds), step: String(stepSeconds) };
    return this.#series('query_range', { query, ...times });
  }

  /**
   * Returns the value of a query with at most one series; null when the result has no series.
   * @throws Error when the result has several series.
   */
  async value(query: string): Promise<number | null> {
    const [first, ...more] = await this.query(query);
    if (more.length > 0) throw new Error(`${more.length + 1} series instead of one: ${query}`);
    return first?.samples.at(-1)?.[1] ?? null;
  }

  /** Returns one line for each rule whose last evaluation failed. */
  async ruleErrors(): Promise<string[]> {
    const { groups } = await this.#ask('rules', {}, rulesData);
    return groups
      .flatMap(({ rules }) => rules)
      .filter(({ lastError = '' }) => lastError !== '')
      .map(({ name, lastError }) => `${name}: ${lastError}`);
  }

  async #series(path: string, parameters: Record<string, string>): Promise<Series[]> {
    const data = await this.#ask(path, parameters, queryData);
    if (data.resultType === 'scalar') {
      const [seconds, value] = data.result;
      return [{ labels: {}, samples: [[seconds, numberOf(value)]] }];
    }
    return data.result.map(({ metric, value, values = value === undefined ? [] : [value] }) => ({
      labels: metric,
      samples: values.map(([seconds, text]) => [seconds, numberOf(text)] as const),
    }));
  }

  async #ask<Schema extends z.ZodType>(
    path: string,
    parameters: Record<string, string>,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const post = Object.keys(parameters).length > 0;
    const response = await fetch(`${this.url}/api/v1/${path}`, {
      ...(post ? { method: 'POST', body: new URLSearchParams(parameters) } : {}),
      signal: AbortSignal.timeout(answerMsMax),
    });
    const { status, data, error } = answerSchema.parse(await response.json());
    if (status !== 'success') {
      throw new Error(`Prometheus rejects ${parameters['query'] ?? path}: ${error}`);
    }
    return schema.parse(data);
  }
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}
