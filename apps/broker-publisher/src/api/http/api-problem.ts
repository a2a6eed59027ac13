import { STATUS_CODES } from 'node:http';
import { problemType } from '@mqtt-cluster/api';
import type { Problem } from '@mqtt-cluster/api';

export interface ApiProblemOptions {
  /** The same request may succeed later. */
  readonly later?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is refused or cannot be answered. `detail` is one sentence: what is wrong, and what would be right. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly later: boolean;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, { later = false, headers = {} }: ApiProblemOptions = {}) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.later = later;
    this.headers = headers;
  }
}

/** Returns the response of a problem (RFC 9457). */
export function problemResponse({ status, message, later, headers }: ApiProblem): Response {
  const problem: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    ...(later && { later }),
  };
  return new Response(`${JSON.stringify(problem)}\n`, {
    status,
    headers: { 'content-type': problemType, 'cache-control': 'no-store', ...headers },
  });
}
