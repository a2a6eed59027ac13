import type { paths } from '@mqtt-cluster/api/client';
import createClient from 'openapi-fetch';
import { signedOut } from './authorization.ts';
import { isAborted, problemError, unreachableError } from './problem.ts';

/** Prefix of all paths of the API. */
export const apiPrefix = '/api/v1';

/** A request that changes something needs this header, which a foreign page cannot add without permission. */
export const ownHeaders = { 'x-mqtt-cluster': '1' } as const;

/** Longest time for an answer. A member itself waits at most 2 s for other members. */
const answerMsMax = 10_000;

export const api = createClient<paths>({ baseUrl: apiPrefix, headers: ownHeaders });

/** The answer of one request of {@link api}. */
interface Answer<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** Returns a signal that aborts with `signal`, or after the longest time for an answer. */
export function withDeadline(signal?: AbortSignal): AbortSignal {
  const deadline = AbortSignal.timeout(answerMsMax);
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
}

/**
 * Returns the data of an answer.
 *
 * @throws ApiError for an answer other than 2xx, and without an answer
 */
export async function read<Data>(request: Promise<Answer<Data>>): Promise<Data> {
  let answer: Answer<Data>;
  try {
    answer = await request;
  } catch (error) {
    if (isAborted(error)) throw error;
    throw unreachableError(error);
  }
  const { data, error, response } = answer;
  if (response.ok) return data as Data;
  if (response.status === 401) signedOut();
  throw problemError(response.status, error);
}
